"""Intervals for accuracies measured on part of a finite test set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054

LARGEST_BET = 0.5
"""Of the capital that one sample may lose: half is what Waudby-Smith and Ramdas use."""

HALVINGS = 50
"""Of the interval [0, 1] in the search for a bound: its place is then exact to 1e-15."""


def wilson(k: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of k successes in n trials, as shares (Wilson 1927). (0, 1) for n = 0."""
    if not 0 <= k <= n:
        raise ValueError(f"{k} successes in {n} trials is impossible.")
    if n == 0:
        return 0.0, 1.0
    share = k / n
    low, high = _adjusted(share, share * (1 - share), n, z)
    return max(0.0, low), high


def _adjusted(mean: float, variance: float, n: int, z: float) -> tuple[float, float]:
    """Wilson's interval of a mean with this variance between samples, which holds the mean."""
    spread = z * z / n
    centre = (mean + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(variance / n + spread / (4 * n))
    return min(centre - half, mean), min(1.0, max(centre + half, mean))


@dataclass(frozen=True)
class PairedDifference:
    """Candidate minus baseline on the same samples.

    difference, half_width: shares (0.01 is one point), the interval at 95 %. gained: samples that score
    higher with the candidate, where scores are 0 and 1 those that only it has right; lost: the other way.
    mcnemar_p: exact, two-sided; None for graded scores.
    """

    n: int
    gained: int
    lost: int
    difference: float
    half_width: float
    mcnemar_p: float | None


def score_interval(scores: np.ndarray, z: float = Z95) -> tuple[float, float]:
    """An interval of the mean of scores (n,): Wilson's, with their own variance in place of p(1 - p).

    Where scores are 0 and 1 both are the same; what Wilson adds to the variance keeps the interval honest
    where all scores are equal. (0, 1) for n = 0; no bound lies above 1.
    """
    n = len(scores)
    if n == 0:
        return 0.0, 1.0
    return _adjusted(float(scores.mean()), float(scores.var()), n, z)


def paired_difference(
    baseline_scores: np.ndarray,
    candidate_scores: np.ndarray,
    population: int | None = None,
    graded: bool = False,
) -> PairedDifference:
    """Compares two models by what they score on the same samples: arrays of one length, in the same order, of
    bools, or of numbers of at most 1 if they are graded.

    The half-width is Bonett and Price's adjusted Wald interval (2012), which stays honest where few pairs
    differ: the normal interval of the differences and two more, of +1 and -1. With `population`, the size of
    the test set that the samples are drawn from, it carries the finite population correction: it is 0 once
    the whole set is measured.
    """
    baseline, candidate = np.asarray(baseline_scores, np.float64), np.asarray(candidate_scores, np.float64)
    n = len(baseline)
    if baseline.shape != candidate.shape or baseline.ndim != 1:
        raise ValueError(f"Paired answers need one shape, not {baseline.shape} and {candidate.shape}.")
    if population is not None and population < n:
        raise ValueError(f"A population of {population} cannot hold {n} samples.")
    differences = candidate - baseline
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    p = None if graded else mcnemar_p(gained, lost)
    if n == 0:
        return PairedDifference(0, 0, 0, 0.0, 1.0, p)
    square, mean = ((differences**2).sum() + 2) / (n + 2), differences.sum() / (n + 2)
    half = Z95 * math.sqrt((square - mean**2) / (n + 2)) * finite_correction(n, population)
    return PairedDifference(n, gained, lost, float(differences.sum() / n), half, p)


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


def confidence_sequence(differences: np.ndarray, population: int, alpha: float = 0.05) -> tuple[float, float]:
    """Bounds on the mean of the whole test set that hold at every n at once with probability 1 - alpha.

    differences: candidate minus baseline for the samples so far, (n,) in [-1, 1], in the order they were
    drawn without replacement from `population`. Someone may look after each sample and stop when they like:
    the interval is the intersection of all up to n, so it only narrows, and it is a point once all are
    measured. (-1, 1) for n = 0.

    A bet against each candidate mean: if it is the true one, nobody wins 2 / alpha times their stake, except
    with probability alpha / 2 on either side (Ville). Bets and their form without replacement are those of
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024),
    sections 4.2 and 5; the bounds are found by bisection, since the capital falls with the candidate mean.
    """
    drawn = np.asarray(differences, np.float64)
    if drawn.ndim != 1 or (np.abs(drawn) > 1).any() or np.isnan(drawn).any():
        raise ValueError("Differences are one row of numbers between -1 and 1.")
    if population < max(1, len(drawn)):
        raise ValueError(f"A population of {population} cannot hold {len(drawn)} samples.")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is a probability between 0 and 1, not {alpha}.")
    shares = (drawn + 1) / 2
    bets = _bets(shares, alpha)
    low = _least_mean(shares, bets, population, alpha)
    high = 1 - _least_mean(1 - shares, bets, population, alpha)
    if low > high:  # the two sides exclude each other's means, which happens within alpha
        low = high = (low + high) / 2
    return 2 * low - 1, 2 * high - 1


def _bets(shares: np.ndarray, alpha: float) -> np.ndarray:
    """The size of each bet, (n,): by the variance of the samples before it, smaller as samples come in."""
    t = np.arange(1, len(shares) + 1)
    means = (0.5 + np.cumsum(shares)) / (t + 1)
    spread = (0.25 + np.cumsum((shares - means) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], spread[:-1]])[: len(shares)]
    return np.sqrt(2 * math.log(2 / alpha) / (before * t * np.log1p(t)))


def _least_mean(shares: np.ndarray, bets: np.ndarray, population: int, alpha: float) -> float:
    """The smallest mean of the population, in [0, 1], against which the bets never won 2 / alpha."""
    n = len(shares)
    sums = np.concatenate([[0.0], np.cumsum(shares)])
    left = population - np.arange(n)
    low, high = sums[-1] / population, (sums[-1] + population - n) / population

    def excluded(mean: float) -> bool:
        # What the samples still to come must average, if this were the mean.
        ahead = np.maximum((population * mean - sums[:-1]) / left, 1e-12)
        won = np.log1p(np.minimum(bets, LARGEST_BET / ahead) * (shares - ahead))
        return bool((np.cumsum(won) >= math.log(2 / alpha)).any())

    if n == 0 or n == population or not excluded(low):
        return float(low)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excluded(middle) else (low, middle)
    return float(low)
