"""The agent's protocol on a real Ray cluster: live raylets, real jobs, real processes of services."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from agent.fake_console import FakeAttempt, FakeConsole
from agent.lab import METRICS_TOKEN, Lab, inspect_spec, linear_model, reference, replica, train_spec
from gpu_worker.agent.jobs_api import JobsApi
from gpu_worker.agent.local import marked_processes, ray_environment, session_members
from gpu_worker.agent.settings import Settings
from gpu_worker.contract import DesiredAttempt

POOL = {"name": "cpu", "min": 0, "max": 3, "idleSeconds": 60, "resources": {"CPU": 1}}
HEALTHY = 90
"""Seconds within which anything here happens, on a machine that does much else."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with tempfile.TemporaryDirectory(prefix="lathe-engine-") as folder:
        lab = Lab(Path(folder))
        try:
            lab.console.desire(pools=[POOL])
            lab.console.until(lambda: lab.console.observed["cluster"], HEALTHY, "the first observation")
            yield lab
        finally:
            instance = Settings(lab.home.resolve(), "", lab.ray_port).instance
            lab.close()
            assert list(marked_processes(instance)) == [], "the cluster left processes behind"


def steps_told(attempt: FakeAttempt) -> list[int]:
    """Steps of the training; what workers use is counted in steps of its own."""
    points = [p for body in attempt.bodies("metrics") for p in body["points"]]
    return [p["step"] for p in points if p["name"].startswith("train/")]


def steps(attempt: FakeAttempt) -> int:
    return max(steps_told(attempt), default=0)


def ended(console: FakeConsole, attempt: FakeAttempt) -> dict[str, Any]:
    def job() -> dict[str, Any] | None:
        found = console.job(attempt.job_id)
        return found if found and found["state"] in ("succeeded", "failed", "stopped") else None

    return console.until(job, HEALTHY, f"the end of {attempt.job_id}")


def workers(console: FakeConsole) -> list[dict[str, Any]]:
    return [node for node in console.observed["cluster"]["nodes"] if not node["isHead"]]


def test_the_one_time_token_was_used_once_and_the_agents_own_is_private(lab: Lab) -> None:
    assert lab.console.enrolled == 1
    assert not (lab.home / "secrets" / "agent-enrol.token").exists()
    assert (lab.home / "secrets" / "agent.token").stat().st_mode & 0o077 == 0


