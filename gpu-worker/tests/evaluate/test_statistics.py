"""The intervals cover what they promise, and shrink to nothing when the whole test set is measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.evaluate import mcnemar_p, paired_difference, score_interval, wilson

trials = st.integers(0, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(trials)
def test_wilson_lies_in_the_unit_interval_and_holds_the_share(trial: tuple[int, int]) -> None:
    k, n = trial
    low, high = wilson(k, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low <= k / n <= high


@given(trials)
def test_wilson_is_symmetric_and_narrows_with_n(trial: tuple[int, int]) -> None:
    k, n = trial
    low, high = wilson(k, n)
    mirrored_low, mirrored_high = wilson(n - k, n)
    assert (1 - mirrored_high, 1 - mirrored_low) == pytest.approx((low, high))
    if n:
        narrow_low, narrow_high = wilson(4 * k, 4 * n)
        assert narrow_high - narrow_low < high - low


def test_wilson_published_value() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300)


@given(pairs)
def test_a_swap_of_the_models_turns_the_sign(answers: list[tuple[bool, bool]]) -> None:
    baseline, candidate = np.array(answers).T
    there, back = paired_difference(baseline, candidate), paired_difference(candidate, baseline)
    assert there.difference == -back.difference
    assert there.difference == pytest.approx(candidate.mean() - baseline.mean())
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert there.half_width == pytest.approx(back.half_width)
    assert there.mcnemar_p == back.mcnemar_p


@given(pairs, st.integers(0, 10_000))
def test_the_finite_correction_shrinks_to_zero(answers: list[tuple[bool, bool]], more: int) -> None:
    baseline, candidate = np.array(answers).T
    endless = paired_difference(baseline, candidate).half_width
    finite = paired_difference(baseline, candidate, len(answers) + more).half_width
    assert 0 <= finite <= endless
    assert paired_difference(baseline, candidate, len(answers)).half_width == 0


def test_the_interval_covers_the_difference_of_the_whole_set() -> None:
    """1,000 of 10,000 samples, drawn 400 times: at least 93 % of the intervals hold the truth."""
    rng = np.random.default_rng(5)
    baseline = rng.random(10_000) < 0.92
    candidate = np.where(rng.random(10_000) < 0.04, ~baseline, baseline)
    truth = candidate.mean() - baseline.mean()
    held = 0
    for _ in range(400):
        ids = rng.permutation(10_000)[:1000]
        found = paired_difference(baseline[ids], candidate[ids], 10_000)
        held += abs(found.difference - truth) <= found.half_width
    assert held >= 0.93 * 400


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_binomial_tail(gained: int, lost: int) -> None:
    m = gained + lost
    tail = sum(math.comb(m, i) for i in range(min(gained, lost) + 1)) / 2**m
    assert mcnemar_p(gained, lost) == pytest.approx(min(1.0, 2 * tail) if m else 1.0)


def test_pairs_must_match() -> None:
    with pytest.raises(ValueError, match="one shape"):
        paired_difference(np.ones(3, bool), np.ones(4, bool))
    with pytest.raises(ValueError, match="population"):
        paired_difference(np.ones(3, bool), np.ones(3, bool), 2)


@given(trials.filter(lambda trial: trial[1] > 0))
def test_scores_of_right_and_wrong_have_wilsons_interval(trial: tuple[int, int]) -> None:
    k, n = trial
    assert score_interval(np.arange(n) < k) == pytest.approx(wilson(k, n), abs=1e-12)


graded = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=200)


@given(graded)
def test_an_interval_of_graded_scores_holds_their_mean_and_is_no_wider_than_wilsons(
    scores: list[tuple[float, float]],
) -> None:
    values = np.array(scores)[:, 0]
    low, high = score_interval(values)
    assert low <= values.mean() <= high <= 1
    # Of all scores with this mean, right and wrong vary most.
    n, mean = len(values), values.mean()
    spread = 1.959963984540054**2 / n
    widest = 2 * 1.959963984540054 / (1 + spread) * math.sqrt(mean * (1 - mean) / n + spread / (4 * n))
    assert high - low <= widest + 1e-9


@given(graded)
def test_a_paired_difference_of_graded_scores_turns_with_the_models(
    scores: list[tuple[float, float]],
) -> None:
    baseline, candidate = np.array(scores).T
    there = paired_difference(baseline, candidate, graded=True)
    back = paired_difference(candidate, baseline, graded=True)
    assert there.difference == pytest.approx(-back.difference)
    assert there.half_width == pytest.approx(back.half_width)
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert there.mcnemar_p is None
    assert paired_difference(baseline, candidate, len(baseline), graded=True).half_width == 0


def test_a_paired_interval_of_graded_scores_covers_what_it_promises() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        before = rng.beta(8, 2, 300)
        after = np.clip(before + rng.normal(-0.02, 0.1, 300), 0, 1)
        found = paired_difference(before, after, graded=True)
        truth = -0.0236  # by 4 million draws of the same
        covered += abs(found.difference - truth) <= found.half_width
    assert covered >= 0.93 * 400
