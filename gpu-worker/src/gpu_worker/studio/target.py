"""Targets instead of dials: a search for settings that lose, weigh or take at most so much.

Each step builds one setting and asks no more of it than decides the next step. Accuracy is asked sample by
sample until a confidence sequence lies on one side of the target, so a search may stop looking at any time
without fooling itself; what it ends with is measured on the whole test set before it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gpu_worker.compress import Sizes
from gpu_worker.contract import Settings, Target1, Target2, Target3

Target = Target1 | Target2 | Target3

HIGHEST = 95
"""Sparsity is searched in whole percents, up to the end of its dial."""

FIRST_GUESS, RECOVERED_GUESS = 50, 85
"""Where a search for the largest sparsity looks first, without and with recovery."""

STEP, RECOVERED_STEP = 1, 3
"""A search ends within so many percent. With recovery each try trains the model."""

REVERTED = 4
"""At most so many layers, the most harmful first, are left in float before a precision is given up."""


@dataclass(frozen=True)
class Difference:
    """Candidate minus version on the first n samples, with its confidence sequence; all as shares."""

    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Trial:
    """A setting that was tried: what was asked of it, and whether that meets the target."""

    settings: Settings
    holds: bool
    sizes: Sizes
    difference: Difference | None = None
    latency_ms: float | None = None

    @property
    def weight(self) -> int:
        """Bytes as they travel."""
        return self.sizes.zstd19 or self.sizes.file


class Probe(Protocol):
    """What a search asks of a session. The setting that was asked for last is not built again."""

    def sizes(self, settings: Settings) -> Sizes:
        """All four sizes."""
        ...

    def difference(self, settings: Settings, bound: float) -> Difference:
        """On as many samples as it takes until the sequence lies on one side of `bound`, a share."""
        ...

    def whole(self, settings: Settings) -> Difference:
        """On the whole test set."""
        ...

    def latency(self, settings: Settings, batch: int, limit: float) -> float:
        """Median milliseconds, timed again while they are so near to `limit` that noise could decide."""
        ...

    def harmful(self, settings: Settings) -> list[str]:
        """Quantized layers by name, the one that costs most first; empty where none can be left in float."""
        ...


class Search:
    """One search: `run` answers the trial that meets a target, measured on the whole test set.

    start: what the search leaves alone, locked layers and recovery. precisions: what this version allows,
    the most compact first. stops: ratios of the channel dial, ascending from 0. tell: gets each trial.
    """

    def __init__(
        self,
        probe: Probe,
        start: Settings,
        precisions: Sequence[str],
        stops: Sequence[float],
        tell: Callable[[Trial], None],
    ) -> None:
        self._probe = probe
        plain = {"precision": "fp32", "pattern": "none", "allocation": "magnitude", "keepFloat": []}
        self._start = changed(start, channels=0, sparsity=0, **plain)
        self._precisions = precisions
        self._stops = stops
        self._tell = tell
        self._held: list[Trial] = []

    def run(self, target: Target) -> Trial:
        """The best setting that meets the target. Raises ValueError, with the nearest that was found, when
        none does.
        """
        if isinstance(target, Target1):
            return self._least_bytes(target.points / 100)
        return self._most_accurate(target)

    # at most so much accuracy lost, as few bytes as possible

    def _least_bytes(self, loss: float) -> Trial:
        for precision in (*self._precisions, "fp32"):
            self._largest_sparsity(changed(self._start, precision=precision), loss)
            if self._held:
                break
        if self._held:
            lightest = min(self._held, key=lambda held: held.weight)
            for stop in self._stops[1:]:
                if not self._holds(changed(lightest.settings, channels=stop), loss):
                    break
        # What a part of the samples decided may still fail on all of them: then the next one is asked.
        for trial in sorted(self._held, key=lambda held: held.weight):
            found = self._probe.whole(trial.settings)
            whole = replace(trial, holds=found.mean >= -loss, difference=found)
            self._tell(whole)
            if whole.holds:
                return whole
        raise ValueError(
            f"Nothing within these dials loses at most {loss * 100:g} points."
            " Allow a larger loss, or let the search recover what it prunes."
        )

    def _largest_sparsity(self, base: Settings, loss: float) -> None:
        """The largest share of zeros by magnitude, then what shares by sensitivity reach beyond it."""
        recovers = base.recovery > 0
        step = RECOVERED_STEP if recovers else STEP
        reached = self._reach(base, loss, 0, RECOVERED_GUESS if recovers else FIRST_GUESS, step)
        if reached == 0:
            # Without zeros and with all channels there is nothing to recover.
            self._holds(changed(base, recovery=0), loss)
        else:
            self._reach(changed(base, allocation="sensitivity"), loss, reached, reached + step, step)

    def _reach(self, base: Settings, loss: float, low: int, guess: int, step: int) -> int:
        """Halves what lies between a percentage that holds and the end of the dial; answers the largest that
        holds.
        """
        high = HIGHEST + 1
        while high - low > step and guess <= HIGHEST:
            if self._holds(changed(self._precise(base), sparsity=guess / 100), loss):
                low = guess
            else:
                high = guess
            guess = (low + high) // 2
        return low

    def _precise(self, base: Settings) -> Settings:
        """With the layers in float that the latest trial which holds has there."""
        return changed(base, keepFloat=self._held[-1].settings.keep_float) if self._held else base

    def _holds(self, settings: Settings, loss: float) -> bool:
        """Whether a setting meets the loss, if need be with its most harmful layers left in float."""
        if self._try(settings, loss):
            return True
        if settings.precision == "fp32" or not self._try(
            changed(settings, precision="fp32"), loss, keep=False
        ):
            return False
        layers = self._probe.harmful(settings)[:REVERTED]
        return any(
            self._try(changed(settings, keepFloat=[*settings.keep_float, *layers[:count]]), loss)
            for count in range(1, len(layers) + 1)
        )

    def _try(self, settings: Settings, loss: float, keep: bool = True) -> bool:
        found = self._probe.difference(settings, -loss)
        trial = Trial(settings, found.mean >= -loss, self._probe.sizes(settings), found)
        self._tell(trial)
        if trial.holds and keep:
            self._held.append(trial)
        return trial.holds

    # at most so many bytes or milliseconds, as accurate as possible

    def _most_accurate(self, target: Target2 | Target3) -> Trial:
        gentlest = [
            self._gentlest(changed(self._start, precision=precision, recovery=0), target)
            for precision in ("fp32", *self._precisions)
        ]
        fitting = [trial for trial in gentlest if trial.holds]
        if not fitting:
            nearest = min(_figure(trial, target) for trial in gentlest)
            raise ValueError(
                f"Nothing within these dials takes at most {_shown(target, _limit(target))};"
                f" the nearest found has {_shown(target, nearest)}. Allow more."
            )
        compared: list[tuple[float, int, Trial]] = []
        for trial in fitting:
            settings = self._recovered(trial.settings)
            found = self._probe.whole(settings)
            whole = replace(trial, settings=settings, difference=found)
            self._tell(whole)
            compared.append((found.mean, -whole.weight, whole))
        return max(compared, key=lambda one: one[:2])[2]

    def _gentlest(self, base: Settings, target: Target2 | Target3) -> Trial:
        """The setting of one precision that meets a limit by removing least; the nearest to it where none
        does.
        """
        by_zeros = isinstance(target, Target2) and target.figure == "zstd19"
        zeros = [percent / 100 for percent in range(HIGHEST + 1)] if by_zeros else [0.0]
        nearest = self._measure(changed(base, sparsity=zeros[-1]), target)
        for stop in self._stops[1:]:
            if nearest.holds:
                break
            nearest = self._measure(changed(base, channels=stop, sparsity=zeros[-1]), target)
        return self._least(zeros, nearest, target) if nearest.holds else nearest

    def _least(self, zeros: Sequence[float], met: Trial, target: Target2 | Target3) -> Trial:
        """The smallest share of zeros that still meets the limit, given that the largest does."""
        low, high = -1, len(zeros) - 1
        while high - low > 1:
            middle = (low + high) // 2
            trial = self._measure(changed(met.settings, sparsity=zeros[middle]), target)
            if trial.holds:
                high, met = middle, trial
            else:
                low = middle
        return met

    def _measure(self, settings: Settings, target: Target2 | Target3) -> Trial:
        sizes = self._probe.sizes(settings)
        taken = None
        if isinstance(target, Target3):
            taken = self._probe.latency(settings, target.batch, target.most_ms)
        trial = Trial(settings, False, sizes, latency_ms=taken)
        trial = replace(trial, holds=_figure(trial, target) <= _limit(target))
        self._tell(trial)
        return trial

    def _recovered(self, settings: Settings) -> Settings:
        """With the recovery that was asked for, where something was removed."""
        removed = settings.channels > 0 or settings.sparsity > 0
        return changed(settings, recovery=self._start.recovery) if removed else settings


def changed(settings: Settings, **values: object) -> Settings:
    """Other settings, checked as what comes from outside."""
    return Settings.model_validate(settings.model_dump(by_alias=True) | values)


def _limit(target: Target2 | Target3) -> float:
    return target.most if isinstance(target, Target2) else target.most_ms


def _figure(trial: Trial, target: Target2 | Target3) -> float:
    """The figure of a trial that a target limits."""
    if isinstance(target, Target3):
        return trial.latency_ms or 0.0
    return trial.sizes.file if target.figure == "file" else trial.weight


def _shown(target: Target2 | Target3, value: float) -> str:
    """A value of what a target limits, in words."""
    if isinstance(target, Target3):
        return f"{value:.3g} ms at batch {target.batch}"
    return f"{value / 1000:,.1f} kB" + ("" if target.figure == "file" else " after zstd")
