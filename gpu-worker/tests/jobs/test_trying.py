"""A test batch, at the end of a dataset's check and as a run: told, and never in the check's way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpu_worker.contract import InspectDatasetResult, Transform, TryBatchResult
from gpu_worker.evaluate import evaluate, evaluation_order
from gpu_worker.jobs import Stopped, run_single
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.folder_door import FolderDoor
from nets import onnx_of
from samples import blobs
from specs import attempt, open_door, stored_arrays, stored_dataset

CSV_ROWS = [f"{i / 3:.6f},{i % 5},{'ab'[i % 2]}" for i in range(80)]


def run(door: FolderDoor, spec: dict[str, Any]) -> Any:
    return run_single(attempt(spec), door, threading.Event())


def steps(door: FolderDoor) -> dict[str, str]:
    items: Any = door.read("progress")[-1]["checklist"]
    return {item["id"]: item["state"] for item in items}


def check_spec(door: FolderDoor, model: bytes, shape: tuple[int, ...]) -> dict[str, Any]:
    reference = stored_dataset(door, shape, 5).model_dump(by_alias=True)
    return {
        "kind": "inspect_dataset",
        "files": reference["files"],
        "split": reference["split"],
        "transform": reference["transform"],
        "model": door.put_blob(model).sha256,
    }


def test_a_run_answers_what_an_evaluation_of_these_samples_does(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    reference = stored_dataset(door, (20, 12), 5)
    model = door.put_blob(onnx_of("plain")).sha256
    result = run(door, {"kind": "try_batch", "model": model, "dataset": reference.model_dump(by_alias=True)})
    assert isinstance(result, TryBatchResult)
    dataset = open_reference(door, reference)
    measured = evaluate(onnx_of("plain"), dataset, evaluation_order(dataset)[:64])
    assert (result.batch.n, result.batch.score, result.batch.task) == (
        64,
        measured.accuracy,
        "classification",
    )
    assert result.batch.fed is not None
    assert result.batch.fed.shape == [64, 1, 20, 12]
    assert steps(door) == {"load": "ok", "batch": {"passed": "ok"}.get(result.batch.verdict, "warning")}
    assert door.read("progress")[-1]["percent"] == 100


def test_a_check_ends_with_the_batch_of_the_model_that_was_asked_for(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    spec = check_spec(door, onnx_of("plain"), (20, 12))
    result = run(door, spec)
    assert isinstance(result, InspectDatasetResult)
    assert result.report is not None
    assert result.batch is not None
    assert (result.batch.n, result.batch.finite) == (64, True)
    assert list(steps(door)) == ["files", "convert", "samples", "batch"]
    alone = run(door, spec | {"model": None})
    assert alone.batch is None
    assert alone.report == result.report
    assert "batch" not in steps(door)


def test_a_converted_table_is_fed_as_its_check_found_it(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    stored = door.put_blob("\n".join(["size,count,kind", *CSV_ROWS]).encode())
    file = {"role": "data", "format": "csv", "name": "parts.csv", **stored.model_dump()}
    spec = {
        "kind": "inspect_dataset",
        "files": [file],
        "split": {"kind": "seeded", "seed": 1, "testFraction": 0.25},
        "model": door.put_blob(onnx_of("dense")).sha256,
    }
    result = run(door, spec)
    assert result.report is not None
    assert result.batch is not None
    assert result.batch.verdict == "failed"
    assert [problem.rule for problem in result.batch.problems] == ["input.shape"]
    assert "(2,)" in result.batch.problems[0].message
    assert steps(door)["samples"] == "ok"
    assert steps(door)["batch"] == "failed"


def test_a_model_that_cannot_be_opened_does_not_cost_the_dataset_its_check(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    result = run(door, check_spec(door, b"no model", (20, 12)))
    assert result.report is not None
    assert result.refusal is None
    assert (result.batch.verdict, result.batch.wanted) == ("failed", None)
    assert result.batch.problems[0].rule == "batch.not_tried"
    assert steps(door)["batch"] == "failed"


def test_a_second_attempt_of_a_check_tries_no_batch(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    again = attempt(check_spec(door, onnx_of("plain"), (20, 12))).model_copy(update={"attempt": 2})
    result = run_single(again, door, threading.Event())
    assert isinstance(result, InspectDatasetResult)
    assert result.report is not None
    assert result.batch is not None
    assert (result.batch.verdict, result.batch.n) == ("failed", 0)
    assert "earlier attempt" in result.batch.problems[0].message


def test_a_refused_dataset_is_not_fed_to_anything(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    x, _ = blobs(40, (20, 12), 5)
    reference = stored_arrays(
        door, Transform(scale=1.0, mean=0.0, std=1.0), x=x, y=np.zeros(39, np.int64)
    ).model_dump(by_alias=True)
    spec = check_spec(door, onnx_of("plain"), (20, 12)) | {"files": reference["files"]}
    result = run(door, spec)
    assert result.refusal is not None
    assert result.batch is None


def test_a_stopped_run_tries_nothing(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    stop = threading.Event()
    stop.set()
    dataset = stored_dataset(door, (20, 12), 5).model_dump(by_alias=True)
    spec = {"kind": "try_batch", "model": door.put_blob(onnx_of("plain")).sha256, "dataset": dataset}
    with pytest.raises(Stopped):
        run_single(attempt(spec), door, stop)
