"""What a rank uses of its node while it works, as metrics of its run."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import psutil

from gpu_worker.agent.usage import Processes, memory_of, used_since
from gpu_worker.contract import MetricPoint
from gpu_worker.door import StaleAttempt

if TYPE_CHECKING:
    from gpu_worker.jobs.ports import Door
    from gpu_worker.script.handle import Handle

FIRST_SECONDS = 1.0
EVERY_SECONDS = 5.0
NVIDIA_SMI_SECONDS = 5.0
WORKING = 0.01
"""A script computes when it uses such a share of a core: one that only waits and looks uses less."""


class RankUsage:
    """Reports, from a thread, what this process and its children use until the `with` block ends.

    `worker/cpu_percent` (of one core), `worker/memory_bytes` (not counting shared pages),
    `worker/sent_bytes_per_second` and `worker/received_bytes_per_second` (of the whole node, on all
    interfaces), and with GPUs `worker/gpu_percent` (their mean) and `worker/gpu_memory_bytes` (their sum).
    Steps are seconds since the beginning.
    """

    def __init__(
        self,
        door: Door,
        rank: int,
        gpus: Sequence[str],
        script: Handle | None = None,
        on_work: Callable[[], None] = lambda: None,
    ) -> None:
        """gpus: as CUDA_VISIBLE_DEVICES names them. script: whose processes, which are no children of this
        one, count as well. on_work: told whenever they, or the GPUs, have computed.
        """
        self._door, self._rank, self._gpus = door, rank, gpus
        self._script, self._on_work = script, on_work
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rank-usage", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        began = at = time.monotonic()
        seconds = Processes().tree(os.getpid())
        of_script: dict[int, float] = {}
        network = psutil.net_io_counters()
        wait = FIRST_SECONDS
        while not self._over.wait(wait):
            wait = EVERY_SECONDS
            now = time.monotonic()
            elapsed, at = now - at, now
            processes = Processes()
            before, seconds = seconds, processes.tree(os.getpid())
            of_script, more = self._use_of_script(processes, of_script)
            used, memory = used_since(before, seconds) + more, memory_of([*seconds, *of_script])
            values = {"cpu_percent": 100 * used / elapsed, "memory_bytes": memory}
            was, network = network, psutil.net_io_counters()
            if was is not None and network is not None:
                values["sent_bytes_per_second"] = (network.bytes_sent - was.bytes_sent) / elapsed
                values["received_bytes_per_second"] = (network.bytes_recv - was.bytes_recv) / elapsed
            values |= use_of_gpus(self._gpus)
            if more / elapsed >= WORKING or values.get("gpu_percent", 0) >= 1:
                self._on_work()
            try:
                self._report(round(now - began), values)
            except StaleAttempt:
                return  # The work hears of it by its own reports.

    def _use_of_script(
        self, processes: Processes, earlier: dict[int, float]
    ) -> tuple[dict[int, float], float]:
        """CPU seconds of its processes by pid, and those since `earlier`; nothing where no script runs."""
        keeper = self._script.keeper if self._script is not None else None
        if keeper is None or keeper not in processes:
            return {}, 0.0
        now = processes.tree(keeper)
        return now, used_since(earlier, now)

    def _report(self, step: int, values: dict[str, float]) -> None:
        ts = time.time_ns() // 1_000_000
        self._door.metrics(
            [
                MetricPoint(name=f"worker/{name}", rank=self._rank, step=step, ts=ts, value=value)
                for name, value in values.items()
            ]
        )


def gpus_of_process() -> list[str]:
    """The GPUs that are this process's own, as CUDA_VISIBLE_DEVICES names them."""
    return [gpu for gpu in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]


def use_of_gpus(gpus: Sequence[str]) -> dict[str, float]:
    """`gpu_percent` and `gpu_memory_bytes` by nvidia-smi; nothing without GPUs, or where it does not
    answer.
    """
    program = shutil.which("nvidia-smi")
    if not gpus or program is None:
        return {}
    command = [
        program,
        f"--id={','.join(gpus)}",
        "--query-gpu=utilization.gpu,memory.used",
        "--format=csv,noheader,nounits",
    ]
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=NVIDIA_SMI_SECONDS, check=True
        ).stdout
        rows = [[float(cell) for cell in line.split(",")] for line in answer.splitlines() if line]
        if rows:
            return {
                "gpu_percent": sum(percent for percent, _ in rows) / len(rows),
                "gpu_memory_bytes": sum(mib for _, mib in rows) * 2**20,
            }
    return {}
