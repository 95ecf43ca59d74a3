"""How far a run is: a checklist of its steps, percent, and an estimate of the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal

from gpu_worker.contract import ChecklistItem, Progress
from gpu_worker.jobs.ports import Door

State = Literal["pending", "running", "ok", "failed", "warning"]

TELL_SECONDS = 0.2
"""Reports within a step come no faster; the start and end of a step are always told."""


class Checklist:
    """The steps of one run, each with the share of the run's time that it is expected to take."""

    def __init__(
        self, door: Door, shares: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._door = door
        self._shares = dict(shares)
        self._items = {step: ChecklistItem(id=step, state="pending") for step in shares}
        self._done = 0.0
        self._clock = clock
        self._began = clock()
        self._told = -TELL_SECONDS

    def start(self, step: str, message: str) -> None:
        """A step begins."""
        self._set(step, "running", None)
        self._tell(step, message, 0.0)

    def advance(self, step: str, done: int, total: int, message: str) -> None:
        """A running step is `done` of `total` on its way."""
        if self._clock() - self._told >= TELL_SECONDS or done == total:
            self._tell(step, message, done / max(total, 1))

    def finish(self, step: str, detail: str, state: State = "ok") -> None:
        """A step ends with what it found."""
        self._set(step, state, detail)
        self._done += self._shares[step]
        self._tell(step, detail, 0.0)

    def record(self, step: str, state: State, detail: str | None) -> None:
        """What another process says of one of the steps."""
        if step not in self._items:
            return
        if state in ("running", "pending"):
            self.start(step, detail or step)
        else:
            self.finish(step, detail or "", state)

    def _set(self, step: str, state: State, detail: str | None) -> None:
        self._items[step] = ChecklistItem(id=step, state=state, detail=detail)

    def _tell(self, step: str, message: str, within: float) -> None:
        self._told = self._clock()
        share = (self._done + within * self._shares[step] * (self._items[step].state == "running")) / sum(
            self._shares.values()
        )
        share = min(share, 1.0)
        elapsed = self._told - self._began
        self._door.progress(
            Progress(
                phase=step,
                percent=100 * share,
                step=None,
                total_steps=None,
                # Before a tenth is done the quotient says more about noise than about the time left.
                eta_seconds=elapsed * (1 - share) / share if share >= 0.1 else None,
                message=message,
                checklist=list(self._items.values()),
            )
        )
