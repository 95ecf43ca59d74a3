"""What Linux says of a rank's process, asked on its node: for when the process itself is silent."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gpu_worker.jobs.memory import free_bytes, kernel_kills

ANSWER_SECONDS = 15.0
STATES = {
    "T": "it is stopped, by a signal",
    "t": "it is stopped, by a debugger",
    "D": "it waits for a device or a disk",
    "R": "it computes in native code and lets no Python run",
    "S": "it sleeps in native code and lets no Python run",
}


class ProcessSeen(TypedDict):
    """state: Linux's letter, empty where the process is gone. kernel_kills: processes that the kernel has
    ended there for want of memory, ever; free_bytes: what it may still give.
    """

    state: str
    kernel_kills: int
    free_bytes: int


def look(node_id: str, pid: int) -> ProcessSeen | None:
    """A process as its node sees it now; None where the node does not answer."""
    return _ask(node_id, pid, end=False)


def end(node_id: str, pid: int) -> ProcessSeen | None:
    """Ends a process that answers nobody, which a plea to end would not reach."""
    return _ask(node_id, pid, end=True)


def _ask(node_id: str, pid: int, end: bool) -> ProcessSeen | None:
    there = NodeAffinitySchedulingStrategy(node_id, soft=False)
    task = ray.remote(_see).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
    try:
        return ray.get(task.remote(pid, end), timeout=ANSWER_SECONDS)
    except RayError:
        return None


def _see(pid: int, end: bool) -> ProcessSeen:
    if end:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return ProcessSeen(state=_state(pid), kernel_kills=kernel_kills(), free_bytes=free_bytes())


def _state(pid: int) -> str:
    with suppress(OSError):
        found = re.search(r"^State:\s+(\S)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return found.group(1) if found else ""
    return ""
