"""From the values of an activation to the range that static int8 gives it."""

from __future__ import annotations

from typing import Literal

import numpy as np

Calibration = Literal["minmax", "entropy", "percentile"]

VALUES = 1 << 18
"""Values of an activation that are looked at; more cost time and move a range by less than a step of it."""

PERCENTILE = 99.99
BINS, STRIDE = 2048, 32
"""Bins of the histogram that entropy cuts, and how many it gives up at a time."""

LEVELS = 256


def stride_for(total: int) -> int:
    """Every how many-th of `total` values is looked at: a prime, so that no channel or row is skipped."""
    step = -(-total // VALUES)
    while step > 1 and any(step % divisor == 0 for divisor in range(2, int(step**0.5) + 1)):
        step += 1
    return step


def clipped(
    values: np.ndarray, low: np.float32, high: np.float32, method: Calibration
) -> tuple[np.float32, np.float32]:
    """A range inside (low, high), which all values lie in. values: a share of them, float32 (N,).

    percentile leaves 0.01% of the values outside, as many at each end that is not zero; entropy cuts where
    the histogram in 8 bits is nearest to the one it stands for (Migacz, GTC 2017). Both keep zero inside.
    """
    if method == "minmax" or not len(values):
        return low, high
    if method == "percentile":
        outside = (100 - PERCENTILE) / (1 if low >= 0 or high <= 0 else 2)
        below, above = np.percentile(values, [outside, 100 - outside])
    else:
        above = entropy_limit(np.abs(values), LEVELS if low >= 0 or high <= 0 else LEVELS // 2)
        below = -above
    zero = np.float32(0)
    return (
        max(low, min(np.float32(below), zero)) if low < 0 else low,
        min(high, max(np.float32(above), zero)) if high > 0 else high,
    )


def entropy_limit(magnitudes: np.ndarray, levels: int) -> float:
    """The magnitude at which to cut: where the KL divergence of the values, those beyond moved to the cut,
    from the same in `levels` steps is least.

    Zeros have a step of their own in any range, so they are left out.
    """
    counts, edges = np.histogram(magnitudes[magnitudes > 0], BINS)
    least, best = np.inf, BINS
    for cut in range(levels, BINS + 1, STRIDE):
        inside = counts[:cut].astype(np.float64)
        starts = np.arange(levels) * cut // levels
        widths = np.diff(starts, append=cut)
        filled = inside > 0
        shares = np.add.reduceat(inside, starts) / np.maximum(np.add.reduceat(filled, starts, dtype=int), 1)
        coarse = np.repeat(shares, widths) * filled
        inside[-1] += counts[cut:].sum()
        divergence = _divergence(inside, coarse)
        if divergence < least:
            least, best = divergence, cut
    return float(edges[best])


def _divergence(fine: np.ndarray, coarse: np.ndarray) -> float:
    """KL of two histograms; what the coarse one lacks counts as a millionth of it."""
    if not coarse.any():
        return np.inf
    p, q = fine / fine.sum(), np.maximum(coarse / coarse.sum(), 1e-6)
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())
