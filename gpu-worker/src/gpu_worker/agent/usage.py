"""CPU and memory of the processes of each node, where the nodes are raylets of this machine."""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass

import psutil

NODE_ID = "RAY_OVERRIDE_NODE_ID_FOR_TESTING"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ROUND_SECONDS = 60.0
"""How long it may last until a process is seen that took the pid of a stranger between two looks."""


@dataclass(frozen=True)
class NodeUsage:
    """cpu_percent: of one core, since the look before; None at the first. memory_bytes: not counting shared
    pages. at: when, of the monotonic clock.
    """

    cpu_percent: float | None
    memory_bytes: int
    at: float


@dataclass(frozen=True)
class Raylet:
    """A node that is here: the process below which all of its others are, and the GPUs of this machine that
    are its own, in its order.
    """

    pid: int
    gpus: tuple[int, ...]


class Usage:
    """Follows raylets and everything they started. On machines elsewhere it knows nothing and says so."""

    def __init__(self) -> None:
        self._sought: set[str] = set()
        self._raylets: dict[str, Raylet] = {}
        self._seconds: dict[str, dict[int, float]] = {}
        self._usage: dict[str, NodeUsage] = {}
        self._at = time.monotonic()
        self._strangers: set[int] = set()
        self._round_at = self._at

    def look(self, node_ids: set[str]) -> None:
        """Measures the given nodes."""
        now, before = time.monotonic(), self._at
        self._at, self._usage = now, {}
        has_new = bool(node_ids - self._sought)
        self._sought = set(node_ids)
        if has_new:
            self._raylets |= raylets_of(node_ids - self._raylets.keys())
        if has_new or now - self._round_at >= ROUND_SECONDS:
            self._strangers, self._round_at = set(), now
        if not self._raylets:
            return
        processes = Processes(self._strangers)
        self._strangers = set(processes.pids)
        for node_id, raylet in list(self._raylets.items()):
            if raylet.pid in processes:
                tree = processes.tree(raylet.pid)
                self._strangers.difference_update(tree)
                self._measure(node_id, tree, now - before)
            else:
                del self._raylets[node_id]
                self._seconds.pop(node_id, None)

    def of(self, node_id: str) -> NodeUsage | None:
        """What was measured of a node; None for one that is not of this machine."""
        return self._usage.get(node_id)

    def gpus_of(self, node_id: str) -> tuple[int, ...]:
        """Which GPUs of this machine are a node's own, in its order."""
        return self._raylets[node_id].gpus if node_id in self._raylets else ()

    def _measure(self, node_id: str, seconds: dict[int, float], elapsed: float) -> None:
        earlier = self._seconds.get(node_id)
        self._seconds[node_id] = seconds
        percent = None
        if earlier is not None and elapsed > 0:
            percent = round(100 * used_since(earlier, seconds) / elapsed, 1)
        self._usage[node_id] = NodeUsage(percent, memory_of(seconds), self._at)


def raylets_of(node_ids: Collection[str]) -> dict[str, Raylet]:
    """Those of the given nodes that are here."""
    found: dict[str, Raylet] = {}
    for process in psutil.process_iter(["name"]) if node_ids else ():
        if process.info["name"] != "raylet":
            continue
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        node_id = environment.get(NODE_ID)
        if node_id is not None and node_id in node_ids:
            visible = environment.get("CUDA_VISIBLE_DEVICES", "").split(",")
            found[node_id] = Raylet(process.pid, tuple(int(gpu) for gpu in visible if gpu.isdigit()))
    return found


class Processes:
    """The live processes of this machine as they are now, read in one pass for any number of trees.

    strangers: pids that are not read again. What is in no tree comes into none: only a tree's own processes
    begin one there. Most of a machine's processes are such.
    """

    def __init__(self, strangers: Container[int] = ()) -> None:
        self.pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        """All that there are, strangers too."""
        self._seconds: dict[int, float] = {}
        self._children: dict[int, list[int]] = defaultdict(list)
        for pid in self.pids:
            read = None if pid in strangers else _read(pid)
            if read is not None:
                parent, self._seconds[pid] = read
                self._children[parent].append(pid)

    def __contains__(self, pid: int) -> bool:
        return pid in self._seconds

    def tree(self, root: int) -> dict[int, float]:
        """CPU seconds of a process and all below it, by pid. Raises KeyError where there is none."""
        found, open_ = {root: self._seconds[root]}, [root]
        while open_:
            for child in self._children.get(open_.pop(), ()):
                found[child] = self._seconds[child]
                open_.append(child)
        return found


def used_since(earlier: Mapping[int, float], now: Mapping[int, float]) -> float:
    """CPU seconds. A process that has come since counts with all it used; one that has gone can't be counted
    any more.
    """
    return sum(seconds - earlier.get(pid, 0.0) for pid, seconds in now.items())


def memory_of(pids: Collection[int]) -> int:
    """Bytes that processes hold, not counting shared pages."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared, *_ = file.read().split()
            pages += int(resident) - int(shared)
    return pages * PAGE_BYTES


def _read(pid: int) -> tuple[int, float] | None:
    """Its parent's pid and its CPU seconds; None where it has ended. psutil takes several times as long."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        # After the name, which may hold anything.
        state, parent, *rest = file.read().rpartition(b")")[2].split()
        if state != b"Z":
            return int(parent), (int(rest[9]) + int(rest[10])) / TICKS_PER_SECOND
    return None
