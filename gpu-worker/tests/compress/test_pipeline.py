"""A recipe gives the same bytes whoever asks and whatever was built before; int8 stays close and sparse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.compress import (
    Compressor,
    Recipe,
    StaticQuantizer,
    apply_masks,
    apply_recipe,
    fold_batchnorm,
    macs,
    parameter_count,
    quantize_static,
    recipe_digest,
    sizes,
    sizes_live,
    zero_share,
)
from gpu_worker.compress.quantize import activations, insert_qdq
from gpu_worker.data import Dataset
from gpu_worker.evaluate import open_session, predict
from gpu_worker.importer import export_proto, import_onnx
from nets import example, onnx_of
from samples import npz_dataset

RECIPES = [
    Recipe(),
    Recipe(sparsity=0.6),
    Recipe(channels=0.5),
    Recipe(precision="int8", calibration_samples=64),
    Recipe(channels=0.5, sparsity=0.5, precision="int8", calibration_samples=64),
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return npz_dataset(tmp_path_factory.mktemp("data"), 400, (28, 28), 10)


def test_live_settings_and_a_commit_make_the_same_bytes(dataset: Dataset) -> None:
    compressor = Compressor(import_onnx(onnx_of("resnet")), dataset)
    live = [compressor.build(recipe).onnx for recipe in RECIPES]
    assert [compressor.build(recipe).onnx for recipe in reversed(RECIPES)] == live[::-1]
    assert [apply_recipe(onnx_of("resnet"), recipe, dataset).onnx for recipe in RECIPES] == live
    assert len(set(live)) == len(live)


@pytest.mark.parametrize("allocation", ["magnitude", "uniform", "sensitivity"])
def test_a_resolved_recipe_builds_the_same_bytes_without_a_scan(dataset: Dataset, allocation: str) -> None:
    compressor = Compressor(import_onnx(onnx_of("resnet")), dataset)
    asked = Recipe.model_validate(
        {"channels": 0.3, "sparsity": 0.5, "allocation": allocation, "layers": {"stem.0": 0.1}}
    )
    scan = compressor.scan()
    while compressor.needs_scan(asked) and not scan.complete:
        scan.step()
    resolved = compressor.resolve(asked, scan.curves)
    made = compressor.build(resolved)
    assert apply_recipe(onnx_of("resnet"), resolved, dataset).onnx == made.onnx
    # What the built model tells of its layers is a resolved recipe as well.
    told = asked.model_copy(update={"layers": {layer.name: layer.sparsity for layer in made.layers}})
    assert apply_recipe(onnx_of("resnet"), told, dataset).onnx == made.onnx
    assert made.achieved.sparsity == pytest.approx(0.5, abs=1e-3)
    assert made.layers[0].sparsity == pytest.approx(0.1, abs=0.01)
    assert Recipe.model_validate_json(resolved.canonical_json()) == resolved


def test_a_scan_asks_train_samples_only(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[np.ndarray] = []
    batch = Dataset.batch
    monkeypatch.setattr(Dataset, "batch", lambda self, ids, spec: asked.append(ids) or batch(self, ids, spec))
    Compressor(import_onnx(onnx_of("resnet")), dataset).scan()
    assert len(asked) == 1
    assert np.isin(asked[0], dataset.train_ids).all()


def test_layers_that_are_unknown_or_missing_are_named(dataset: Dataset) -> None:
    compressor = Compressor(import_onnx(onnx_of("resnet")), dataset)
    for allocation in ("magnitude", "uniform", "sensitivity"):
        recipe = Recipe.model_validate({"sparsity": 0.5, "allocation": allocation, "layers": {"steam": 0.5}})
        with pytest.raises(ValueError, match="no layer 'steam'"):
            compressor.build(compressor.resolve(recipe))
    with pytest.raises(ValueError, match=r"every layer, but not of body\.0\.conv1.*head"):
        compressor.build(Recipe(sparsity=0.5, allocation="uniform", layers={"stem.0": 0.5}))
    with pytest.raises(ValueError, match="scan first"):
        compressor.resolve(Recipe(sparsity=0.5, allocation="sensitivity"))


def test_what_is_told_is_what_the_bytes_hold(dataset: Dataset) -> None:
    made = apply_recipe(onnx_of("resnet"), RECIPES[-1], dataset)
    proto = onnx.load_model_from_string(made.float_onnx)
    weights = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    for layer, change in zip(made.trainable().layers, made.layers, strict=True):
        value = weights[layer.initializer]
        assert (change.after, change.parameters) == (layer.shape[0], value.size)
        assert change.sparsity == pytest.approx(float((value == 0).mean()))
    assert made.achieved.sparsity == pytest.approx(0.5, abs=1e-4)
    assert made.achieved.channels > 0.4
    onnx.checker.check_model(onnx.load_model_from_string(made.onnx), full_check=True)


def test_masks_fit_the_trainable_module(dataset: Dataset) -> None:
    made = apply_recipe(onnx_of("resnet"), RECIPES[-1], dataset)
    imported = made.trainable()
    before = {name: value.clone() for name, value in imported.module.state_dict().items()}
    apply_masks(imported.module, made.masks)
    for name, value in imported.module.state_dict().items():
        assert torch.equal(value, before[name])
    assert zero_share(made.masks) == pytest.approx(0.5, abs=1e-4)


def test_int8_keeps_the_answers_and_the_zeros(dataset: Dataset) -> None:
    floats = apply_recipe(onnx_of("resnet"), Recipe(sparsity=0.5), dataset)
    made = apply_recipe(onnx_of("resnet"), Recipe(sparsity=0.5, precision="int8"), dataset)
    x = dataset.batch(dataset.test_ids, import_onnx(onnx_of("resnet")).input)
    expected, found = predict(open_session(floats.onnx), x), predict(open_session(made.onnx), x)
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    proto = onnx.load_model_from_string(made.onnx)
    stored = [
        numpy_helper.to_array(t) for t in proto.graph.initializer if t.data_type == 3 and len(t.dims) == 4
    ]
    assert len(stored) == 7
    assert all(value.dtype == np.int8 for value in stored)
    zeros = sum(int((value == 0).sum()) for value in stored) / sum(value.size for value in stored)
    assert zeros >= 0.49
    assert len(made.onnx) < 0.5 * len(floats.onnx)


def test_more_calibration_samples_change_the_ranges(dataset: Dataset) -> None:
    few, many = (
        apply_recipe(onnx_of("resnet"), Recipe(precision="int8", calibration_samples=n), dataset).onnx
        for n in (2, 256)
    )
    assert few != many


def test_measuring_only_what_gets_a_scale_changes_nothing(dataset: Dataset) -> None:
    """Against ranges of every tensor, taken by numpy from the tensors themselves."""
    model = export_proto(import_onnx(onnx_of("resnet")))
    quantizer = StaticQuantizer(dataset.batch(dataset.train_ids[:50], import_onnx(onnx_of("resnet")).input))
    found = quantizer.quantize(model)
    fold_batchnorm(model)
    every = onnx.ModelProto()
    every.CopyFrom(model)
    names = activations(model)
    del every.graph.output[:]
    every.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names[1:]
    )
    x = dataset.batch(dataset.train_ids[:50], import_onnx(onnx_of("resnet")).input)
    # In the quantizer's own chunks: a different batch may round the last bit differently.
    runs = [
        open_session(every.SerializeToString(), 2).run(None, {"input": x[k : k + 16]})
        for k in range(0, 50, 16)
    ]
    values = {"input": x} | {
        name: np.concatenate([np.asarray(run[i]) for run in runs]) for i, name in enumerate(names[1:])
    }
    ranges = {name: (np.float32(value.min()), np.float32(value.max())) for name, value in values.items()}
    expected = insert_qdq(model, ranges).SerializeToString(deterministic=True)
    assert found == expected


def test_folding_batchnorm_keeps_the_function() -> None:
    imported = import_onnx(onnx_of("resnet"))
    model = export_proto(imported)
    fold_batchnorm(model)
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)
    x = example("resnet").numpy()
    expected = predict(open_session(onnx_of("resnet")), x)
    np.testing.assert_allclose(
        predict(open_session(model.SerializeToString()), x), expected, rtol=1e-3, atol=1e-4
    )


def test_sizes_count_what_they_say() -> None:
    data = onnx_of("plain")
    imported = import_onnx(data)
    sparse = apply_recipe(data, Recipe(sparsity=0.9), None).onnx
    counted, dense = sizes(sparse), sizes_live(data)
    weights = sum(layer.shape[0] * int(np.prod(layer.shape[1:])) for layer in imported.layers)
    biases = sum(layer.shape[0] for layer in imported.layers)
    assert parameter_count(data) == weights + biases
    assert counted.file == len(sparse)
    assert 4 * (weights + biases) < counted.packed < 4 * (weights + biases) + 2000
    # A bitmask of one bit a weight, four bytes for each tenth weight that is left.
    assert counted.sparse == pytest.approx(weights / 8 + 0.4 * weights + 4 * biases, rel=0.02)
    assert counted.zstd19 is not None
    assert counted.zstd19 < 0.35 * dense.file


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_macs_are_the_textbook_count(precision: str) -> None:
    data = onnx_of("plain")
    if precision == "int8":
        data = quantize_static(data, example("plain", 8).numpy())
    expected = 20 * 12 * 32 * 9 + 10 * 6 * 48 * 32 * 9 + 720 * 64 + 64 * 5
    assert macs(data) == expected


@given(
    st.floats(0, 0.95),
    st.floats(0, 0.99),
    st.sampled_from(["fp32", "int8"]),
    st.integers(1, 65536),
    st.integers(1, 64),
)
def test_a_recipe_has_one_spelling(
    channels: float, sparsity: float, precision: str, samples: int, step: int
) -> None:
    recipe = Recipe.model_validate(
        {
            "channels": channels,
            "sparsity": sparsity,
            "precision": precision,
            "calibration_samples": samples,
            "round_to": step,
        }
    )
    again = Recipe.model_validate_json(recipe.canonical_json())
    assert again == recipe
    assert recipe_digest(again, "a" * 64) == recipe_digest(recipe, "a" * 64)
    assert recipe_digest(recipe, "a" * 64) != recipe_digest(recipe, "b" * 64)


def test_whole_numbers_and_floats_are_one_recipe() -> None:
    assert recipe_digest(Recipe(channels=0, sparsity=0), "p") == recipe_digest(Recipe(), "p")


def test_the_digest_of_a_recipe_without_shares_is_what_it_was_before_there_were_any() -> None:
    recipe = Recipe(channels=0.25, sparsity=0.6, precision="int8")
    digest = "322bc9d457cf558105f3ee504ec23822913a25758eefcccdc6ba091d5527bd59"
    assert recipe_digest(recipe, "a" * 64) == digest
    locked = recipe.model_copy(update={"layers": {"stem": 0.0}})
    assert recipe_digest(locked, "a" * 64) != digest


def test_int8_without_a_dataset_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dataset"):
        apply_recipe(onnx_of("plain"), Recipe(precision="int8"), None)
