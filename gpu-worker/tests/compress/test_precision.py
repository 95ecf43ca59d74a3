"""Each precision on real networks: near the answers, smaller, the same bytes every time, layers kept."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from gpu_worker.compress import (
    Compressor,
    Recipe,
    apply_recipe,
    fold_batchnorm,
    macs,
    parameter_count,
    precision_refusals,
    recipe_digest,
    sizes_live,
    to_fp16,
    to_int4,
    to_int8_dynamic,
)
from gpu_worker.data import Dataset
from gpu_worker.evaluate import open_session
from gpu_worker.importer import export_proto, import_onnx
from gpu_worker.jobs.inspection import inspect_bytes
from nets import NETS, Exporter, example, onnx_of
from samples import npz_dataset

LOWER = {"fp16": to_fp16, "int8_dynamic": to_int8_dynamic, "int4": to_int4}
FURTHEST = {"fp16": 0.01, "int8_dynamic": 0.05, "int4": 0.25}
"""How far answers may move, as a share of the largest."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return npz_dataset(tmp_path_factory.mktemp("data"), 400, (28, 28), 10)


def answers(data: bytes, x: np.ndarray) -> np.ndarray:
    session = open_session(data)
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


def can(name: str, precision: str) -> bool:
    return precision not in precision_refusals(import_onnx(onnx_of(name)))


@pytest.mark.parametrize("exporter", ["dynamo_plain", "torchscript"])
@pytest.mark.parametrize("precision", list(LOWER))
@pytest.mark.parametrize("name", list(NETS))
def test_answers_stay_near_and_the_file_shrinks(name: str, precision: str, exporter: Exporter) -> None:
    if not can(name, precision):
        assert precision == "int4"
        return
    model = export_proto(import_onnx(onnx_of(name, exporter)))
    plain, x = model.SerializeToString(deterministic=True), example(name, 16).numpy()
    folded = export_proto(import_onnx(onnx_of(name, exporter)))
    if precision == "int8_dynamic":
        fold_batchnorm(folded)
    made = LOWER[precision](model)
    assert made == LOWER[precision](model)
    assert model.SerializeToString(deterministic=True) == plain
    assert len(made) < len(plain)
    expected = answers(plain, x)
    assert np.abs(answers(made, x) - expected).max() < FURTHEST[precision] * np.abs(expected).max()
    proto = onnx.load_model_from_string(made)
    onnx.checker.check_model(proto, full_check=precision != "int8_dynamic")
    assert [value.name for value in (*proto.graph.input, *proto.graph.output)] == ["input", "scores"]
    assert (macs(made), parameter_count(made)) == (macs(plain), parameter_count(folded.SerializeToString()))


@pytest.mark.parametrize("precision", list(LOWER))
def test_a_layer_that_is_kept_stays_fp32(precision: str) -> None:
    """And the fewer are lowered, the nearer are the answers."""
    imported = import_onnx(onnx_of("mixer"))
    model, x = export_proto(imported), example("mixer", 16).numpy()
    expected = answers(model.SerializeToString(), x)
    everything = [layer.initializer for layer in imported.layers]
    errors = []
    for kept in ([], everything[:1], everything):
        made = LOWER[precision](model, kept)
        stored = [
            tensor
            for tensor in onnx.load_model_from_string(made).graph.initializer
            if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) >= 2
        ]
        shapes = [tuple(sorted(tensor.dims)) for tensor in stored]
        for layer in imported.layers[: len(kept)]:
            assert tuple(sorted(layer.shape)) in shapes
        errors.append(float(np.abs(answers(made, x) - expected).max()))
    assert errors[0] > 0
    assert errors[2] < 0.2 * errors[0]


def test_fp16_keeps_in_32_bits_what_does_not_fit_in_16() -> None:
    model = export_proto(import_onnx(onnx_of("dense")))
    weight = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 2)
    value = numpy_helper.to_array(weight).copy()
    value[0, 0] = 70000.0
    weight.CopyFrom(numpy_helper.from_array(value, weight.name))
    stored = {t.name: t for t in onnx.load_model_from_string(to_fp16(model)).graph.initializer}
    assert stored[weight.name].data_type == TensorProto.FLOAT
    assert sum(t.data_type == TensorProto.FLOAT16 for t in stored.values()) == 2