def test_an_agent_that_speaks_to_both_sides_is_ready_and_counts_what_it_does(lab: Lab) -> None:
    def ask(path: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {METRICS_TOKEN}"}
        return httpx.get(f"http://127.0.0.1:{lab.metrics_port}{path}", headers=headers, trust_env=False)

    assert ask("/health/ready").json() == {"ready": True, "notReady": []}
    text = ask("/metrics").text
    assert re.search(r'^lathe_agent_actions_total\{action="SetPools",outcome="taken"\} [1-9]', text, re.M)
    assert re.search(r'^lathe_agent_tells_total\{outcome="sent"\} [1-9]', text, re.M)
    assert re.search(r"^lathe_agent_ray_silent_seconds [0-2]\.", text, re.M)


def test_a_job_brings_up_a_node_and_delivers_its_result(lab: Lab) -> None:
    console = lab.console
    assert workers(console) == []
    assert console.observed["cluster"]["followsPools"]
    attempt = console.launch("inspect", inspect_spec(console))
    console.until(lambda: console.observed["cluster"]["demands"] or workers(console), HEALTHY, "demand")
    job = ended(console, attempt)
    assert (job["state"], job["exitCode"]) == ("succeeded", 0)
    assert attempt.result is not None
    assert attempt.result["report"]["n"] == 200
    (node,) = workers(console)
    assert (node["pool"], node["cpus"], node["gpus"]) == ("cpu", 1, 0)
    assert [report["state"] for report in attempt.bodies("state")] == ["starting", "running"]
    assert attempt.bodies("state")[0]["workers"][0]["nodeId"] == node["nodeId"]


def test_a_node_passes_on_to_nobody_what_its_workers_print(lab: Lab) -> None:
    assert workers(lab.console)
    commands = [psutil.Process(pid).cmdline() for pid in session_members(lab.sid)]
    assert any("raylet" in " ".join(command) for command in commands)
    assert not any("log_monitor" in " ".join(command) for command in commands)


def test_a_job_is_submitted_once_however_often_it_is_asked_for(lab: Lab) -> None:
    attempt = next(iter(lab.console.attempts.values()))
    api = JobsApi(f"http://127.0.0.1:{lab.ray_port + 1}", lab.ray_token, lab.console.desired["clusterId"])
    before = api.list()
    api.submit(DesiredAttempt.model_validate(lab.console.desired_attempt(attempt)), lab.console.url)
    assert api.list() == before


def test_a_job_whose_attempt_is_over_already_ends_with_code_3(lab: Lab) -> None:
    attempt = lab.console.launch("late", inspect_spec(lab.console))
    attempt.over = True
    job = ended(lab.console, attempt)
    assert (job["state"], job["exitCode"]) == ("failed", 3)


def test_a_strangers_job_is_left_alone_and_ours_ends_when_it_is_not_desired(lab: Lab) -> None:
    console = lab.console
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{lab.ray_port + 1}",
        headers={"authorization": f"Bearer {lab.ray_token}"},
        trust_env=False,
    )
    stranger = {"entrypoint": "sleep 600", "submission_id": "stranger", "entrypoint_num_cpus": 0}
    assert client.post("/api/jobs/", json=stranger).is_success
    attempt = console.launch("orphan", train_spec(console))
    console.until(lambda: attempt.bodies("state"), HEALTHY, "placed")
    console.desire(attempts=[])
    console.until(lambda: console.job(attempt.job_id) is None, HEALTHY, "the end of the orphan")
    assert client.get("/api/jobs/stranger").json()["status"] == "RUNNING"
    assert client.post("/api/jobs/stranger/stop").is_success


def test_a_training_survives_its_agent_and_its_worker(lab: Lab) -> None:
    console = lab.console
    attempt = console.launch("train", train_spec(console), workers=2)
    console.until(lambda: steps(attempt) > 12 and attempt.bodies("checkpoints"), HEALTHY, "steps")
    first, second = attempt.bodies("state")[-1]["workers"]
    assert first["nodeId"] != second["nodeId"]

    lab.agent.kill()
    lab.agent.wait()
    incarnation, seen = console.observations[-1]["incarnation"], steps(attempt)
    console.until(lambda: steps(attempt) > seen + 5, HEALTHY, "steps without an agent")
    lab.start_agent()
    console.until(
        lambda: (
            console.observations[-1]["incarnation"] != incarnation
            and (console.job(attempt.job_id) or {}).get("state") == "running"
        ),
        HEALTHY,
        "the new agent",
    )
    assert steps(attempt) > seen

    os.kill(second["pid"], signal.SIGKILL)
    following = console.until(lambda: console.attempts.get("token-train-2"), HEALTHY, "the next attempt")
    console.until(lambda: steps(following), HEALTHY, "steps of the next attempt")
    assert attempt.cause is not None
    assert (attempt.cause["kind"], attempt.cause["rank"]) == ("worker_died", 1)
    assert "step" in attempt.cause["evidence"], "the last lines of the rank's log"
    assert min(steps_told(following)) == following.checkpoint["step"] + 1
    survivor, replacement = following.bodies("state")[0]["workers"]
    assert survivor["pid"] == first["pid"]
    assert replacement["pid"] != second["pid"]

    console.desire(attempts=[])
    console.until(lambda: console.job(attempt.job_id) is None, HEALTHY, "the end of the training")
    last = following.bodies("checkpoints")[-1]["step"]
    assert last == steps(following), "a stopped run keeps its last step"


