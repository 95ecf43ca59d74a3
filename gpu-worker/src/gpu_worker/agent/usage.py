"""CPU and memory of the processes of each node, where the nodes are raylets of this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

NODE_ID = "RAY_OVERRIDE_NODE_ID_FOR_TESTING"


@dataclass(frozen=True)
class NodeUsage:
    """cpu_percent: of one core, since the look before; None at the first. memory_bytes: not counting shared
    pages. at: when, of the monotonic clock.
    """

    cpu_percent: float | None
    memory_bytes: int
    at: float


class Usage:
    """Follows raylets and everything they started. On machines elsewhere it knows nothing and says so."""

    def __init__(self) -> None:
        self._raylets: dict[str, psutil.Process] = {}
        self._seconds: dict[str, dict[int, float]] = {}
        self._usage: dict[str, NodeUsage] = {}
        self._gpus: dict[str, list[int]] = {}
        self._at = time.monotonic()

    def look(self, node_ids: set[str]) -> None:
        """Measures the given nodes."""
        if node_ids - self._raylets.keys():
            self._find(node_ids)
        now, before = time.monotonic(), self._at
        self._at = now
        for node_id in list(self._raylets):
            try:
                self._measure(node_id, now - before)
            except psutil.NoSuchProcess:
                del self._raylets[node_id]
        self._usage = {node_id: self._usage[node_id] for node_id in self._raylets if node_id in self._usage}

    def of(self, node_id: str) -> NodeUsage | None:
        """What was measured of a node; None for one that is not of this machine."""
        return self._usage.get(node_id)

    def gpus_of(self, node_id: str) -> list[int]:
        """Which GPUs of this machine are a node's own, in its order."""
        return self._gpus.get(node_id, [])

    def _measure(self, node_id: str, elapsed: float) -> None:
        earlier = self._seconds.get(node_id)
        self._seconds[node_id], used, memory = use_of_tree(self._raylets[node_id], earlier or {})
        percent = round(100 * used / elapsed, 1) if earlier is not None and elapsed > 0 else None
        self._usage[node_id] = NodeUsage(percent, memory, time.monotonic())

    def _find(self, node_ids: set[str]) -> None:
        for process in psutil.process_iter(["name"]):
            if process.info["name"] != "raylet":
                continue
            try:
                environment = process.environ()
            except psutil.Error:
                continue
            node_id = environment.get(NODE_ID)
            if node_id in node_ids:
                self._raylets[node_id] = process
                visible = environment.get("CUDA_VISIBLE_DEVICES", "").split(",")
                self._gpus[node_id] = [int(gpu) for gpu in visible if gpu.isdigit()]


def use_of_tree(root: psutil.Process, earlier: dict[int, float]) -> tuple[dict[int, float], float, int]:
    """CPU seconds of a process and all below it, by pid; those used since `earlier`; and the memory that
    they hold now, in bytes, not counting shared pages. Raises NoSuchProcess when the root is gone.
    """
    seconds: dict[int, float] = {}
    memory = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            times, held = process.cpu_times(), process.memory_info()
        except psutil.NoSuchProcess:
            continue
        seconds[process.pid] = times.user + times.system
        memory += held.rss - held.shared
    # A process that has come since counts with all it used; one that has gone can't be counted any more.
    return seconds, sum(now - earlier.get(pid, 0.0) for pid, now in seconds.items()), memory
