"""When training counts as diverged: a loss that is no number, or one that has exploded."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from statistics import median

WINDOW = 50
"""Sound losses that the running median is taken over."""
EXPLODED = 10.0
"""A loss above this many times the running median is suspect ..."""
PATIENCE = 5
"""... and this many suspect steps in a row are an explosion: a single hard batch is none."""
FLOOR = 0.1
"""The median counts as no less (nats): noise of a loss that is almost zero explodes nothing."""


class LossWatch:
    """Judges the mean losses of steps in their order. A function of these alone, so all ranks judge alike.

    known: what an earlier watch knew, so that a resumed run judges as an uninterrupted one.
    """

    def __init__(self, known: Iterable[float] = ()) -> None:
        self._sound = deque(known, maxlen=WINDOW)
        self.suspects = 0
        """Suspect steps in a row until now."""

    @property
    def known(self) -> tuple[float, ...]:
        """The newest sound losses."""
        return tuple(self._sound)

    def judge(self, loss: float, grad_norm: float) -> str | None:
        """What is wrong after a step, as the start of a sentence; None while training goes on."""
        if not math.isfinite(loss):
            return f"The loss is {loss}"
        if not math.isfinite(grad_norm):
            return f"The norm of the gradient is {grad_norm}"
        usual = max(FLOOR, median(self._sound or [loss]))
        if loss <= EXPLODED * usual:
            self.suspects = 0
            self._sound.append(loss)
            return None
        self.suspects += 1
        if self.suspects < PATIENCE:
            return None
        return f"The loss is {loss:.4g}, {PATIENCE} steps above {EXPLODED:g} times its median of {usual:.4g},"

    def forgive(self) -> None:
        """Counts suspect steps anew, once the state before them is back."""
        self.suspects = 0