def test_a_rank_that_stops_stepping_is_named_and_the_run_goes_on(lab: Lab) -> None:
    console = lab.console
    spec = train_spec(console)
    spec["hyper"] |= {"epochs": 24, "stallSeconds": 8}
    attempt = console.launch("stall", spec, workers=2)
    console.until(lambda: steps(attempt) > 12 and attempt.bodies("checkpoints"), HEALTHY, "steps")
    first, second = attempt.bodies("state")[-1]["workers"]
    os.kill(second["pid"], signal.SIGSTOP)
    following = console.until(lambda: console.attempts.get("token-stall-2"), HEALTHY, "the next attempt")
    assert attempt.cause is not None
    assert (attempt.cause["kind"], attempt.cause["rank"]) == ("stalled", 1)
    assert f"process {second['pid']} on node {second['nodeId'][:8]}" in attempt.cause["message"]
    assert "it is stopped, by a signal" in attempt.cause["message"]
    (request,) = attempt.bodies("next-attempt")
    told = re.search(r"the last step it told of was (\d+), (\d+) s before", attempt.cause["message"])
    assert told is not None
    assert 1 <= int(told[1]) <= request["lastStep"]
    assert int(told[2]) >= 8
    chunks = [chunk for body in attempt.bodies("logs") for chunk in body["chunks"]]
    log = "".join(chunk["text"] for chunk in chunks if chunk["rank"] == 0)
    assert "Stack of the thread that works" in log
    assert "run_rank" in log
    assert not psutil.pid_exists(second["pid"]), "the stopped process is left behind"
    job = ended(console, attempt)
    assert (job["state"], job["exitCode"]) == ("succeeded", 0)
    assert following.result is not None
    survivor, _ = following.bodies("state")[0]["workers"]
    assert survivor["pid"] == first["pid"]
    assert min(steps_told(following)) == following.checkpoint["step"] + 1


def kill_node(lab: Lab, node_id: str) -> None:
    """Ends a node without a word, as a machine that loses its power does."""
    raylet = next(
        process
        for process in (psutil.Process(pid) for pid in session_members(lab.sid))
        if process.name() == "raylet" and process.environ().get("RAY_OVERRIDE_NODE_ID_FOR_TESTING") == node_id
    )
    raylet.kill()


def test_an_elastic_training_goes_on_with_fewer_workers_when_a_node_is_lost(lab: Lab) -> None:
    console = lab.console
    attempt = console.launch("elastic", train_spec(console), workers=2, min_workers=1)
    console.until(lambda: steps(attempt) > 12 and attempt.bodies("checkpoints"), HEALTHY, "steps")
    _, second = attempt.bodies("state")[-1]["workers"]
    kill_node(lab, second["nodeId"])
    following = console.until(lambda: console.attempts.get("token-elastic-2"), HEALTHY, "the next attempt")
    console.until(lambda: steps(following), HEALTHY, "steps of the next attempt")
    assert attempt.cause is not None
    assert attempt.cause["kind"] == "node_lost"
    (place,) = following.bodies("state")[-1]["workers"]
    assert place["nodeId"] != second["nodeId"]
    assert min(steps_told(following)) == following.checkpoint["step"] + 1
    console.desire(attempts=[])
    console.until(lambda: console.job(attempt.job_id) is None, HEALTHY, "the end of the training")


