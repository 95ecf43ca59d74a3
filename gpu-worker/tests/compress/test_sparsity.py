"""Exactly the smallest weights of the whole network become zero, and nothing else changes."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from gpu_worker.compress import SortedWeights, apply_masks, zero_share
from gpu_worker.compress.allocate import MAX_RATIO, zeros_of
from gpu_worker.compress.sparsity import magnitude_order
from gpu_worker.importer import Imported, import_onnx
from nets import onnx_of


@cache
def sorted_weights() -> tuple[Imported, SortedWeights]:
    imported = import_onnx(onnx_of("depthwise"))
    return imported, SortedWeights(imported)


@given(sparsity=st.floats(0, 0.99))
@settings(max_examples=30)
def test_the_share_is_exact_and_the_zeroed_are_the_smallest(sparsity: float) -> None:
    imported, weights = sorted_weights()
    masks = weights.mask_for(sparsity)
    values = torch.cat([imported.module.get_parameter(name).detach().abs().flatten() for name in masks])
    keep = torch.cat([mask.flatten() for mask in masks.values()])
    assert int((~keep).sum()) == round(sparsity * weights.total)
    if (~keep).any() and keep.any():
        assert values[~keep].max() <= values[keep].min()
    assert abs(zero_share(masks) - sparsity) <= 0.5 / weights.total + 1e-12


@given(st.lists(st.floats(0, 2, width=32), max_size=50))
def test_the_order_is_a_stable_sort(values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert np.array_equal(magnitude_order(array), np.argsort(array, kind="stable"))


@given(st.floats(0, 0.9), st.floats(0, 0.9), st.one_of(st.none(), st.floats(0, 0.95)))
@settings(max_examples=30)
def test_a_larger_share_zeroes_a_superset(a: float, b: float, locked: float | None) -> None:
    imported, weights = sorted_weights()
    locks = {} if locked is None else {imported.layers[1].name: locked}
    low, high = (weights.mask_for(share, locks) for share in sorted((a, b)))
    assert all(bool((high[name] <= low[name]).all()) for name in low)


@given(sparsity=st.floats(0, 0.9), locked=st.floats(0, 0.95))
@settings(max_examples=30)
def test_a_locked_layer_keeps_its_ratio_and_the_others_make_up_for_it(sparsity: float, locked: float) -> None:
    imported, weights = sorted_weights()
    first, *others = imported.layers
    masks = weights.mask_for(sparsity, {first.name: locked})
    own = masks[first.parameter]
    assert int((~own).sum()) == zeros_of(locked, own.numel())
    value = imported.module.get_parameter(first.parameter).detach().abs()
    assert not (~own).any() or value[~own].max() <= value[own].min()
    free = sum(masks[layer.parameter].numel() for layer in others)
    missing = round(sparsity * weights.total) - int((~own).sum())
    given_up = sum(int((~masks[layer.parameter]).sum()) for layer in others)
    assert given_up == min(max(0, missing), zeros_of(MAX_RATIO, free))


def test_only_layer_weights_change_in_the_graph() -> None:
    imported, weights = sorted_weights()
    masks = weights.mask_for(0.7)
    before = {t.name: numpy_helper.to_array(t) for t in imported.model.graph.initializer}
    after = {t.name: numpy_helper.to_array(t) for t in weights.export(masks).graph.initializer}
    layers = {layer.initializer for layer in imported.layers}
    for name, value in after.items():
        changed = not np.array_equal(value, before[name])
        assert changed == (name in layers), name
    assert onnx.checker.check_model(weights.export(masks)) is None


def test_masks_hold_after_a_training_step() -> None:
    imported = import_onnx(onnx_of("plain"))
    masks = SortedWeights(imported).mask_for(0.5)
    apply_masks(imported.module, masks)
    with torch.no_grad():
        for parameter in imported.module.parameters():
            parameter.add_(1.0)
    apply_masks(imported.module, masks)
    for name, mask in masks.items():
        parameter = imported.module.get_parameter(name)
        assert not parameter[~mask].any()
        assert parameter[mask].any()
