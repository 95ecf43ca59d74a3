"""Ranges of static int8 by each method: cut where it should, inside what was seen, zero within."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.compress import Compressor, Recipe, apply_recipe, fold_batchnorm
from gpu_worker.compress.calibrate import VALUES, Calibration, clipped, stride_for
from gpu_worker.compress.quantize import StaticQuantizer, activations
from gpu_worker.data import Dataset
from gpu_worker.importer import export_proto, import_onnx
from nets import example, onnx_of
from samples import npz_dataset

METHODS: list[Calibration] = ["minmax", "entropy", "percentile"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return npz_dataset(tmp_path_factory.mktemp("data"), 400, (28, 28), 10)


def heavy_tail(seed: int, signed: bool) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal(200_000).astype(np.float32)
    values[:3] = (40, 50, 60)
    return values if signed else np.abs(values)


def limits(values: np.ndarray, method: Calibration) -> tuple[float, float]:
    low, high = clipped(values, values.min(), values.max(), method)
    return float(low), float(high)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("method", ["entropy", "percentile"])
def test_a_few_far_values_do_not_widen_the_range(method: Calibration, signed: bool) -> None:
    values = heavy_tail(0, signed)
    low, high = limits(values, method)
    assert 3 < high < 12
    assert (low < -2) if signed else (low >= 0)
    scale = np.float32((high - low) / 255)
    error = np.abs(np.clip(np.round(values / scale) * scale, low, high) - values)[3:].mean()
    wide = np.float32((values.max() - values.min()) / 255)
    assert error < 0.3 * np.abs(np.round(values / wide) * wide - values)[3:].mean()


@given(st.integers(0, 999), st.floats(-3, 3), st.floats(0.01, 100), st.sampled_from(METHODS))
def test_a_range_lies_within_what_was_seen_and_holds_zero(
    seed: int, shift: float, scale: float, method: Calibration
) -> None:
    values = (np.random.default_rng(seed).standard_normal(500) * scale + shift).astype(np.float32)
    seen = min(values.min(), np.float32(0)), max(values.max(), np.float32(0))
    low, high = clipped(values, *seen, method)
    assert seen[0] <= low <= 0 <= high <= seen[1]
    assert low < high


def test_constant_activations_keep_their_range() -> None:
    zeros = np.zeros(100, np.float32)
    for method in METHODS:
        assert clipped(zeros, np.float32(0), np.float32(0), method) == (0, 0)


@given(st.integers(1, 10**9))
def test_a_stride_is_a_prime_that_leaves_few_enough(total: int) -> None:
    step = stride_for(total)
    assert total / step <= VALUES
    assert step == 1 or all(step % divisor for divisor in range(2, int(step**0.5) + 1))


@pytest.mark.parametrize("method", ["entropy", "percentile"])
def test_each_method_is_deterministic_and_makes_other_bytes(dataset: Dataset, method: str) -> None:
    compressor = Compressor(import_onnx(onnx_of("resnet")), dataset)
    fields = {"precision": "int8", "calibration_samples": 128}
    made = compressor.build(Recipe.model_validate(fields | {"calibration": method})).onnx
    plain = compressor.build(Recipe.model_validate(fields)).onnx
    assert made != plain
    again = apply_recipe(onnx_of("resnet"), Recipe.model_validate(fields | {"calibration": method}), dataset)
    assert again.onnx == made


def test_ranges_are_those_of_the_values_themselves() -> None:
    """A percentile's range holds all but about a ten-thousandth; minmax holds all."""
    imported = import_onnx(onnx_of("plain"))
    model = export_proto(imported)
    fold_batchnorm(model)
    x = example("plain", 64).numpy()
    names = activations(model)
    wide = StaticQuantizer(x, method="minmax").ranges(model, names)
    cut = StaticQuantizer(x, method="percentile").ranges(model, names)
    feed = names[0]
    inside = (x >= cut[feed][0]) & (x <= cut[feed][1])
    assert 0 < (~inside).mean() <= 2e-4
    assert wide[feed] == (x.min(), x.max())
    for name in names:
        assert wide[name][0] <= cut[name][0] <= cut[name][1] <= wide[name][1]
    assert any(cut[name] != wide[name] for name in names[1:])