def warm_processes(lab: Lab) -> set[int]:
    """Idle processes of the cluster that have torch loaded."""

    def is_warm(pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            return process.cmdline()[:1] == ["ray::IDLE"] and any(
                "libtorch_cpu" in mapped.path for mapped in process.memory_maps()
            )
        except psutil.NoSuchProcess:  # It ended since it was listed.
            return False

    return {pid for pid in session_members(lab.sid) if is_warm(pid)}


def warm_nodes(lab: Lab) -> set[int]:
    """The warm processes, as soon as each node has one."""
    nodes = workers(lab.console)
    return lab.console.until(
        lambda: (found := warm_processes(lab)) and len(found) == len(nodes) and found, HEALTHY, "warm nodes"
    )


def test_idle_nodes_keep_a_process_that_the_next_training_takes(lab: Lab) -> None:
    console, warm = lab.console, warm_nodes(lab)
    attempt = console.launch("warm", train_spec(console), workers=2)
    console.until(lambda: steps(attempt), HEALTHY, "steps")
    assert {worker["pid"] for worker in attempt.bodies("state")[0]["workers"]} <= warm
    console.desire(attempts=[])
    console.until(lambda: console.job(attempt.job_id) is None, HEALTHY, "the end of the training")


def test_a_session_takes_an_idle_nodes_process_and_moves_when_its_node_is_lost(
    lab: Lab,
) -> None:
    console, warm = lab.console, warm_nodes(lab)
    model, samples = console.put(linear_model()), np.random.default_rng(0).normal(size=(60, 4))
    session = {
        "sessionId": "studio",
        "token": "token-studio",
        "model": model,
        "floatModel": model,
        "dataset": reference(console, samples.astype(np.float32), np.arange(60) % 3),
        "cpus": 1,
    }
    console.desire(sessions=[session])

    def ready() -> dict[str, Any] | None:
        found = console.service("studio")
        return found if found and found["state"] == "ready" else None

    first = console.until(ready, HEALTHY, "a ready session")
    assert first["pid"] in warm
    kill_node(lab, first["nodeId"])
    again = console.until(
        lambda: (found := ready()) and found["pid"] != first["pid"] and found, HEALTHY, "it elsewhere"
    )
    assert again["nodeId"] != first["nodeId"]
    console.desire(sessions=[])
    console.until(lambda: console.service("studio") is None, HEALTHY, "the end of the session")


def test_a_service_comes_back_after_a_crash_and_ends_when_it_is_not_desired(lab: Lab) -> None:
    console = lab.console
    digest = console.put(linear_model())
    console.desire(replicas=[replica("good", digest), replica("broken", "0" * 64)])

    def ready() -> dict[str, Any] | None:
        found = console.service("good")
        return found if found and found["state"] == "ready" else None

    service = console.until(ready, HEALTHY, "a ready replica")
    headers = {"authorization": "Bearer token-good"}
    assert httpx.get(f"{service['address']}/ready", headers=headers, trust_env=False).is_success
    assert httpx.get(f"{service['address']}/ready", trust_env=False).status_code == 401

    os.kill(service["pid"], signal.SIGKILL)
    again = console.until(
        lambda: (found := ready()) and found["pid"] != service["pid"] and found, HEALTHY, "it again"
    )
    assert httpx.get(f"{again['address']}/ready", headers=headers, trust_env=False).is_success

    console.until(
        lambda: "left alone" in (console.service("broken") or {}).get("message", ""), HEALTHY, "giving up"
    )
    assert console.service("broken")["state"] == "failed"
    console.desire(replicas=[])
    console.until(lambda: console.observed["services"] == [], HEALTHY, "the end of the services")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{again['address']}/ready", headers=headers, trust_env=False)


def test_a_drained_node_ends_nothing_takes_no_new_work_and_leaves(lab: Lab) -> None:
    console = lab.console
    attempt = console.launch("drained", train_spec(console))
    console.until(lambda: steps(attempt), HEALTHY, "steps")
    (place,) = attempt.bodies("state")[-1]["workers"]
    wish = {"nodeId": place["nodeId"], "wish": "drain", "reason": "its disk fails"}
    console.desire(nodes=[wish])

    def node() -> dict[str, Any] | None:
        return next((n for n in workers(console) if n["nodeId"] == place["nodeId"]), None)

    console.until(lambda: (node() or {}).get("state") == "draining", HEALTHY, "a draining node")
    assert (node() or {})["cordoned"]
    console.desire(nodes=[wish | {"wish": "cordon"}])
    console.until(lambda: (node() or {}).get("state") == "active", HEALTHY, "a cordoned node")
    seen = steps(attempt)
    other = console.launch("beside", train_spec(console))
    console.until(lambda: steps(other), HEALTHY, "work that comes later")
    assert other.bodies("state")[-1]["workers"][0]["nodeId"] != place["nodeId"]
    console.until(lambda: steps(attempt) > seen, HEALTHY, "steps while it drains")
    console.desire(attempts=[])
    console.until(lambda: node() is None, HEALTHY, "the end of the node")
    gone = {item["nodeId"]: item["reason"] for item in console.observed["cluster"]["departed"]}
    assert gone[place["nodeId"]] == "drained"
    console.until(lambda: console.observed["jobs"] == [], HEALTHY, "the end of the trainings")
    console.desire(nodes=[])


def test_what_nodes_use_is_told_apart_from_what_they_are(lab: Lab) -> None:
    console = lab.console
    readings = console.observed["readings"]
    worked = [place for place, percent in enumerate(readings["cpuPercent"]) if percent is not None]
    assert worked
    for column in ("memoryBytes", "diskBytes", "sentBytesPerSecond", "heartbeatAgeMs"):
        assert all(readings[column][place] >= 0 for place in worked), column
    first = len(console.observations)
    console.until(
        lambda: sum("readings" in o for o in console.observations[first:]) >= 3, HEALTHY, "readings"
    )
    told = [o for o in console.observations[first:] if "readings" in o]
    assert sum("cluster" in o for o in told) < len(told), "a steady cluster is told once"


def test_nodes_leave_for_a_reason(lab: Lab) -> None:
    console = lab.console
    console.desire(pools=[POOL | {"min": 2}])
    console.until(lambda: len(workers(console)) >= 2, HEALTHY, "two nodes")
    lost = workers(console)[0]["nodeId"]
    kill_node(lab, lost)

    def reasons() -> dict[str, str]:
        return {gone["nodeId"]: gone["reason"] for gone in console.observed["cluster"]["departed"]}

    console.until(lambda: reasons().get(lost) == "lost", HEALTHY, "the lost node")
    console.desire(pools=[POOL | {"idleSeconds": 1}])
    console.until(lambda: workers(console) == [], HEALTHY, "the idle nodes' departure")
    assert "idle" in reasons().values()


def test_a_floor_holds_however_long_its_nodes_idle(lab: Lab) -> None:
    """About 8 s: what is beyond the floor leaves, what belongs to it stays."""
    console = lab.console
    console.desire(pools=[POOL | {"min": 2, "idleSeconds": 1}])
    console.until(lambda: len(workers(console)) == 2, HEALTHY, "two nodes")
    console.desire(pools=[POOL | {"min": 1, "idleSeconds": 1}])
    (kept,) = console.until(
        lambda: (now := workers(console)) and len(now) == 1 and now, HEALTHY, "the idle node's departure"
    )
    told = len(console.observations)
    console.until(lambda: len(console.observations) > told + 4, HEALTHY, "several times its idle time")
    assert [node["nodeId"] for node in workers(console)] == [kept["nodeId"]]
    console.desire(pools=[POOL | {"idleSeconds": 1}])
    console.until(lambda: workers(console) == [], HEALTHY, "no node")


def test_launches_that_are_refused_are_tried_again_after_a_while_and_told_as_one(lab: Lab) -> None:
    """About 20 s. A node needs a folder for its sockets: with a file in its place each launch fails."""
    console = lab.console
    settings = Settings(lab.home.resolve(), "", lab.ray_port)
    sockets = (settings.ray_folder / "session_latest").resolve() / "sockets"
    away = sockets.with_name("sockets-away")

    def failed() -> list[dict[str, Any]]:
        return console.observed["cluster"]["failed"]

    sockets.rename(away)
    sockets.write_text("")
    try:
        console.desire(pools=[POOL | {"min": 1}])
        first = console.until(failed, HEALTHY, "a refusal")[0]
        assert "sockets" in first["message"], "the provider's own words"
        again = console.until(
            lambda: (now := failed()) and now[0]["count"] > first["count"] and now, HEALTHY, "another try"
        )
        assert [(item["pool"], item["message"]) for item in again] == [("cpu", first["message"])]
        assert again[0]["retryInMs"] > 0
        assert again[0]["count"] == first["count"] + 1, "one try a turn"
        assert console.observed["cluster"]["pending"] == [], "who waits for a turn is not on its way"
    finally:
        sockets.unlink()
        away.rename(sockets)
    console.until(lambda: len(workers(console)) == 1 and not failed(), HEALTHY, "a node, and no refusal")


def drain_node(lab: Lab, node_id: str) -> None:
    """Drains a node as an operator does who is about to take its machine away."""
    settings = Settings(lab.home.resolve(), "", lab.ray_port)
    drained = subprocess.run(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "drain-node"),
            *("--address", settings.gcs_address, "--node-id", node_id),
            *("--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "the machine is taken away"),
            *("--deadline-remaining-seconds", "300"),
        ],
        env={**lab.environment, **ray_environment(settings)},
        capture_output=True,
        text=True,
    )
    assert drained.returncode == 0, drained.stderr


