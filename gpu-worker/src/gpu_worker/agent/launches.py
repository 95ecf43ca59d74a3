"""Launches that a provider refuses: tried again after waits that double, and told as one thing that grows.

Ray's autoscaler launches anew at every update, forgets no launch that failed, and tells the causes to nobody.
What is still on its way it does not launch again: so a launch waits in its own thread for its turn.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gpu_worker.contract import FailedItem

FIRST_WAIT, LONGEST_WAIT = 3.0, 300.0
QUIET_SECONDS = 30.0
"""What nothing is launched for, so long after its turn, is asked for no more."""

LOOK_SECONDS = 0.5
STEP_SECONDS = 5.0
"""Waits are told in such steps: what changed is told each time."""

TOLD_SECONDS = 600.0
"""How long a launch that failed elsewhere is news."""


@dataclass(frozen=True)
class Refused:
    """Launches of a pool that failed since one last came true. retry_at: of its next turn, Unix s."""

    failures: int
    waits: int
    retry_at: float
    message: str


def refused_again(before: Refused | None, count: int, message: str, now: float) -> Refused:
    """`count` launches more failed. Those that had their turn together fail one after another: one wait."""
    is_same_turn = before is not None and now < before.retry_at
    waits = (before.waits if before else 0) + (0 if is_same_turn else 1)
    return Refused(
        failures=(before.failures if before else 0) + count,
        waits=waits,
        retry_at=before.retry_at
        if before and is_same_turn
        else now + min(FIRST_WAIT * 2 ** (waits - 1), LONGEST_WAIT),
        message=message,
    )


class Turns:
    """In the autoscaler's process: when each pool may launch. Kept at `path` for the agent to read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._refused: dict[str, Refused] = {}
        self._write()

    def wait(self, pool: str, config: Callable[[], object]) -> None:
        """Returns when it is the pool's turn, or when pools were changed: that is a turn as well."""
        known = config()
        while (one := self._refused.get(pool)) and time.time() < one.retry_at and config() == known:
            time.sleep(LOOK_SECONDS)

    def refuse(self, pool: str, count: int, message: str) -> None:
        """Launches failed."""
        with self._lock:
            self._refused[pool] = refused_again(self._refused.get(pool), count, message, time.time())
            self._write()

    def grant(self, pool: str) -> None:
        """A launch came true."""
        with self._lock:
            if self._refused.pop(pool, None):
                self._write()

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps({pool: asdict(one) for pool, one in self._refused.items()}))
        partial.replace(self._path)


def read_refused(path: Path) -> dict[str, Refused]:
    """What `Turns` keeps, by pool."""
    try:
        return {pool: Refused(**one) for pool, one in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}


def standing(refused: Mapping[str, Refused], launching: Iterable[str], now: float) -> dict[str, Refused]:
    """Without pools that nobody asks for any more. launching: pools with launches on their way."""
    asked = set(launching)
    return {pool: one for pool, one in refused.items() if pool in asked or now < one.retry_at + QUIET_SECONDS}


def failed_items(refused: Mapping[str, Refused], now: float) -> list[FailedItem]:
    """In the contract's words: one item a pool."""
    return [
        FailedItem(
            pool=pool,
            count=one.failures,
            message=one.message,
            retry_in_ms=1000 * max(0.0, math.ceil((one.retry_at - now) / STEP_SECONDS) * STEP_SECONDS),
        )
        for pool, one in sorted(refused.items())
    ]


def failed_elsewhere(launches: Iterable[tuple[str, int, str, float]], now: float) -> list[FailedItem]:
    """The same of a cluster that launches by itself. launches: pool, how many, what Ray says, Unix s."""
    items: dict[str, FailedItem] = {}
    for pool, count, said, at in launches:
        if now - at < TOLD_SECONDS:
            before = items[pool].count if pool in items else 0
            items[pool] = FailedItem(pool=pool, count=before + count, message=said_of(said), retry_in_ms=None)
    return [items[pool] for pool in sorted(items)]


def said_of(details: str) -> str:
    """What Ray says of a launch, without the ids that differ from one to the next."""
    found = re.search(r"with request id \S+?: ?(.*)", details, re.DOTALL)
    said = (found[1] if found else details).strip()
    return said or "the provider did not say why"
