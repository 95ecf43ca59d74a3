"""Merges in a session: measured live, and committed as they were shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gpu_worker.compress import Recipe, apply_recipe
from gpu_worker.importer import export_onnx, import_onnx, reinsert_batchnorm
from nets import onnx_of
from sessions import Opened, session


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with session(tmp_path_factory.mktemp("session"), onnx_of("resnet"), n=3000) as found:
        yield found


def moved(model: bytes, seed: int) -> bytes:
    """The model with weights a little aside, as after a fine-tune."""
    imported = import_onnx(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in imported.module.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return export_onnx(imported)


@pytest.mark.parametrize(
    "settings",
    [
        {"merge": {"method": "ties", "weight": 0.4, "density": 0.3, "scale": 1.5}},
        {"merge": {"method": "slerp", "weight": 0.7}, "channels": 0.4, "precision": "int8"},
    ],
    ids=["ties", "slerp and more"],
)
def test_a_merge_is_fetched_once_and_shown_as_it_is_committed(
    opened: Opened, settings: dict[str, Any]
) -> None:
    partner = opened.door.put_blob(moved(onnx_of("resnet"), 5)).sha256
    ancestor = opened.door.put_blob(moved(onnx_of("resnet"), 6)).sha256
    parents = {"partner": partner, "ancestor": ancestor}
    settings = settings | {"merge": settings["merge"] | {"partner": 2, "parents": parents}}
    lines = list(opened.lines(**settings))
    assert lines[-1]["type"] == "done", lines[-1]
    committed = opened.committed(settings)
    assert lines[-3]["sizes"] == committed.artifacts.sizes.model_dump()
    last = [line for line in lines if line["type"] == "accuracy"][-1]
    paired = committed.artifacts.evaluation.paired
    assert paired is not None
    assert last["accuracy"] == committed.artifacts.evaluation.accuracy
    assert (last["paired"]["gained"], last["paired"]["lost"]) == (paired.gained, paired.lost)


def test_a_session_on_a_folded_upload_merges_with_what_was_trained_of_it(tmp_path: Path) -> None:
    upload = onnx_of("resnet", "dynamo")
    with session(tmp_path, upload, n=600) as found:
        imported = import_onnx(upload)
        samples = np.random.default_rng(0).standard_normal((64, 1, 28, 28)).astype(np.float32)
        trained = moved(export_onnx(reinsert_batchnorm(imported, [torch.from_numpy(samples)])), 5)
        parents = {
            "partner": found.door.put_blob(trained).sha256,
            "ancestor": found.door.put_blob(upload).sha256,
        }
        merge = {"partner": 2, "method": "ties", "weight": 0.4, "density": 0.5, "parents": parents}
        settings = {"merge": merge, "sparsity": 0.3, "allocation": "uniform"}
        lines = list(found.lines(**settings))
        assert lines[-1]["type"] == "done", lines[-1]
        built = next(line for line in lines if line["type"] == "built")
        assert [layer["name"] for layer in built["layers"]] == [layer.name for layer in imported.layers]
        locked = {layer["name"]: layer["sparsity"] for layer in built["layers"]}
        committed = found.committed(settings | {"layers": locked})
        assert lines[-3]["sizes"] == committed.artifacts.sizes.model_dump()


def test_a_merge_with_other_shapes_fails_with_the_tensor_and_without_digests_is_refused(
    opened: Opened,
) -> None:
    pruned = apply_recipe(onnx_of("resnet"), Recipe(channels=0.5), None).float_onnx
    partner = opened.door.put_blob(pruned).sha256
    merge = {"partner": 2, "method": "soup", "weight": 0.5}
    parents = {"partner": partner, "ancestor": None}
    lines = list(opened.lines(merge=merge | {"parents": parents}))
    assert [line["type"] for line in lines] == ["failed"]
    assert "The other version cannot be merged: the tensor" in lines[0]["message"]
    body = {"rev": opened.rev + 1, "settings": {"merge": merge}}
    answer = opened.client.post("/evaluate", json=body)
    assert answer.status_code == 422
    assert "digests" in answer.json()["error"]
