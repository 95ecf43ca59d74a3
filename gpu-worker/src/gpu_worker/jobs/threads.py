"""How many threads an evaluation may use."""

from __future__ import annotations

import os


def evaluation_threads(cpus: float) -> int:
    """What the work was given, and a second thread where the machine has one. Sessions do not spin while they
    wait, so a core that somebody else needs is lent, not taken.
    """
    return max(1, round(cpus), min(2, len(os.sched_getaffinity(0))))
