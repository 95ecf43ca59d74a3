"""How often something that costs the more, the larger the cluster is, may be done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

SHARE = 0.001
"""Of a core."""


class Pace:
    """Every so many seconds, and more seldom where it would take more than a share of a core."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._next = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it may be done again."""
        return time.monotonic() >= self._next

    @contextmanager
    def measured(self) -> Iterator[None]:
        """What is done now; the processor time that this thread takes for it decides when it is due again."""
        began, took = time.monotonic(), time.thread_time()
        try:
            yield
        finally:
            self._next = began + max(self._every, (time.thread_time() - took) / SHARE)
