"""How many weights each layer gives up: shares by layer that reach one share of the whole network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

MAX_RATIO = 0.95
"""No layer is asked for more: one without weights would cut the network in two."""

STEPS = 100
"""A step of the greedy choice is this part of a layer."""

LEAST_KL = 1e-9
"""Less is rounding."""


@dataclass(frozen=True)
class Curve:
    """What zeroing one layer alone does to the answers.

    ratios: shares of its weights, ascending, float (K,). kl: mean KL divergence of the answers from the
    parent's at each, in nats, float (K,).
    """

    ratios: np.ndarray
    kl: np.ndarray

    def at(self, ratios: np.ndarray) -> np.ndarray:
        """The divergence at other ratios: never falling, a power of the ratio between two points.

        Below the first point that power is 3, as that of the squares of what is removed where the smallest
        weights are equally dense.
        """
        first = 1 / STEPS
        rising = np.maximum(np.maximum.accumulate(self.kl), LEAST_KL)
        known = [rising[0] * (first / self.ratios[0]) ** 3, *rising]
        near = np.interp(np.log(np.maximum(ratios, first)), np.log([first, *self.ratios]), np.log(known))
        return np.where(ratios > 0, np.exp(near), 0.0)


def zeros_of(ratio: float, size: int) -> int:
    """How many of a layer's `size` weights a ratio zeroes: the nearest count that keeps MAX_RATIO."""
    return min(round(ratio * size), int(MAX_RATIO * size))


def allocate_uniform(sizes: Mapping[str, int], locks: Mapping[str, float], target: float) -> dict[str, float]:
    """The ratio of every layer: the same in each that is not locked, so that the whole reaches `target`.

    sizes: weights by layer. Where locks or MAX_RATIO do not allow the target, the nearest share. Raises
    ValueError for a lock on an unknown layer.
    """
    free, wanted = _free(sizes, locks, target)
    share = min(MAX_RATIO, wanted / max(1, sum(free.values())))
    return _ratios(sizes, locks, {name: zeros_of(share, size) for name, size in free.items()})


def allocate_by_sensitivity(
    curves: Mapping[str, Curve], sizes: Mapping[str, int], locks: Mapping[str, float], target: float
) -> dict[str, float]:
    """The ratio of every layer, chosen greedily: each step is taken from the layer where it adds the least to
    the bound on the divergence for each weight that it removes, until the whole reaches `target`.

    The bound: to second order the divergence is a squared norm of what changes in the answers, and changes of
    several layers add up at most as their norms do, so sqrt(KL) <= sum of sqrt(KL of each layer).

    sizes: weights by layer; curves may have been measured on other sizes. A larger target never lowers a
    ratio. Where locks or MAX_RATIO do not allow the target, the nearest share. Raises ValueError for a lock
    on an unknown layer and for a layer that has neither lock nor curve.
    """
    free, wanted = _free(sizes, locks, target)
    missing = [name for name in free if name not in curves]
    if missing:
        raise ValueError(f"The layers {', '.join(missing)} were not scanned.")
    if not free:
        return _ratios(sizes, locks, {})
    costs, removed, layers = [], [], []
    for number, (name, size) in enumerate(free.items()):
        zeros = np.unique(np.arange(STEPS) * size // STEPS)
        zeros = zeros[zeros <= zeros_of(MAX_RATIO, size)]
        weights = np.diff(zeros)
        # A cheap step behind a dear one is reached only through it: this makes a sort the greedy choice.
        costs.append(np.maximum.accumulate(np.diff(np.sqrt(curves[name].at(zeros / size))) / weights))
        removed.append(weights)
        layers.append(np.full(len(weights), number))
    # The sort is stable: a layer's steps stay in their order, and ties go to the earlier layer.
    order = np.argsort(np.concatenate(costs), kind="stable")
    weights = np.concatenate(removed)[order]
    # The last step is taken in part, so that the target is met to one weight.
    taken = np.clip(wanted - (np.cumsum(weights) - weights), 0, weights)
    zeros = np.bincount(np.concatenate(layers)[order], taken, minlength=len(free))
    return _ratios(sizes, locks, {name: int(n) for name, n in zip(free, zeros, strict=True)})


def check_layers(named: Iterable[str], sizes: Mapping[str, int]) -> None:
    """Raises ValueError, naming it, for a layer that the model does not have."""
    for name in named:
        if name not in sizes:
            raise ValueError(f"This model has no layer '{name}'. Its layers are {', '.join(sizes)}.")


def _free(sizes: Mapping[str, int], locks: Mapping[str, float], target: float) -> tuple[dict[str, int], int]:
    """The layers that are not locked, and how many weights they have to give up together."""
    check_layers(locks, sizes)
    free = {name: size for name, size in sizes.items() if name not in locks}
    locked = sum(zeros_of(ratio, sizes[name]) for name, ratio in locks.items())
    return free, max(0, round(target * sum(sizes.values())) - locked)


def _ratios(
    sizes: Mapping[str, int], locks: Mapping[str, float], zeros: Mapping[str, int]
) -> dict[str, float]:
    """Locks as they are, the others as the ratio of their zeros, in the order of the network."""
    return {name: locks[name] if name in locks else zeros[name] / max(1, n) for name, n in sizes.items()}
