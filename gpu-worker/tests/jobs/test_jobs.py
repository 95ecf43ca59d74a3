"""Runs of one process: refusals are results, a compression repeats to the byte, figures can be recomputed."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpu_worker.contract import (
    CompressResult,
    DatasetRef,
    EvaluateResult,
    InspectDatasetResult,
    InspectModelResult,
    Split,
    Transform,
)
from gpu_worker.data import InputSpec, encode_png
from gpu_worker.evaluate import open_session, predict
from gpu_worker.jobs import Stopped, run_single
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.jobs.progress import Checklist
from nets import ResNet, example, exported, onnx_of
from samples import blobs
from specs import attempt, open_door, stored_arrays, stored_dataset

RECIPE = {
    "channels": 0.3,
    "sparsity": 0.5,
    "precision": "int8",
    "calibrationSamples": 64,
    "calibrationSeed": 0,
    "roundTo": 16,
}


def run(door: FolderDoor, spec: dict[str, Any]) -> Any:
    return run_single(attempt(spec), door, threading.Event())


def inspect_spec(door: FolderDoor, content: bytes, filename: str) -> dict[str, Any]:
    limits = {"bytes": 64 << 20, "memoryBytes": 2 << 30, "seconds": 120}
    return {
        "kind": "inspect_model",
        "blob": door.put_blob(content).sha256,
        "filename": filename,
        "limits": limits,
    }


def classes(door: FolderDoor, model: str, dataset: DatasetRef) -> tuple[np.ndarray, np.ndarray]:
    """Answers and labels of the test set, computed with ONNX Runtime alone."""
    opened = open_reference(door, dataset)
    x = opened.x.take(opened.test_ids).astype(np.float32)
    batch = ((x / 255 - 0.5) / 0.25).reshape(len(x), 1, 28, 28)
    session = open_session(door.blob(model).read_bytes())
    return predict(session, batch).argmax(1), opened.y[opened.test_ids]


def test_a_model_is_inspected_and_its_checklist_told(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    result = run(door, inspect_spec(door, onnx_of("resnet"), "model.onnx"))
    assert isinstance(result, InspectModelResult)
    assert result.refusal is None
    assert result.inspection is not None
    assert result.inspection.tier == 1
    assert result.inspection.inputs[0].shape[1:] == [1, 28, 28]
    reports = door.read("progress")
    items: Any = reports[-1]["checklist"]
    assert items
    assert {item["state"] for item in items} == {"ok"}
    percents = [float(str(report["percent"])) for report in reports]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_a_refused_model_is_a_result_with_its_rule(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    result = run(door, inspect_spec(door, b"\x80\x04\x95pickled", "model.pt"))
    assert isinstance(result, InspectModelResult)
    assert result.inspection is None
    assert result.refusal is not None
    assert result.refusal.rule == "magic.pickle"
    assert "model.pt" in result.refusal.message


def test_a_dataset_is_reported_and_a_bad_one_refused(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    reference = stored_dataset(door, (12, 9), 4, n=80).model_dump(by_alias=True)
    spec = {"kind": "inspect_dataset", "files": reference["files"], "split": reference["split"]}
    good = run(door, spec)
    assert isinstance(good, InspectDatasetResult)
    assert good.report is not None
    assert (good.report.n, good.report.train, good.report.test) == (80, 60, 20)
    assert good.report.shape == [12, 9]
    assert good.report.transform.scale == pytest.approx(1 / 255)
    assert [found.label for found in good.report.classes] == [0, 1, 2, 3]
    junk = door.put_blob(b"PK\x03\x04 no npz")
    spec["files"][0] |= {"sha256": junk.sha256, "bytes": junk.bytes}
    bad = run(door, spec)
    assert isinstance(bad, InspectDatasetResult)
    assert bad.report is None
    assert bad.refusal is not None
    assert bad.refusal.rule == "npz.damaged"


def test_a_table_is_converted_once_and_opened_by_workers_as_arrays(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    rows = [f"{i / 3:.6f},{i % 5},{'SNS'[i % 3]},{'ab'[i % 2]}" for i in range(60)]
    stored = door.put_blob("\n".join(["size,count,site,kind", *rows, rows[3]]).encode())
    file = {"role": "data", "format": "csv", "name": "parts.csv", **stored.model_dump()}
    split = {"kind": "seeded", "seed": 1, "testFraction": 0.25}
    mapping = {"label": None, "features": None, "standardise": True, "slice": "site"}
    spec = {"kind": "inspect_dataset", "files": [file], "split": split, "mapping": mapping}
    result = run(door, spec)
    assert isinstance(result, InspectDatasetResult)
    report = result.report
    assert report is not None, result.refusal
    assert (report.n, report.shape, report.dtype, report.labels) == (61, [2], "float32", ["a", "b"])
    assert [(found.name, found.train + found.test) for found in report.slices] == [("N", 20), ("S", 41)]
    assert report.table is not None
    assert report.table.mapping.features == ["size", "count"]
    assert report.leakage is not None
    assert report.leakage.between + report.leakage.repeated == 1
    reference = DatasetRef(
        dataset_id="d",
        name="d",
        files=report.prepared,
        split=Split(kind="seeded", seed=1, test_fraction=0.25),
        transform=report.transform,
    )
    dataset = open_reference(door, reference)
    assert isinstance(dataset.x.parts[0], np.memmap)
    assert dataset.y.tolist() == [i % 2 for i in range(60)] + [1]
    batch = dataset.batch(dataset.train_ids, InputSpec("in", (None, 2)))
    np.testing.assert_allclose(batch.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(batch.std(axis=0), 1, atol=1e-5)
    again = run(door, spec)
    assert isinstance(again, InspectDatasetResult)
    assert again.report == report


def test_folders_of_an_archive_decide_the_split(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    buffer = io.BytesIO()
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(buffer, "w") as archive:
        for part in ("train", "test"):
            for label in "ab":
                for number in range(3):
                    pixels = rng.integers(0, 256, (5, 6, 3)).astype(np.uint8)
                    archive.writestr(f"{part}/{label}/{number}.png", encode_png(pixels))
    stored = door.put_blob(buffer.getvalue())
    file = {"role": "data", "format": "images", "name": "parts.zip", **stored.model_dump()}
    result = run(door, {"kind": "inspect_dataset", "files": [file], "split": {"kind": "seeded"}})
    assert isinstance(result, InspectDatasetResult)
    report = result.report
    assert report is not None, result.refusal
    assert report.split is not None
    assert (report.split.kind, report.train, report.test) == ("files", 6, 6)
    assert (report.shape, report.labels) == ([3, 5, 6], ["a", "b"])
    assert report.transform.scale == pytest.approx(1 / 255)
    assert len(report.previews) == 6


def test_the_same_recipe_gives_the_same_bytes_and_honest_figures(tmp_path: Path) -> None:
    results = []
    for name in ("a", "b"):
        door = open_door(tmp_path / name)
        dataset = stored_dataset(door, (28, 28), 10, n=800)
        parent = door.put_blob(onnx_of("resnet")).sha256
        spec = {
            "kind": "compress",
            "parent": parent,
            "parentFloat": parent,
            "recipe": RECIPE,
            "dataset": dataset.model_dump(by_alias=True),
        }
        result = run(door, spec)
        assert isinstance(result, CompressResult)
        results.append(result)
        artifacts, evaluation = result.artifacts, result.artifacts.evaluation
        answers, labels = classes(door, artifacts.model.sha256, dataset)
        assert evaluation.correct == int((answers == labels).sum())
        stored = np.frombuffer(door.blob(evaluation.predictions).read_bytes(), "<i4")
        assert np.array_equal(stored, answers)
        assert evaluation.correctness is not None
        right = np.frombuffer(door.blob(evaluation.correctness).read_bytes(), np.uint8)
        assert np.array_equal(right, answers == labels)
        assert evaluation.layer_times is not None
        timed = {layer.name for layer in evaluation.layer_times.layers}
        assert timed <= {layer.name for layer in artifacts.inspection.layers}
        assert timed >= {layer.name for layer in artifacts.inspection.layers if layer.macs}
        assert [row.batch for row in evaluation.memory] == [1, 64]
        assert all(row.peak_bytes >= row.opened_bytes for row in evaluation.memory)
        base, _ = classes(door, parent, dataset)
        gained = int(((answers == labels) & (base != labels)).sum())
        lost = int(((answers != labels) & (base == labels)).sum())
        assert evaluation.paired is not None
        assert (evaluation.paired.gained, evaluation.paired.lost) == (gained, lost)
        assert sum(row.gained for row in evaluation.per_class) == gained
        assert evaluation.baseline_accuracy == pytest.approx((base == labels).mean())
        assert [found.batch for found in evaluation.latency] == [1, 64]
        assert (
            artifacts.sizes.file == artifacts.model.bytes == door.blob(artifacts.model.sha256).stat().st_size
        )
        assert artifacts.float.sha256 != artifacts.model.sha256
        assert result.achieved.sparsity == pytest.approx(0.5, abs=0.01)
        assert any(layer.after < layer.before for layer in result.layers)
    assert results[0].artifacts.model == results[1].artifacts.model
    assert results[0].artifacts.float == results[1].artifacts.float
    assert results[0].recipe_digest == results[1].recipe_digest


def test_candidate_and_baseline_answer_the_same_samples(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (28, 28), 10)
    model = door.put_blob(onnx_of("resnet")).sha256
    spec = {
        "kind": "evaluate",
        "candidate": model,
        "baseline": model,
        "dataset": dataset.model_dump(by_alias=True),
        "latencyRounds": 0,
    }
    result = run(door, spec)
    assert isinstance(result, EvaluateResult)
    assert result.baseline is not None
    assert result.evaluation.paired is not None
    assert (result.evaluation.paired.gained, result.evaluation.paired.lost) == (0, 0)
    assert result.evaluation.predictions == result.baseline.predictions
    assert result.evaluation.latency == []
    alone = run(door, spec | {"baseline": None})
    assert alone.baseline is None
    assert alone.evaluation.paired is None


def test_each_slice_of_the_test_set_is_told_with_its_interval(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    x, y = blobs(320, (28, 28), 10)
    named = np.where(np.arange(320) % 5 == 0, "night", "day")
    dataset = stored_arrays(door, Transform(scale=1 / 255, mean=0.5, std=0.25), x=x, y=y, slice=named)
    other = exported(ResNet(), example("resnet"))
    models = [door.put_blob(model).sha256 for model in (onnx_of("resnet"), other)]
    reference = dataset.model_dump(by_alias=True)
    spec = {"kind": "evaluate", "candidate": models[0], "baseline": models[1], "latencyRounds": 0}
    result = run(door, spec | {"dataset": reference})
    assert isinstance(result, EvaluateResult)
    right = [np.equal(*classes(door, model, dataset)) for model in models]
    of = named[open_reference(door, dataset).test_ids]
    assert [found.name for found in result.evaluation.per_slice] == ["day", "night"]
    for found in result.evaluation.per_slice:
        mine, before = right[0][of == found.name], right[1][of == found.name]
        assert (found.n, found.accuracy) == (len(mine), pytest.approx(mine.mean()))
        assert 0 < found.half_width < 1
        assert found.paired is not None
        assert found.paired.difference == pytest.approx(mine.mean() - before.mean())
    assert result.baseline is not None
    assert [found.paired for found in result.baseline.per_slice] == [None, None]


def test_a_stopped_run_says_so_and_a_train_spec_is_refused(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (28, 28), 10)
    model = door.put_blob(onnx_of("resnet")).sha256
    stop = threading.Event()
    stop.set()
    spec = {
        "kind": "evaluate",
        "candidate": model,
        "baseline": None,
        "dataset": dataset.model_dump(by_alias=True),
        "latencyRounds": 0,
    }
    with pytest.raises(Stopped):
        run_single(attempt(spec), door, stop)


def test_what_the_parent_does_not_allow_is_said(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (28, 28), 10)
    parent = door.put_blob(onnx_of("plain")).sha256
    spec = {
        "kind": "compress",
        "parent": parent,
        "parentFloat": parent,
        "recipe": RECIPE,
        "dataset": dataset.model_dump(by_alias=True),
    }
    with pytest.raises(ValueError, match=r"\(28, 28\)"):
        run(door, spec)


def test_a_checklist_estimates_from_the_share_that_is_done(tmp_path: Path) -> None:
    now = [0.0]
    door = open_door(tmp_path)
    checklist = Checklist(door, {"a": 1.0, "b": 3.0}, clock=lambda: now[0])
    checklist.start("a", "begins")
    now[0] = 2.0
    checklist.finish("a", "done")
    checklist.start("b", "begins")
    now[0] = 5.0
    checklist.advance("b", 1, 2, "half")
    half = door.read("progress")[-1]
    assert half["percent"] == pytest.approx(62.5)
    assert half["etaSeconds"] == pytest.approx(5.0 * 0.375 / 0.625)
    assert door.read("progress")[0]["etaSeconds"] is None


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (["serve", "jobs.inspect", "jobs.trying", "jobs.evaluating"], "torch"),
        (["compress", "importer", "studio"], "sympy"),
    ],
)
def test_work_loads_nothing_heavy_that_it_does_without(modules: list[str], heavy: str) -> None:
    """About 4 s. torch takes 1.4 s of a core and 200 MB, sympy 0.7 s, whenever a process starts."""
    imports = "; ".join(f"import gpu_worker.{module}" for module in modules)
    source = f"import sys; {imports}; print('{heavy}' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