def test_a_replica_moves_off_a_node_that_drains_and_answers_until_its_successor_does(lab: Lab) -> None:
    """About 20 s. The console's part, what it desires of a draining node, is in `scaling.slice.test.ts`."""
    console, digest = lab.console, lab.console.put(linear_model())
    console.desire(pools=[POOL], replicas=[replica("old", digest)])

    def ready(id: str) -> dict[str, Any] | None:
        found = console.service(id)
        return found if found and found["state"] == "ready" else None

    def answers(service: dict[str, Any], id: str) -> bool:
        headers = {"authorization": f"Bearer token-{id}"}
        return httpx.get(f"{service['address']}/ready", headers=headers, trust_env=False).is_success

    def states() -> dict[str, str]:
        return {node["nodeId"]: node["state"] for node in workers(console)}

    old = console.until(lambda: ready("old"), HEALTHY, "a ready replica")
    drain_node(lab, old["nodeId"])
    console.until(lambda: states().get(old["nodeId"]) == "draining", HEALTHY, "the node to drain")
    console.desire(replicas=[replica("old", digest), replica("next", digest)])
    successor = console.until(lambda: ready("next"), HEALTHY, "its successor")
    assert successor["nodeId"] != old["nodeId"]
    assert answers(old, "old")
    assert answers(successor, "next")

    console.desire(replicas=[replica("next", digest)])
    console.until(lambda: console.service("old") is None, HEALTHY, "the end of the old one")
    console.until(lambda: old["nodeId"] not in states(), HEALTHY, "the node to leave")
    assert answers(successor, "next")
    gone = {node["nodeId"]: node["reason"] for node in console.observed["cluster"]["departed"]}
    assert gone[old["nodeId"]] == "drained"
    console.desire(replicas=[])
    console.until(lambda: console.observed["services"] == [], HEALTHY, "the end of the services")


def test_everything_listens_on_loopback(lab: Lab) -> None:
    listening = {
        connection.laddr.ip
        for pid in session_members(lab.sid)
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_a_head_that_is_gone_is_told_of(lab: Lab) -> None:
    head = next(
        process
        for process in (psutil.Process(pid) for pid in session_members(lab.sid))
        if process.name() == "gcs_server"
    )
    head.suspend()
    try:
        silence = lab.console.until(
            lambda: (found := lab.console.observed["silence"])["ms"] and found, 10, "the silence of Ray"
        )
        assert silence["message"]
    finally:
        head.resume()
    lab.console.until(lambda: lab.console.observed["silence"]["ms"] == 0, HEALTHY, "Ray's answer")


def test_a_second_cluster_on_the_same_ports_says_no_and_disturbs_nobody(lab: Lab) -> None:
    with tempfile.TemporaryDirectory(prefix="lathe-other-") as folder:
        other = subprocess.run(
            [sys.executable, "-m", "gpu_worker.agent.local"],
            env={**lab.environment, "LATHE_HOME": folder},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert other.returncode == 1
    assert str(lab.ray_port) in other.stderr
    assert lab.cluster.poll() is None
