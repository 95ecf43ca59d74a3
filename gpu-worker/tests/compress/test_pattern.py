"""2:4 zeros: two of every four inputs, beside the sparsity dial, locks and allocations."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from gpu_worker.compress import Compressor, Recipe, SortedWeights, apply_recipe
from gpu_worker.compress.pattern import fits, pattern_zeros
from gpu_worker.data import Dataset
from gpu_worker.importer import import_onnx
from nets import NETS, onnx_of
from samples import npz_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return npz_dataset(tmp_path_factory.mktemp("data"), 400, (28, 28), 10)


def groups(mask: torch.Tensor, input_dim: int) -> torch.Tensor:
    """How many of each four inputs are left."""
    return mask.movedim(input_dim, -1).reshape(-1, 4).sum(dim=1)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.sampled_from([0, 1]), st.integers(0, 99))
def test_the_two_smallest_of_each_four_inputs_are_zero(
    outputs: int, inputs: int, kernel: int, input_dim: int, seed: int
) -> None:
    shape = [outputs, outputs, kernel]
    shape[input_dim] = 4 * inputs
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    assert fits(weight, input_dim)
    zeros = pattern_zeros(weight, input_dim)
    assert zeros.unique().numel() == weight.numel() // 2
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    mask[zeros] = False
    mask = mask.view(weight.shape)
    assert (groups(mask, input_dim) == 2).all()
    left = weight.abs().masked_fill(~mask, np.inf).movedim(input_dim, -1).reshape(-1, 4).amin(dim=1)
    gone = weight.abs().masked_fill(mask, 0.0).movedim(input_dim, -1).reshape(-1, 4).amax(dim=1)
    assert (left >= gone).all()


@pytest.mark.parametrize("name", [name for name in NETS if name != "sensor"])
def test_layers_that_do_not_fit_stay_dense(name: str) -> None:
    imported = import_onnx(onnx_of(name))
    weights = SortedWeights(imported)
    masks = weights.mask_for(0.0, pattern="2:4")
    fitting = weights.fitting("2:4")
    assert fitting
    for layer in imported.layers:
        mask = masks[layer.parameter]
        if layer.name in fitting:
            assert (groups(mask, 1 - layer.channel_dim) == 2).all()
        else:
            assert layer.shape[1 - layer.channel_dim] % 4
            assert mask.all()


def test_the_sparsity_dial_goes_on_from_the_pattern() -> None:
    imported = import_onnx(onnx_of("resnet"))
    weights = SortedWeights(imported)
    alone = weights.mask_for(0.0, pattern="2:4")
    less, more = weights.mask_for(0.3, pattern="2:4"), weights.mask_for(0.8, pattern="2:4")
    zeros = sum(int((~mask).sum()) for mask in more.values())
    assert zeros == round(0.8 * weights.total)
    for name, mask in alone.items():
        # Below the pattern's own share the dial has no effect; above, the pattern's zeros are among them.
        assert torch.equal(less[name], mask)
        assert not (more[name] & ~mask).any()


def test_a_lock_below_half_goes_without_the_pattern_and_one_above_keeps_it() -> None:
    imported = import_onnx(onnx_of("resnet"))
    weights = SortedWeights(imported)
    locks = {"body.0.conv1": 0.2, "body.0.conv2": 0.7, "body.1.conv1": 0.0}
    masks = weights.mask_for(0.0, locks, "2:4")
    plain = weights.mask_for(0.0, locks)
    by_name = {layer.name: masks[layer.parameter] for layer in imported.layers}
    for layer in imported.layers:
        if layer.name in ("body.0.conv1", "body.1.conv1"):
            assert torch.equal(masks[layer.parameter], plain[layer.parameter])
        elif layer.name == "body.0.conv2":
            assert (groups(by_name[layer.name], 1) <= 2).all()
            assert 1 - by_name[layer.name].float().mean() == pytest.approx(0.7, abs=1e-3)


@pytest.mark.parametrize("allocation", ["magnitude", "uniform", "sensitivity"])
@pytest.mark.parametrize("sparsity", [0.0, 0.6])
def test_what_is_told_of_the_layers_is_a_resolved_recipe(
    dataset: Dataset, allocation: str, sparsity: float
) -> None:
    """And the order is channels, then the pattern: it holds on what channels leave."""
    compressor = Compressor(import_onnx(onnx_of("resnet")), dataset)
    asked = Recipe.model_validate(
        {"channels": 0.3, "sparsity": sparsity, "allocation": allocation, "pattern": "2:4"}
    )
    scan = compressor.scan()
    while compressor.needs_scan(asked) and not scan.complete:
        scan.step()
    resolved = compressor.resolve(asked, scan.curves)
    made = compressor.build(resolved)
    assert apply_recipe(onnx_of("resnet"), resolved, dataset).onnx == made.onnx
    assert made.achieved.sparsity == pytest.approx(max(sparsity, 0.498), abs=2e-3)
    if allocation != "magnitude":
        told = asked.model_copy(update={"layers": {layer.name: layer.sparsity for layer in made.layers}})
        assert compressor.build(told).onnx == made.onnx
    proto = onnx.load_model_from_string(made.onnx)
    stored = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    for layer, change in zip(compressor.imported.layers, made.layers, strict=True):
        value = torch.from_numpy(stored[layer.initializer].copy())
        if fits(value, 1):
            assert (groups(value != 0, 1) <= 2).all()
        assert value.shape[0] == change.after


def test_the_digest_says_which_pattern() -> None:
    assert '"pattern":"2:4"' in Recipe(pattern="2:4").canonical_json()
    assert "pattern" not in Recipe().canonical_json()


def test_a_model_that_no_layer_of_which_fits_says_so() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3)).eval()
    program = torch.onnx.export(
        module, (torch.randn(2, 5),), dynamo=True, verbose=False, dynamic_shapes=({0: torch.export.Dim("n")},)
    )
    assert program is not None
    data = program.model_proto.SerializeToString()
    with pytest.raises(ValueError, match="2:4 needs layers whose inputs are a multiple of 4"):
        apply_recipe(data, Recipe(pattern="2:4"), None)
