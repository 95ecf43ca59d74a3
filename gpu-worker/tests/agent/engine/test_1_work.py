"""The agent's protocol on a real Ray cluster: real jobs, trainings and sessions, and what they survive."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

import httpx
import numpy as np
import psutil

from agent.lab import METRICS_TOKEN, Lab, inspect_spec, linear_model, reference, train_spec
from agent.seen import HEALTHY, ended, kill_node, steps, steps_told, workers
from gpu_worker.agent.jobs_api import JobsApi
from gpu_worker.agent.local import session_members
from gpu_worker.contract import DesiredAttempt


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
