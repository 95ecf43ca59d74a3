"""Launches that a provider refuses: by pool one thing that grows, tried again after waits that double.

Ray's autoscaler tries again at every update, forgets none of the launches that failed, and tells their causes
to nobody (`LaunchNodeError` drops them). While a wait lasts, a local pool may have no more nodes than it has.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gpu_worker.contract import FailedItem

FIRST_WAIT, LONGEST_WAIT = 3.0, 300.0
QUIET_SECONDS = 30.0
"""Who may try again and neither fails nor begins anything for so long is asked for nothing any more."""

STEP_SECONDS = 5.0
"""Waits are told in such steps: what changed is told each time."""


@dataclass(frozen=True)
class Seen:
    """A pool as the autoscaler tells of it: nodes that are up, how many are on their way, and launches that
    failed, ever, by what was said of each.
    """

    up: frozenset[str] = frozenset()
    starting: int = 0
    failed: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Refused:
    """Launches that failed since one last came true. most: nodes that there were, or were on their way, when
    the newest failed; retry_at: seconds of the caller's clock.
    """

    failures: int
    waits: int
    retry_at: float
    most: int
    message: str


class Launches:
    """holds: whether the pools are ours to hold back; else whoever runs the cluster decides when to try."""

    def __init__(self, *, holds: bool) -> None:
        self._holds = holds
        self._before: dict[str, Seen] | None = None
        self._refused: dict[str, Refused] = {}

    def look(self, pools: Mapping[str, Seen], causes: Mapping[str, str], now: float) -> None:
        """Takes what the autoscaler tells now. causes: what the provider itself said last of each pool."""
        before, self._before = self._before, dict(pools)
        if before is None:
            return  # what failed before this agent began is over
        for name in {*pools, *self._refused}:
            pool, was = pools.get(name, Seen()), before.get(name, Seen())
            fresh = Counter(pool.failed) - Counter(was.failed)
            refused = self._refused.get(name)
            if pool.up - was.up:
                refused = None
            if fresh.total():
                self._refused[name] = self._after(
                    refused, fresh, causes.get(name), now, len(pool.up) + pool.starting
                )
            elif refused is None or (pool.starting == 0 and now > refused.retry_at + QUIET_SECONDS):
                self._refused.pop(name, None)

    def _after(
        self, refused: Refused | None, fresh: Counter[str], cause: str | None, now: float, most: int
    ) -> Refused:
        # Those that were asked for together fail one after another.
        is_same_try = refused is not None and now < refused.retry_at
        waits = (refused.waits if refused else 0) + (0 if is_same_try else 1)
        wait = min(FIRST_WAIT * 2 ** (waits - 1), LONGEST_WAIT) if self._holds else 0.0
        return Refused(
            failures=(refused.failures if refused else 0) + fresh.total(),
            waits=waits,
            retry_at=refused.retry_at if refused and is_same_try else now + wait,
            most=most,
            message=cause or said_of(next(iter(fresh))),
        )

    def limits(self, now: float) -> dict[str, int]:
        """How many nodes pools may have that are held back."""
        if not self._holds:
            return {}
        return {name: one.most for name, one in self._refused.items() if now < one.retry_at}

    def failed(self, now: float) -> list[FailedItem]:
        """One item a pool, for as long as it is refused."""
        return [
            FailedItem(
                pool=name,
                count=one.failures,
                message=one.message,
                retry_in_ms=1000 * stepped(one.retry_at - now) if self._holds else None,
            )
            for name, one in sorted(self._refused.items())
        ]

    def begin_again(self) -> None:
        """Pools are others now: what they were refused counts no more."""
        self._refused.clear()


def stepped(seconds: float) -> float:
    """Rounded up; 0 once it is over."""
    return max(0.0, math.ceil(seconds / STEP_SECONDS) * STEP_SECONDS)


def said_of(details: str) -> str:
    """What Ray says of a launch, without the ids that differ from one to the next."""
    found = re.search(r"with request id \S+?: ?(.*)", details, re.DOTALL)
    said = (found[1] if found else details).strip()
    return said or "the provider did not say why"


def note_refusal(path: Path, pool: str, message: str, others: Mapping[str, str]) -> None:
    """Keeps why a pool's launch failed, for `causes`. Called in the autoscaler's process."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({**others, pool: message}))
    partial.replace(path)


def causes(path: Path | None) -> dict[str, str]:
    """What the provider said last of each pool; nothing where it is not ours."""
    try:
        return json.loads(path.read_text()) if path else {}
    except FileNotFoundError:
        return {}


def counted(items: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    """Launches that failed, (pool, what was said, how many), by pool and by what was said."""
    by_pool: dict[str, dict[str, int]] = {}
    for pool, said, count in items:
        told = by_pool.setdefault(pool, {})
        told[said] = told.get(said, 0) + count
    return by_pool
