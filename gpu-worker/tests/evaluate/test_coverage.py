"""Intervals hold the truth as often as they say: exact sums where there is a formula, else seeded draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.evaluate import confidence_sequence, paired_difference, wilson

POPULATION = 2000

CHANGES = {"few": (0.004, 0.006), "usual": (0.02, 0.03), "one-sided": (0.0, 0.02), "many": (0.25, 0.15)}
"""Shares of samples that the candidate gains and loses."""


def drawn(name: str, rng: np.random.Generator, population: int = POPULATION) -> np.ndarray:
    """Candidate minus baseline for a whole test set: exact shares of 1 and -1, shuffled."""
    gained, lost = (round(share * population) for share in CHANGES[name])
    return rng.permutation(np.repeat([1, -1, 0], [gained, lost, population - gained - lost]))


@pytest.mark.parametrize("n", [20, 100, 250, 1000])
def test_wilson_covers_95_percent_on_average_and_never_much_less(n: int) -> None:
    """Exact, over all k: Agresti and Coull (The American Statistician 52, 1998) find means of 0.95 and dips
    near 0 and 1.
    """
    bounds = np.array([wilson(k, n) for k in range(n + 1)])
    shares = np.linspace(0.005, 0.995, 397)
    held = (bounds[:, :1] <= shares) & (shares <= bounds[:, 1:])
    k = np.arange(n + 1)[:, None]
    ways = np.log([float(math.comb(n, i)) for i in range(n + 1)])[:, None]
    likely = np.exp(ways + k * np.log(shares) + (n - k) * np.log1p(-shares))
    assert likely.sum(axis=0) == pytest.approx(1.0)
    covered = (likely * held).sum(axis=0)
    assert covered.mean() == pytest.approx(0.95, abs=0.01)
    assert covered.min() > 0.83
    assert covered[(shares > 0.1) & (shares < 0.9)].min() > 0.92


@pytest.mark.parametrize("n", [100, 250, 1000, 1800])
@pytest.mark.parametrize("name", CHANGES)
def test_the_paired_interval_covers_what_a_part_of_the_set_is_drawn_from(name: str, n: int) -> None:
    """At least 95 % less three standard errors of 1,500 draws (1.7 points), whatever share differs."""
    rng, draws = np.random.default_rng(n), 1500
    held = 0
    for _ in range(draws):
        whole = drawn(name, rng)
        found = paired_difference(whole[:n] < 0, whole[:n] > 0, POPULATION)
        held += abs(found.difference - whole.mean()) <= found.half_width + 1e-12
    assert held / draws >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / draws)


def test_without_the_finite_correction_the_interval_would_be_too_wide() -> None:
    rng, draws = np.random.default_rng(1), 400
    held = 0
    for _ in range(draws):
        whole = drawn("usual", rng)
        found = paired_difference(whole[:1800] < 0, whole[:1800] > 0)
        held += abs(found.difference - whole.mean()) <= found.half_width
    assert held == draws


@pytest.mark.parametrize("name", CHANGES)
def test_the_confidence_sequence_is_crossed_at_no_n_in_95_percent_of_draws(name: str) -> None:
    """The interval at the last n but one is the intersection of all, so it holds the truth when each did."""
    rng, draws = np.random.default_rng(2), 600
    crossed = 0
    for _ in range(draws):
        whole = drawn(name, rng)
        low, high = confidence_sequence(whole[:-1], POPULATION)
        crossed += not low - 1e-12 <= whole.mean() <= high + 1e-12
    assert crossed / draws <= 0.05


def test_the_pointwise_interval_is_crossed_far_more_often() -> None:
    """What the sequence is for: looked at every 50 samples, it fails in every fifth case or more."""
    rng, draws = np.random.default_rng(3), 200
    crossed = 0
    for _ in range(draws):
        whole = drawn("usual", rng)
        looks = (paired_difference(whole[:n] < 0, whole[:n] > 0, POPULATION) for n in range(50, 2000, 50))
        crossed += any(abs(look.difference - whole.mean()) > look.half_width + 1e-12 for look in looks)
    assert crossed / draws > 0.2


@pytest.mark.parametrize("name", CHANGES)
def test_the_sequence_is_at_most_two_and_a_half_times_the_pointwise_interval(name: str) -> None:
    whole = drawn(name, np.random.default_rng(4), 10_000)
    low, high = confidence_sequence(whole[:1000], len(whole))
    pointwise = paired_difference(whole[:1000] < 0, whole[:1000] > 0, len(whole)).half_width
    assert 1 <= (high - low) / 2 / pointwise <= 2.5


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=80), st.integers(0, 200))
def test_the_sequence_narrows_and_ends_at_the_mean(differences: list[float], more: int) -> None:
    population = len(differences) + more
    last = (-1.0, 1.0)
    for n in range(len(differences) + 1):
        low, high = confidence_sequence(np.array(differences[:n]), population)
        assert low <= high
        # Where the sides exclude each other, the point between them lies outside both.
        assert low == high or (last[0] - 1e-9 <= low and high <= last[1] + 1e-9)
        last = (low, high)
    if more == 0:
        assert last == pytest.approx((np.mean(differences),) * 2, abs=1e-9)


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=60), st.floats(0.01, 0.5))
def test_a_swap_of_the_models_mirrors_the_sequence(differences: list[float], alpha: float) -> None:
    there = confidence_sequence(np.array(differences), 100, alpha)
    back = confidence_sequence(-np.array(differences), 100, alpha)
    assert there == pytest.approx((-back[1], -back[0]), abs=1e-9)


def test_what_cannot_be_bounded_is_refused() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        confidence_sequence(np.array([1.5]), 10)
    with pytest.raises(ValueError, match="between -1 and 1"):
        confidence_sequence(np.array([np.nan]), 10)
    with pytest.raises(ValueError, match="cannot hold"):
        confidence_sequence(np.zeros(3), 2)
    with pytest.raises(ValueError, match="alpha"):
        confidence_sequence(np.zeros(3), 10, 0.0)
