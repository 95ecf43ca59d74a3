"""The agent's protocol on a real Ray cluster: services, and live raylets that come, drain, fail and leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

import httpx
import psutil
import pytest

from agent.lab import Lab, linear_model, replica, train_spec
from agent.seen import HEALTHY, POOL, kill_node, steps, workers
from gpu_worker.agent.local import ray_environment, session_members
from gpu_worker.agent.settings import Settings


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
