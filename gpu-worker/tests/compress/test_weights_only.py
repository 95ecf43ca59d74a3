"""A recurrent network cannot be rebuilt in PyTorch; its weights are zeroed and lowered where they lie."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from families import Recurrent
from gpu_worker.compress import Compressor, Recipe, apply_recipe, precision_refusals
from gpu_worker.contract import StudioBaseline
from gpu_worker.evaluate import open_session, predict
from gpu_worker.importer import Imported, ImportRefused, export_onnx, open_model
from nets import exported, onnx_of
from samples import npz_dataset
from sessions import session

CELLS = [nn.LSTM, nn.GRU]
INPUTS = np.random.default_rng(0).standard_normal((5, 12, 6)).astype(np.float32)


@cache
def recurrent(kind: type[nn.LSTM] | type[nn.GRU]) -> bytes:
    torch.manual_seed(5)
    return exported(Recurrent(kind, 10), torch.zeros(2, 12, 6), "torchscript")


def stored(data: bytes, imported: Imported) -> dict[str, np.ndarray]:
    """The weights of the layers by name, as a graph holds them."""
    tensors = {t.name: numpy_helper.to_array(t) for t in onnx.load_model_from_string(data).graph.initializer}
    return {layer.name: tensors[layer.initializer] for layer in imported.layers}


@pytest.mark.parametrize("kind", CELLS)
def test_an_opened_model_names_its_layers_and_answers_as_before(kind: type[nn.LSTM] | type[nn.GRU]) -> None:
    data = recurrent(kind)
    imported = open_model(data)
    assert imported.tier == 3
    assert f"{kind.__name__} node '" in imported.tier_reasons[0]
    gates = (4 if kind is nn.LSTM else 3) * 16
    assert [layer.channels for layer in imported.layers] == [gates, gates, 10]
    assert [layer.shape[layer.input_dim] for layer in imported.layers] == [6, 16, 16]
    assert [layer.name for layer in imported.layers] == ["cells.W", "cells.R", "head"]
    found = predict(open_session(export_onnx(imported)), INPUTS)
    assert np.array_equal(found, predict(open_session(data), INPUTS))


@pytest.mark.parametrize("kind", CELLS)
def test_the_smallest_weights_of_the_network_become_zero(kind: type[nn.LSTM] | type[nn.GRU]) -> None:
    data = recurrent(kind)
    imported = open_model(data)
    before = stored(data, imported)
    made = apply_recipe(data, Recipe(sparsity=0.7), None)
    after = stored(made.onnx, imported)
    magnitudes = np.sort(np.abs(np.concatenate([value.ravel() for value in before.values()])))
    threshold = magnitudes[round(0.7 * len(magnitudes))]
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], np.where(np.abs(value) < threshold, 0, value))
    assert made.achieved.sparsity == pytest.approx(0.7, abs=1e-3)
    assert np.isfinite(predict(open_session(made.onnx), INPUTS)).all()
    assert apply_recipe(data, Recipe(sparsity=0.7), None).onnx == made.onnx


def test_each_layer_may_have_a_share_and_a_pattern_of_its_own() -> None:
    data = recurrent(nn.LSTM)
    imported = open_model(data)
    own = {layer.name: 0.25 for layer in imported.layers} | {"head": 0.5}
    made = apply_recipe(data, Recipe(allocation="uniform", layers=own, sparsity=0.3), None)
    for name, value in stored(made.onnx, imported).items():
        assert (value == 0).mean() == pytest.approx(own[name], abs=1 / value.size)
    patterned = stored(apply_recipe(data, Recipe(pattern="2:4", sparsity=0.5), None).onnx, imported)
    _, on_state, head = patterned.values()
    for value in (on_state, head):
        assert ((value.reshape(-1, 4) != 0).sum(1) <= 2).all()


def test_what_needs_pytorch_is_refused_with_the_node() -> None:
    compressor = Compressor(open_model(recurrent(nn.GRU)), None)
    for recipe in (Recipe(channels=0.5), Recipe(recovery=1.0)):
        with pytest.raises(ValueError, match="GRU node '/cells/GRU'"):
            compressor.build(recipe)
    refused = precision_refusals(compressor.imported)
    assert set(refused) == {"int4", "int8", "int8_dynamic"}
    assert "8-bit LSTM" in refused["int8"]
    assert "this model has 1 of 3" in refused["int8"]


def test_fp16_halves_the_weights_of_a_recurrent_network() -> None:
    data = recurrent(nn.LSTM)
    half = apply_recipe(data, Recipe(precision="fp16"), None).onnx
    expected, found = (predict(open_session(model), INPUTS) for model in (data, half))
    assert 0 < np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()
    assert len(data) - len(half) > 0.9 * 2 * (4 * 16 * (6 + 16) + 160)


def test_a_quantized_file_has_nothing_to_edit(tmp_path: Path) -> None:
    dataset = npz_dataset(tmp_path, 120, (28, 28), 10)
    made = apply_recipe(onnx_of("resnet"), Recipe(precision="int8", calibration_samples=8), dataset)
    with pytest.raises(ImportRefused, match="quantized"):
        open_model(made.onnx)


def test_a_session_measures_a_recurrent_network_and_commits_what_it_showed(tmp_path: Path) -> None:
    with session(tmp_path, recurrent(nn.LSTM), n=480, shape=(12, 6)) as opened:
        baseline = StudioBaseline.model_validate(opened.client.get("/baseline").json())
        reasons = {(item.dial, item.option): item.reason for item in baseline.unavailable}
        assert {dial for dial, option in reasons if option is None} == {"channels", "recovery", "merge"}
        assert reasons["channels", None].startswith(
            "Tier 3. Only its weights can be edited. LSTM node '/cells/LSTM'"
        )
        assert {option for _, option in reasons if option} == {"int4", "int8", "int8_dynamic"}
        parents = {"partner": "ab" * 32, "ancestor": None}
        merge = {"partner": 2, "method": "soup", "weight": 0.5, "parents": parents}
        refused = list(opened.lines(merge=merge))
        assert [line["type"] for line in refused] == ["failed"]
        assert refused[0]["message"] == reasons["merge", None]
        chosen = {"sparsity": 0.6, "allocation": "sensitivity", "precision": "fp16"}
        lines = list(opened.lines(**chosen))
        built = next(line for line in lines if line["type"] == "built")
        shares = {layer["name"]: layer["sparsity"] for layer in built["layers"]}
        assert len(set(shares.values())) > 1
        assert lines[-1]["type"] == "done"
        committed = opened.committed(chosen | {"layers": shares})
        assert committed.achieved.model_dump() == built["achieved"]
        last = [line for line in lines if line["type"] == "accuracy"][-1]
        assert committed.artifacts.evaluation.accuracy == last["accuracy"]
        failed = list(opened.lines(recovery=0.5))
        assert [line["type"] for line in failed] == ["failed"]
        assert "LSTM node" in failed[0]["message"]