def test_int4_counts_two_weights_in_a_byte() -> None:
    model = export_proto(import_onnx(onnx_of("bert")))
    made = to_int4(model)
    sizes = sizes_live(made)
    weights = sum(int(np.prod(layer.shape)) for layer in import_onnx(onnx_of("bert")).layers)
    saved = sizes_live(model.SerializeToString()).packed - sizes.packed
    # Four bytes become half a byte and a 32nd of a scale.
    assert saved == pytest.approx(weights * (4 - 0.5 - 4 / 32), rel=0.05)
    assert sizes.packed < sizes.file


@pytest.mark.parametrize("precision", ["fp16", "int8", "int8_dynamic"])
def test_zeros_stay_zero_and_a_commit_makes_the_same_bytes(dataset: Dataset, precision: str) -> None:
    """The order is channels, sparsity, precision: what is lowered is the pruned graph with its zeros."""
    recipe = Recipe.model_validate({"channels": 0.3, "sparsity": 0.5, "precision": precision})
    compressor = Compressor(import_onnx(onnx_of("resnet")), dataset)
    made = compressor.build(recipe)
    plain = compressor.build(recipe.model_copy(update={"precision": "fp32"}))
    assert made.float_onnx == plain.onnx
    assert made.layers == plain.layers
    assert made.achieved.channels > 0.2
    assert made.achieved.sparsity == pytest.approx(0.5, abs=1e-3)
    assert made.onnx == apply_recipe(onnx_of("resnet"), recipe, dataset).onnx
    assert len(made.onnx) < len(plain.onnx)
    # An 8-bit zero is the zero point, of which there are at least as many as there are zeros.
    proto = onnx.load_model_from_string(made.onnx)
    kinds = (TensorProto.INT8, TensorProto.UINT8, TensorProto.FLOAT16)
    values = [
        numpy_helper.to_array(t) for t in proto.graph.initializer if len(t.dims) == 4 and t.data_type in kinds
    ]
    assert len(values) == 7
    most = sum(max(np.unique(value, return_counts=True)[1]) for value in values)
    assert most >= 0.45 * sum(value.size for value in values)


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic", "fp16"])
def test_keep_float_is_part_of_the_recipe(dataset: Dataset, precision: str) -> None:
    compressor = Compressor(import_onnx(onnx_of("resnet")), dataset)
    whole = Recipe.model_validate({"precision": precision, "calibration_samples": 64})
    kept = whole.model_copy(update={"keep_float": ("body.0.conv1", "head")})
    made = compressor.build(kept)
    assert made.onnx == apply_recipe(onnx_of("resnet"), kept, dataset).onnx
    assert len(made.onnx) > len(compressor.build(whole).onnx)
    assert recipe_digest(kept, "a") != recipe_digest(whole, "a")
    floats = {
        tuple(t.dims)
        for t in onnx.load_model_from_string(made.onnx).graph.initializer
        if t.data_type == TensorProto.FLOAT
    }
    assert (32, 16, 3, 3) in floats
    with pytest.raises(ValueError, match=r"no layer 'steam'.*stem\.0"):
        compressor.build(whole.model_copy(update={"keep_float": ("steam",)}))


def test_keep_float_has_one_spelling() -> None:
    twice = Recipe.model_validate({"precision": "int8", "keep_float": ["b", "a", "b"]})
    assert twice == Recipe(precision="int8", keep_float=("a", "b"))
    assert Recipe.model_validate_json(twice.canonical_json()) == twice


def test_int4_is_refused_where_convolutions_hold_the_weights(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match=r"int4 needs MatMul layers; this model has 1 of 8, with 0\.\d% of"):
        apply_recipe(onnx_of("resnet"), Recipe(precision="int4"), dataset)
    assert can("bert", "int4")
    assert can("plain", "int4")
    assert not can("unet", "int4")


@pytest.mark.parametrize("precision", ["fp16", "int8_dynamic", "int4"])
def test_what_is_made_passes_the_rules_that_uploads_pass(precision: str) -> None:
    """Which refuse domains outside ONNX, and run it."""
    model = export_proto(import_onnx(onnx_of("bert")))
    made = LOWER[precision](model)
    inspection = inspect_bytes(made)
    assert inspection.macs == macs(model.SerializeToString())
    assert inspection.sizes.file == len(made)
    plain = inspect_bytes(model.SerializeToString())
    lowered = {layer.name: layer for layer in inspection.layers}
    names = {layer.name for layer in import_onnx(onnx_of("bert")).layers}
    weights = [layer for layer in plain.layers if layer.name in names]
    assert weights
    for layer in weights:
        assert lowered[layer.name].bytes < layer.bytes
