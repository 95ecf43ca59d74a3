"""The ranking of layers finds the one that was made hard to quantize."""

from __future__ import annotations

import onnx
import pytest
import torch

from gpu_worker.compress import Compressor, Recipe, harmful_layers
from gpu_worker.data import Dataset
from gpu_worker.evaluate import log_probabilities, open_session
from gpu_worker.importer import import_onnx
from nets import onnx_of
from samples import npz_dataset

VICTIM = "body.1.conv1"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return npz_dataset(tmp_path_factory.mktemp("data"), 400, (28, 28), 10)


@pytest.fixture(scope="module")
def compressor(dataset: Dataset) -> Compressor:
    """A network with one layer whose weights 8 bits hardly tell apart: each output has one far outlier, on an
    input that is always zero.
    """
    imported = import_onnx(onnx_of("resnet"))
    state = dict(imported.module.named_parameters())
    layers = {layer.name: layer for layer in imported.layers}
    with torch.no_grad():
        # Nothing passes through channel 0 of the block before, so its large weights change no answer.
        for name, parameter in state.items():
            if name.startswith("body") and "0" in name and parameter.dim() == 1 and len(parameter) == 32:
                parameter[0] = 0.0
        state[layers[VICTIM].parameter][:, 0] = 40.0
    return Compressor(imported, dataset)


@pytest.mark.parametrize("precision", ["int8", "int8_dynamic"])
def test_the_layer_that_suffers_most_comes_first(compressor: Compressor, precision: str) -> None:
    recipe = Recipe.model_validate({"precision": precision, "calibration_samples": 64})
    harms = harmful_layers(compressor, recipe)
    assert {harm.name for harm in harms} == {layer.name for layer in compressor.imported.layers}
    assert harms[0].name == VICTIM
    assert harms[0].kl > 3 * harms[1].kl
    assert [harm.kl for harm in harms] == sorted((harm.kl for harm in harms), reverse=True)
    assert harmful_layers(compressor, recipe) == harms


def test_keeping_the_first_of_them_brings_the_answers_back(compressor: Compressor) -> None:
    recipe = Recipe(precision="int8_dynamic")
    first, *_, last = harmful_layers(compressor, recipe)
    x = compressor.calibration(128, 1)

    def divergence(keep: tuple[str, ...]) -> float:
        made = compressor.build(recipe.model_copy(update={"keep_float": keep}))
        p, q = (
            log_probabilities(open_session(data).run(None, {"input": x})[0].astype(float), False)
            for data in (made.float_onnx, made.onnx)
        )
        return float((torch.tensor(p).exp() * torch.tensor(p - q)).sum(1).mean())

    assert divergence((first.name,)) < 0.5 * divergence(())
    assert divergence((first.name,)) < 0.5 * divergence((last.name,))
    kept = recipe.model_copy(update={"keep_float": (first.name,)})
    assert first.name not in {harm.name for harm in harmful_layers(compressor, kept)}


def test_what_is_alone_lowered_is_one_layer(compressor: Compressor) -> None:
    made = compressor.build(Recipe(precision="int8", calibration_samples=64))
    nodes = onnx.load_model_from_string(made.onnx).graph.node
    assert sum(node.op_type == "DequantizeLinear" for node in nodes) > 8


def test_it_stops_when_asked_and_refuses_fp32(compressor: Compressor) -> None:
    assert harmful_layers(compressor, Recipe(precision="int8"), lambda: True) == []
    with pytest.raises(ValueError, match="no layer is lowered"):
        harmful_layers(compressor, Recipe())
    with pytest.raises(ValueError, match="int4 needs MatMul"):
        harmful_layers(compressor, Recipe(precision="int4"))
