"""What a rank reports of its own use, measured on this very process and a child of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest

from gpu_worker.agent import rank_usage
from gpu_worker.contract import MetricPoint

HELD_BYTES = 200 << 20
CHILD = f"""
held = bytearray({HELD_BYTES})
print("ready", flush=True)
while True:
    pass
"""


class Listener:
    """The one method of a door that is used, here keeping what it is told."""

    def __init__(self) -> None:
        self.points: list[MetricPoint] = []
        self.twice = threading.Event()

    def metrics(self, points: Sequence[MetricPoint]) -> None:
        self.points += points
        if sum(point.name == "worker/cpu_percent" for point in self.points) >= 2:
            self.twice.set()


def test_a_child_counts_with_its_processor_time_and_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_usage, "EVERY_SECONDS", 1.0)
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    door = Listener()
    try:
        with rank_usage.RankUsage(door, 3, gpus=[]):  # type: ignore[arg-type]
            assert door.twice.wait(60)
    finally:
        child.kill()
        child.communicate()
    newest = {point.name: point for point in door.points}
    cpu, memory = newest["worker/cpu_percent"].value, newest["worker/memory_bytes"].value
    assert cpu is not None
    assert 5 < cpu < 400
    assert memory is not None
    assert memory > HELD_BYTES
    assert {point.rank for point in door.points} == {3}
    assert "worker/gpu_percent" not in newest
