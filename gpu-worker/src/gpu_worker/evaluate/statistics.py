"""Intervals for accuracies measured on part of a finite test set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054


def wilson(k: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of k successes in n trials, as shares (Wilson 1927). (0, 1) for n = 0."""
    if not 0 <= k <= n:
        raise ValueError(f"{k} successes in {n} trials is impossible.")
    if n == 0:
        return 0.0, 1.0
    share, spread = k / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


@dataclass(frozen=True)
class PairedDifference:
    """Candidate minus baseline on the same samples.

    difference, half_width: shares (0.01 is one point), the interval at 95 %. gained: samples that only the
    candidate has right; lost: those that only the baseline has. mcnemar_p: exact, two-sided.
    """

    n: int
    gained: int
    lost: int
    difference: float
    half_width: float
    mcnemar_p: float


def paired_difference(
    baseline_correct: np.ndarray, candidate_correct: np.ndarray, population: int | None = None
) -> PairedDifference:
    """Compares two models on the same samples (bool arrays of one length, in the same order).

    The half-width is Bonett and Price's adjusted Wald interval (2012), which stays honest where few pairs
    differ. With `population`, the size of the test set that the samples are drawn from, it carries the finite
    population correction: it is 0 once the whole set is measured.
    """
    baseline, candidate = np.asarray(baseline_correct, bool), np.asarray(candidate_correct, bool)
    n = len(baseline)
    if baseline.shape != candidate.shape or baseline.ndim != 1:
        raise ValueError(f"Paired answers need one shape, not {baseline.shape} and {candidate.shape}.")
    if population is not None and population < n:
        raise ValueError(f"A population of {population} cannot hold {n} samples.")
    gained, lost = int((candidate & ~baseline).sum()), int((baseline & ~candidate).sum())
    if n == 0:
        return PairedDifference(0, 0, 0, 0.0, 1.0, 1.0)
    more, fewer = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    error = math.sqrt((more + fewer - (more - fewer) ** 2) / (n + 2))
    half = Z95 * error * finite_correction(n, population)
    return PairedDifference(n, gained, lost, (gained - lost) / n, half, mcnemar_p(gained, lost))


def finite_correction(n: int, population: int | None) -> float:
    """The factor on a standard error when n of `population` samples are measured without replacement."""
    if population is None or population <= 1:
        return 1.0 if population is None else 0.0
    return math.sqrt((population - n) / (population - 1))


def mcnemar_p(gained: int, lost: int) -> float:
    """Exact two-sided McNemar test: how likely so uneven a split of the differing pairs is by chance."""
    m = gained + lost
    if m == 0:
        return 1.0
    log_half = m * math.log(2)
    tail = sum(
        math.exp(math.lgamma(m + 1) - math.lgamma(i + 1) - math.lgamma(m - i + 1) - log_half)
        for i in range(min(gained, lost) + 1)
    )
    return min(1.0, 2 * tail)
