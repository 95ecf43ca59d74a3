"""Shares by layer reach the target as locks allow, stay in bounds, and never fall as the target rises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.compress import Curve, allocate_by_sensitivity, allocate_uniform
from gpu_worker.compress.allocate import MAX_RATIO, STEPS, zeros_of

RATIOS = np.array([0.3, 0.6, 0.9])
ratios = st.floats(0, MAX_RATIO)


@dataclass(frozen=True)
class Network:
    """Layers with their curves, some of them locked."""

    sizes: dict[str, int]
    curves: dict[str, Curve]
    locks: dict[str, float]

    def zeros(self, found: dict[str, float]) -> int:
        return sum(zeros_of(ratio, self.sizes[name]) for name, ratio in found.items())

    def reachable(self, target: float) -> int:
        """The zeros that come nearest to a target with these locks."""
        wanted = round(target * sum(self.sizes.values()))
        locked = {name: self.locks.get(name, 0.0) for name in self.sizes}
        most = {name: self.locks.get(name, MAX_RATIO) for name in self.sizes}
        return min(max(wanted, self.zeros(locked)), self.zeros(most))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    layer = st.tuples(
        st.integers(1, 5000),
        st.lists(st.floats(0, 5), min_size=3, max_size=3),
        st.one_of(st.none(), ratios),
    )
    drawn = {f"layer{n}": found for n, found in enumerate(draw(st.lists(layer, min_size=1, max_size=6)))}
    return Network(
        {name: size for name, (size, _, _) in drawn.items()},
        {name: Curve(RATIOS, np.array(kl)) for name, (_, kl, _) in drawn.items()},
        {name: lock for name, (_, _, lock) in drawn.items() if lock is not None},
    )


@given(networks(), ratios)
def test_by_sensitivity_the_target_is_met_to_one_weight(network: Network, target: float) -> None:
    found = allocate_by_sensitivity(network.curves, network.sizes, network.locks, target)
    assert network.zeros(found) == network.reachable(target)


@given(networks(), ratios)
def test_uniform_meets_the_target_within_half_a_weight_a_layer(network: Network, target: float) -> None:
    found = allocate_uniform(network.sizes, network.locks, target)
    free = {found[name] for name in network.sizes if name not in network.locks}
    assert abs(network.zeros(found) - network.reachable(target)) <= len(network.sizes)
    # Equal but for the rounding to whole weights.
    smallest = min((size for name, size in network.sizes.items() if name not in network.locks), default=1)
    assert not free or max(free) - min(free) <= 2 / smallest


@given(networks(), ratios, ratios)
def test_locks_are_kept_and_ratios_grow_with_the_target(network: Network, a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    for one, other in (
        (allocate_uniform(network.sizes, network.locks, target) for target in (low, high)),
        (
            allocate_by_sensitivity(network.curves, network.sizes, network.locks, target)
            for target in (low, high)
        ),
    ):
        assert list(one) == list(network.sizes)
        for name in network.sizes:
            assert 0 <= one[name] <= other[name] <= MAX_RATIO
            assert name not in network.locks or one[name] == network.locks[name]


@given(networks())
def test_a_curve_never_falls_and_meets_what_was_measured(network: Network) -> None:
    for curve in network.curves.values():
        values = curve.at(np.linspace(0, 1, 201))
        assert values[0] == 0
        assert (np.diff(values) >= -1e-12).all()
        np.testing.assert_allclose(curve.at(RATIOS), np.maximum.accumulate(curve.kl), rtol=1e-6, atol=2e-9)


def test_the_sensitive_layer_gives_least() -> None:
    curves = {"robust": Curve(RATIOS, np.array([1e-4, 1e-3, 1e-2])), "fragile": Curve(RATIOS, RATIOS * 5)}
    found = allocate_by_sensitivity(curves, {"robust": 1000, "fragile": 1000}, {}, 0.45)
    assert found["robust"] > 0.8
    assert found["fragile"] < 0.1


def test_no_step_is_worth_exchanging_for_another() -> None:
    """Greedy on convex curves is optimal: the last step of one layer saves no more than the next of another
    costs.
    """
    rng = np.random.default_rng(0)
    sizes = {f"layer{n}": int(rng.integers(500, 5000)) for n in range(8)}
    curves = {name: Curve(RATIOS, np.exp(rng.normal()) * RATIOS ** (4 + n)) for n, name in enumerate(sizes)}
    found = allocate_by_sensitivity(curves, sizes, {}, 0.6)
    step = 1 / STEPS

    def cost(name: str, low: float) -> float:
        ends = np.sqrt(curves[name].at(np.array([low, low + step])))
        return float(ends[1] - ends[0]) / (step * sizes[name])

    saved = max(cost(name, ratio - 2 * step) for name, ratio in found.items() if ratio > 0.3)
    spent = min(cost(name, ratio + step) for name, ratio in found.items() if ratio < 0.9)
    assert saved <= spent


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(ValueError, match=r"no layer 'steam'\. Its layers are stem"):
        allocate_uniform({"stem": 10}, {"steam": 0.5}, 0.5)
    with pytest.raises(ValueError, match="head were not scanned"):
        allocate_by_sensitivity({}, {"head": 10}, {}, 0.5)
