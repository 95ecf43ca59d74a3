"""What a rank reports of its own use, measured on this very process and a child of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from gpu_worker.agent import rank_usage
from gpu_worker.contract import MetricPoint
from gpu_worker.jobs.folder_door import FolderDoor

HELD_BYTES = 200 << 20
CHILD = f"""
held = bytearray({HELD_BYTES})
print("ready", flush=True)
while True:
    pass
"""


class Listener(FolderDoor):
    """Keeps the points that it is told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.points: list[MetricPoint] = []
        self.twice = threading.Event()

    def metrics(self, points: Sequence[MetricPoint]) -> None:
        self.points += points
        if sum(point.name == "worker/cpu_percent" for point in self.points) >= 2:
            self.twice.set()


def test_a_child_counts_with_its_processor_time_and_its_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rank_usage, "EVERY_SECONDS", 1.0)
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    door = Listener(tmp_path)
    try:
        with rank_usage.RankUsage(door, 3, gpus=[]):
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
