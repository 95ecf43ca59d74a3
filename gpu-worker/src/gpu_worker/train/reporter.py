"""What a rank tells about itself: metrics, log lines, progress. Nothing here waits for the console."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from gpu_worker.contract import MetricPoint, Progress
from gpu_worker.jobs.ports import Door

LOG_SECONDS = 1.0
PROGRESS_SECONDS = 0.5
TRAINING_SHARE = 92.0
"""Percent of a run that training makes; exporting and measuring the result fill the rest."""


class Reporter:
    """One rank's voice. `report` reaches the driver, the door reaches the console."""

    def __init__(
        self, door: Door, report: Callable[[dict[str, object]], None], rank: int, total_steps: int
    ) -> None:
        self._door = door
        self._report = report
        self._rank = rank
        self.total_steps = total_steps
        self._step = 0
        self._mean_step = 0.0
        self._logged = self._progressed = -math.inf

    def phase(self, name: str, message: str, percent: float | None = None) -> None:
        """A phase other than training, told by rank 0 only; every rank logs it."""
        self.log(message)
        self._tell("phase")
        if self._rank == 0:
            self._door.progress(
                Progress(
                    phase=name,
                    percent=percent,
                    step=None,
                    total_steps=self.total_steps,
                    eta_seconds=None,
                    message=message,
                    checklist=[],
                )
            )

    def step(
        self, step: int, seconds: float, computed: float, lr: float, grad_norm: float, batch: int
    ) -> None:
        """A finished step (1-based), its wall time on this rank and how much of that it computed (s), and
        what only the optimizer knows.
        """
        self._mean_step = seconds if self._mean_step == 0 else 0.9 * self._mean_step + 0.1 * seconds
        values = {"train/step_time": seconds * 1000, "train/compute_time": computed * 1000}
        if self._rank == 0:
            values |= {"train/lr": lr, "train/grad_norm": grad_norm, "train/throughput": batch / seconds}
        self.metrics(step, values)
        self._step = step
        self._tell("step")
        if self._rank == 0:
            self._tell_progress(step)

    def micro_batch(self, samples: int) -> None:
        """So many samples are computed at a time from now on."""
        self._report({"event": "micro_batch", "rank": self._rank, "step": self._step, "samples": samples})

    def ready(self) -> None:
        """All own gradients of a step are there; those of the others are waited for."""
        self._tell("ready")

    def alive(self) -> None:
        """The work between two steps goes on."""
        self._tell("alive")

    def loss(self, step: int, loss: float, own: float) -> None:
        """The mean loss of a step over all ranks, known one step later, and over this rank's samples."""
        values = {"train/local_loss": own}
        self.metrics(step, values | {"train/loss": loss} if self._rank == 0 else values)
        now = time.monotonic()
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            self.log(
                f"step {step}/{self.total_steps} loss {loss:.4f} step_time {self._mean_step * 1000:.1f} ms"
            )

    def metrics(self, step: int, values: dict[str, float]) -> None:
        """Points of this rank, stamped now."""
        stamp = time.time_ns() // 1_000_000
        self._door.metrics(
            [
                MetricPoint(
                    name=name,
                    rank=self._rank,
                    step=step,
                    ts=stamp,
                    value=value if math.isfinite(value) else None,
                )
                for name, value in values.items()
            ]
        )

    def log(self, line: str) -> None:
        """One line in this rank's log."""
        self._line("INFO", line)

    def warn(self, line: str) -> None:
        """One line in this rank's log that a reader should not miss."""
        self._line("WARNING", line)

    def _tell(self, event: str) -> None:
        self._report({"event": event, "rank": self._rank, "step": self._step})

    def _line(self, level: str, line: str) -> None:
        self._door.log(self._rank, f"{time.strftime('%H:%M:%S')} {level} rank {self._rank}: {line}\n")

    def _tell_progress(self, step: int) -> None:
        now = time.monotonic()
        if now - self._progressed < PROGRESS_SECONDS and step < self.total_steps:
            return
        self._progressed = now
        self._door.progress(
            Progress(
                phase="training",
                percent=TRAINING_SHARE * step / self.total_steps,
                step=step,
                total_steps=self.total_steps,
                eta_seconds=self._mean_step * (self.total_steps - step),
                message=f"Step {step} of {self.total_steps}",
                checklist=[],
            )
        )
