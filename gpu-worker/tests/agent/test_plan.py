"""`plan` is the agent's whole judgement: what it does for each difference between wish and world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gpu_worker.agent.observe import observe_jobs, observe_services
from gpu_worker.agent.plan import (
    MOST_CRASHES,
    Bundle,
    Cordon,
    Crashes,
    ForgetJob,
    RemoveService,
    Reserve,
    Seen,
    SeenJob,
    SeenService,
    ServiceKey,
    SetPools,
    StartService,
    StopJob,
    StopService,
    SubmitJob,
    plan,
)
from gpu_worker.contract import DesiredState, ObservedCluster

ATTEMPT = {
    "jobId": "run-1",
    "runId": "run",
    "attemptId": "attempt",
    "kind": "evaluate",
    "token": "secret",
    "resources": {"workers": 1, "cpus": 1, "gpus": 0},
    "reserve": 1,
}
REPLICA = {
    "replicaId": "r",
    "token": "secret",
    "modelName": "m",
    "versionNumber": 1,
    "digest": "0" * 64,
    "cpus": 1,
}
POOL = {"name": "cpu", "min": 0, "max": 2, "idleSeconds": 60, "resources": {"CPU": 1}}
KEY = ServiceKey("replica", "r")
EMPTY_CLUSTER = ObservedCluster(nodes=[], departed=[], pending=[], failed=[], demands=[], groups=[])


def desired(**sections: list[dict[str, Any]]) -> DesiredState:
    empty: dict[str, Any] = {"attempts": [], "sessions": [], "replicas": [], "pools": [], "nodes": []}
    return DesiredState.model_validate({"clusterId": "c", "revision": 1, **empty, **sections})


WITH_JOB = desired(attempts=[ATTEMPT])
WITH_REPLICA = desired(replicas=[REPLICA])
WITH_POOL = desired(pools=[POOL])
NOTHING = desired()


def job(state: Any) -> Seen:
    return Seen(jobs={"run-1": SeenJob("run-1", "attempt", state)}, submitted=frozenset({"run-1"}))


def service(state: Any) -> Seen:
    return Seen(services={KEY: SeenService(KEY, state)})


def crashed(times: int, now: float) -> Seen:
    crashes = Crashes()
    for at in range(times):
        crashes = crashes.add(float(at), "no model")
    return Seen(crashes={KEY: crashes}, now=now)


ONE, NONE = Reserve((Bundle(1),)), Reserve(())
SUBMIT = SubmitJob(WITH_JOB.attempts[0])
START = StartService(KEY, WITH_REPLICA.replicas[0])


@pytest.mark.parametrize(
    ("wish", "seen", "actions"),
    [
        pytest.param(WITH_JOB, Seen(), [SUBMIT], id="a new attempt is handed to Ray"),
        pytest.param(WITH_JOB, job("pending"), [], id="a pending job is waited for"),
        pytest.param(WITH_JOB, job("running"), [], id="a running job is left alone"),
        pytest.param(WITH_JOB, job("succeeded"), [], id="a job that succeeded never runs again"),
        pytest.param(WITH_JOB, job("failed"), [], id="a job that failed is the console's to retry"),
        pytest.param(
            WITH_JOB, Seen(submitted=frozenset({"run-1"})), [], id="a job that Ray lost is not begun anew"
        ),
        pytest.param(NOTHING, job("running"), [StopJob("run-1")], id="an undesired job is stopped"),
        pytest.param(NOTHING, job("pending"), [StopJob("run-1")], id="even before it runs"),
        pytest.param(NOTHING, job("stopped"), [ForgetJob("run-1")], id="an ended one is forgotten"),
        pytest.param(WITH_REPLICA, Seen(), [START], id="a desired service is started"),
        pytest.param(WITH_REPLICA, service("starting"), [], id="one that starts is waited for"),
        pytest.param(WITH_REPLICA, service("ready"), [], id="one that is ready is left alone"),
        pytest.param(
            WITH_REPLICA, service("failed"), [RemoveService(KEY)], id="a failed one is removed first"
        ),
        pytest.param(NOTHING, service("ready"), [StopService(KEY)], id="an undesired service is stopped"),
        pytest.param(NOTHING, service("stopping"), [], id="once"),
        pytest.param(NOTHING, service("stopped"), [RemoveService(KEY)], id="and removed at the end"),
        pytest.param(WITH_REPLICA, service("stopping"), [], id="one desired again waits for its end"),
        pytest.param(WITH_REPLICA, crashed(1, now=0.1), [], id="after a failure there is a wait"),
        pytest.param(WITH_REPLICA, crashed(1, now=0.5), [START], id="of half a second"),
        pytest.param(WITH_REPLICA, crashed(3, now=3.9), [], id="that doubles"),
        pytest.param(WITH_REPLICA, crashed(3, now=4.0), [START], id="each time"),
        pytest.param(
            WITH_REPLICA, crashed(MOST_CRASHES, now=1e6), [], id="a crash loop is left alone for good"
        ),
        pytest.param(
            WITH_JOB, Seen(reserved=()), [ONE, SUBMIT], id="room for a job's workers is reserved before it"
        ),
        pytest.param(WITH_JOB, Seen(reserved=ONE.bundles), [SUBMIT], id="once"),
        pytest.param(
            WITH_JOB, replace(job("succeeded"), reserved=ONE.bundles), [NONE], id="until the job has ended"
        ),
        pytest.param(
            WITH_JOB,
            Seen(submitted=frozenset({"run-1"}), reserved=ONE.bundles),
            [NONE],
            id="or is known to be lost",
        ),
        pytest.param(WITH_REPLICA, Seen(reserved=()), [ONE, START], id="and so it is for a service"),
        pytest.param(
            WITH_REPLICA,
            replace(crashed(MOST_CRASHES, now=1e6), reserved=ONE.bundles),
            [NONE],
            id="that is not left alone",
        ),
        pytest.param(WITH_POOL, Seen(pools=[]), [SetPools((WITH_POOL.pools[0],))], id="pools are set"),
        pytest.param(WITH_POOL, Seen(pools=[WITH_POOL.pools[0]]), [], id="when they differ"),
        pytest.param(WITH_POOL, Seen(pools=None), [], id="and where they are ours to set"),
    ],
)
def test_plan(wish: DesiredState, seen: Seen, actions: list[object]) -> None:
    assert plan(wish, seen) == actions


def test_what_ends_makes_room_before_something_starts() -> None:
    wish = desired(attempts=[ATTEMPT | {"jobId": "run-2"}])
    kinds = [type(action) for action in plan(wish, job("running"))]
    assert kinds == [StopJob, SubmitJob]


def test_a_lost_job_is_told_as_lost() -> None:
    told = observe_jobs(WITH_JOB, Seen(submitted=frozenset({"run-1"})))
    assert [(found.job_id, found.attempt_id, found.state) for found in told] == [("run-1", "attempt", "lost")]


def test_a_crash_loop_is_told_with_its_cause() -> None:
    (told,) = observe_services(WITH_REPLICA, crashed(MOST_CRASHES, now=10), EMPTY_CLUSTER)
    assert told.state == "failed"
    assert "left alone" in told.message
    assert "no model" in told.message


SESSION = ServiceKey("session", "studio")
WITH_SESSION = desired(
    sessions=[
        {
            "sessionId": SESSION.id,
            "token": "a-token-of-this-test",
            "model": "0" * 64,
            "floatModel": "0" * 64,
            "dataset": {
                "datasetId": "dataset",
                "name": "garments",
                "files": [{"role": "data", "format": "npz", "sha256": "0" * 64, "bytes": 1, "name": "x.npz"}],
                "split": {"kind": "seeded", "seed": 0, "testFraction": 0.2},
                "transform": {"scale": 1, "mean": 0, "std": 1},
            },
            "cpus": 1,
        }
    ]
)


def test_a_session_that_dies_is_on_its_way_until_it_is_left_alone() -> None:
    """Its users wait for it. One that tells why it failed has failed, and so has a replica that died."""

    def told(key: ServiceKey, wish: DesiredState, seen: Seen) -> tuple[str, str]:
        found = observe_services(wish, seen, EMPTY_CLUSTER)
        [service] = [one for one in found if one.id == key.id]
        return service.state, service.message

    dead = SeenService(SESSION, "failed", message="The process died.", died=True)
    again = ("starting", "Is started again. The process died.")
    once = Crashes().add(0.0, "The process died.")
    often = Crashes(tuple(map(float, range(MOST_CRASHES))), "The process died.")
    assert told(SESSION, WITH_SESSION, Seen(services={SESSION: dead})) == again
    assert told(SESSION, WITH_SESSION, Seen(crashes={SESSION: once}, now=0.1)) == again
    assert told(SESSION, WITH_SESSION, Seen(crashes={SESSION: often}, now=9.0))[0] == "failed"
    refused = SeenService(SESSION, "failed", message="no such array")
    assert told(SESSION, WITH_SESSION, Seen(services={SESSION: refused})) == ("failed", "no such array")
    assert told(KEY, WITH_REPLICA, Seen(crashes={KEY: once}, now=0.1))[0] == "failed"


def test_a_node_is_taken_out_of_service_once_and_only_while_it_is_there() -> None:
    wish = {"nodeId": "n1", "wish": "drain", "reason": "its disk fails"}
    asked = desired(nodes=[wish])
    assert plan(asked, Seen(nodes=frozenset({"n1"}))) == [Cordon("n1", "its disk fails")]
    assert plan(asked, Seen(nodes=frozenset({"n1"}), cordoned=frozenset({"n1"}))) == []
    assert plan(asked, Seen()) == []
