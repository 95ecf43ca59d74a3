"""What tests of the agent see of a cluster, and how long they wait for it."""

from __future__ import annotations

from typing import Any

import psutil

from agent.fake_console import FakeAttempt, FakeConsole
from agent.lab import Lab
from gpu_worker.agent.local import session_members

POOL = {"name": "cpu", "min": 0, "max": 3, "idleSeconds": 60, "resources": {"CPU": 1}}
HEALTHY = 90
"""Seconds within which anything here happens, on a machine that does much else."""


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


def kill_node(lab: Lab, node_id: str) -> None:
    """Ends a node without a word, as a machine that loses its power does."""
    raylet = next(
        process
        for process in (psutil.Process(pid) for pid in session_members(lab.sid))
        if process.name() == "raylet" and process.environ().get("RAY_OVERRIDE_NODE_ID_FOR_TESTING") == node_id
    )
    raylet.kill()
