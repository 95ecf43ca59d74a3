"""Ranks that do nothing more while their processes live: when that is so, and which is at fault. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

LEAST_SECONDS = 60.0
STEPS = 10.0
"""Where nothing was chosen a rank may take so many times the usual step, and never less than a minute."""
FIRST_SECONDS = 600.0
"""Before the first step, where nothing was chosen: so long may loading and building tell nothing new."""
WINDOW = 100
"""Step times that the usual one is the median of."""
REMIND_SECONDS = 60.0


@dataclass(frozen=True)
class Standing:
    """How a rank stood when nobody stepped any more. waits: for the others, in a collective; None where its
    process did not answer.
    """

    rank: int
    step: int
    waits: bool | None


class QuietWatch:
    """Follows scripts, of which no step is known: a rank that logs or computes moves. Since ranks may wait
    for each other, one that moves speaks for all.

    seconds: without a movement, after which they have stalled; 0 for never. now: when they began (s).
    """

    def __init__(self, seconds: float, ranks: int, now: float) -> None:
        self._seconds = seconds or float("inf")
        self._beats = [-1] * ranks
        self._moved = self._reminded = now

    @property
    def limit(self) -> float:
        """Seconds without a movement that are a stall."""
        return self._seconds

    def hear(self, rank: int, step: int, beat: int, stepping: bool, now: float) -> None:
        """What a rank told at `now` (s): its newest step, all it ever told of, and whether steps follow."""
        if beat != self._beats[rank]:
            self._beats[rank], self._moved, self._reminded = beat, now, now

    def silent(self, now: float) -> float:
        """Seconds since a rank moved."""
        return now - self._moved

    def has_stalled(self, now: float) -> bool:
        """Whether the ranks have stood still for too long."""
        return self.silent(now) > self.limit

    def reminds(self, now: float) -> bool:
        """True once a minute while nothing moves, for the log to say so: the console then hears of it."""
        if self.silent(now) == 0 or now - self._reminded < REMIND_SECONDS:
            return False
        self._reminded = now
        return True


class StallWatch(QuietWatch):
    """Follows the progress of a training. Its ranks step together, so one that stands still stops all.

    chosen: seconds without a step that are a stall, 0 for never, None for what the step times suggest.
    """

    def __init__(self, chosen: float | None, ranks: int, now: float) -> None:
        super().__init__(0, ranks, now)
        self._chosen = chosen
        self._steps = [-1] * ranks
        self._busy = [False] * ranks
        self._at = [0.0] * ranks
        self._times: deque[float] = deque(maxlen=WINDOW)

    @property
    def limit(self) -> float:
        """Seconds without a step that are a stall; before all have made one, without anything new."""
        if self._chosen == 0:
            return float("inf")
        if not self._all_step:
            return FIRST_SECONDS if self._chosen is None else max(LEAST_SECONDS, self._chosen)
        return self._chosen or max(LEAST_SECONDS, STEPS * median(self._times or [0.0]))

    def hear(self, rank: int, step: int, beat: int, stepping: bool, now: float) -> None:
        """What a rank told at `now` (s): its newest step, all it ever told of, and whether steps follow."""
        if step > self._steps[rank]:
            if self._steps[rank] >= 1:
                self._times.append((now - self._at[rank]) / (step - self._steps[rank]))
            self._steps[rank], self._at[rank] = step, now
        super().hear(rank, step, beat, stepping, now)
        self._busy[rank] = not stepping

    def silent(self, now: float) -> float:
        """Seconds since a rank moved; 0 while one does what has no steps after those of a training."""
        return 0.0 if self._all_step and any(self._busy) else super().silent(now)

    @property
    def _all_step(self) -> bool:
        return min(self._steps) >= 1


def culprits(standings: list[Standing]) -> list[int]:
    """The ranks that the others wait for: those that do not answer, else those behind, else those that wait
    for nobody. None where all wait for each other.
    """
    silent = [standing.rank for standing in standings if standing.waits is None]
    if silent:
        return silent
    last = max(standing.step for standing in standings)
    behind = [standing.rank for standing in standings if standing.step < last]
    return behind or [standing.rank for standing in standings if not standing.waits]
