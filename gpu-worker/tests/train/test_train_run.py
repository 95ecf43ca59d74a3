"""Whole runs of one rank: resuming changes nothing, stopping loses nothing, masks hold, results are
measured.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from gpu_worker.compress import Recipe, apply_recipe
from gpu_worker.contract import AttemptSpec, TrainResult
from gpu_worker.evaluate import open_session, predict
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.train import run_rank
from nets import onnx_of
from specs import attempt, open_door, stored_dataset, train_spec


def run(spec: AttemptSpec, door: FolderDoor, stop_after: int | None = None) -> TrainResult | None:
    """One rank in this process; stopped by its own report after a step."""
    stop = threading.Event()

    def report(event: dict[str, object]) -> None:
        if event["step"] == stop_after:
            stop.set()

    return run_rank(spec, 0, 1, "127.0.0.1", 0, "cpu", door, report, stop)


def weights(door: FolderDoor, sha256: str) -> dict[str, np.ndarray]:
    model = onnx.load(str(door.blob(sha256)))
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def newest(door: FolderDoor) -> dict[str, Any]:
    return {key: door.read("checkpoints")[-1][key] for key in ("step", "sha256", "bytes")}


@pytest.mark.parametrize(
    "hyper",
    [
        {"optimizer": "adamw"},
        {"optimizer": "sgd"},
        {"schedule": "linear", "accumulate": 3},
        {"schedule": "constant", "compute": "bf16", "onDivergence": "lower_rate"},
    ],
)
def test_a_stopped_and_resumed_run_ends_with_the_same_bytes(tmp_path: Path, hyper: dict[str, object]) -> None:
    whole, parts = open_door(tmp_path / "whole"), open_door(tmp_path / "parts")
    results = []
    for door in (whole, parts):
        dataset = stored_dataset(door, (28, 28), 10)
        spec = train_spec(door, "resnet", dataset, hyper={"augment": True} | hyper)
        if door is whole:
            results.append(run(attempt(spec), door))
        else:
            assert run(attempt(spec), door, stop_after=6) is None
            assert 6 <= newest(door)["step"] < 15
            results.append(run(attempt(spec, checkpoint=newest(door)), door))
    first, second = results
    assert first is not None
    assert second is not None
    assert first.steps == second.steps == 15
    assert first.artifacts.model.sha256 == second.artifacts.model.sha256


def test_a_stop_leaves_a_checkpoint_of_the_last_step(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    spec = train_spec(door, "dense", stored_dataset(door, (20,), 3), hyper={"checkpointEverySteps": 1000})
    assert run(attempt(spec), door, stop_after=3) is None
    steps = [point["step"] for point in door.read("metrics") if point["name"] == "train/loss"]
    assert newest(door)["step"] == max(int(str(step)) for step in steps)


def test_a_version_of_a_checkpoint_is_what_a_run_that_ends_there_makes(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (20,), 3)
    spec = train_spec(door, "dense", dataset, hyper={"evaluateEverySteps": 1000})
    assert run(attempt(spec), door, stop_after=4) is None
    kept = newest(door)
    short = train_spec(door, "dense", dataset, hyper={"evaluateEverySteps": 1000, "stopAtStep": kept["step"]})
    taken, trained = run(attempt(short, checkpoint=kept), door), run(attempt(short), door)
    assert taken is not None
    assert trained is not None
    assert taken.steps == trained.steps == kept["step"]
    assert taken.artifacts.model.sha256 == trained.artifacts.model.sha256


def test_masked_weights_stay_zero_and_the_result_is_quantized_again(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (28, 28), 10)
    parent = onnx_of("resnet")
    opened = open_reference(door, dataset)
    pruned = apply_recipe(parent, Recipe(sparsity=0.6), opened)
    parent_sha = door.put_blob(parent).sha256
    spec = train_spec(
        door,
        "resnet",
        dataset,
        model=pruned.onnx,
        keepMasks=True,
        precision="int8",
        teacher={"blob": parent_sha, "temperature": 4.0, "weight": 0.9},
        baseline=parent_sha,
    )
    result = run(attempt(spec), door)
    assert result is not None
    before = onnx.load_model_from_string(pruned.onnx).graph.initializer
    after = weights(door, result.artifacts.float.sha256)
    checked = 0
    for tensor in before:
        zero = numpy_helper.to_array(tensor) == 0
        if tensor.name in after and len(tensor.dims) > 1 and zero.any():
            assert not after[tensor.name][zero].any()
            assert not np.array_equal(after[tensor.name], numpy_helper.to_array(tensor))
            checked += int(zero.sum())
    assert checked > 1000
    ops = {op.op for op in result.artifacts.inspection.ops}
    assert "QuantizeLinear" in ops
    assert result.artifacts.model.sha256 != result.artifacts.float.sha256
    assert "BatchNormalization" in {
        node.op_type for node in onnx.load(str(door.blob(result.artifacts.float.sha256))).graph.node
    }


def test_the_stored_evaluation_is_what_onnx_runtime_answers(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (28, 28), 10)
    baseline = onnx_of("resnet")
    spec = train_spec(door, "resnet", dataset, baseline=door.put_blob(baseline).sha256)
    result = run(attempt(spec), door)
    assert result is not None
    evaluation = result.artifacts.evaluation
    opened = open_reference(door, dataset)
    session = open_session(door.blob(result.artifacts.model.sha256).read_bytes())
    shape = tuple(result.artifacts.inspection.inputs[0].shape)
    assert shape[1:] == (1, 28, 28)
    batch = (opened.x.take(opened.test_ids).astype(np.float32) / 255 - 0.5) / 0.25
    classes = predict(session, batch[:, None]).argmax(1)
    assert evaluation.correct == int((classes == opened.y[opened.test_ids]).sum())
    stored = np.frombuffer(door.blob(evaluation.predictions).read_bytes(), "<i4")
    assert np.array_equal(stored, classes)
    assert evaluation.paired is not None
    assert evaluation.n == evaluation.paired.n == len(opened.test_ids)
    # Fifteen steps on ten well separated classes: training that did nothing would stay near a tenth.
    assert evaluation.accuracy > 0.5
    assert evaluation.baseline_accuracy is not None
    assert evaluation.accuracy > evaluation.baseline_accuracy


def test_a_folded_model_trains_with_batchnorm_put_back(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (28, 28), 10)
    folded = onnx_of("resnet", "dynamo")
    assert "BatchNormalization" not in {
        node.op_type for node in onnx.load_model_from_string(folded).graph.node
    }
    result = run(attempt(train_spec(door, "resnet", dataset, model=folded, hyper={"epochs": 3})), door)
    assert result is not None
    assert {op.op: op.count for op in result.artifacts.inspection.ops}["BatchNormalization"] > 0
    assert result.artifacts.evaluation.accuracy > 0.5


def test_a_model_that_ends_in_softmax_learns_as_well_as_one_that_does_not(tmp_path: Path) -> None:
    losses = []
    for softmax in (False, True):
        door = open_door(tmp_path / str(softmax))
        model = onnx.load_model_from_string(onnx_of("dense"))
        if softmax:
            raw = model.graph.output[0].name
            model.graph.node.append(helper.make_node("Softmax", [raw], ["chances"], axis=1))
            model.graph.output[0].name = "chances"
        data = model.SerializeToString()
        teacher = {"blob": door.put_blob(data).sha256, "temperature": 4.0, "weight": 0.5}
        spec = train_spec(
            door, "", stored_dataset(door, (20,), 3), model=data, teacher=teacher, keepMasks=True
        )
        assert run(attempt(spec), door) is not None
        points = [p["value"] for p in door.read("metrics") if p["name"] == "train/loss"]
        losses.append([float(str(value)) for value in points])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)


def test_training_from_scratch_gives_a_version_that_can_be_trained_again(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (20, 12), 5)
    scratch = {"from": "architecture", "name": "resnet-small", "inputShape": [1, 20, 12], "classes": 5}
    spec = train_spec(door, "resnet", dataset, init=scratch, hyper={"epochs": 0.3})
    result = run(attempt(spec), door)
    assert result is not None
    assert result.artifacts.inspection.tier == 1
    assert {op.op: op.count for op in result.artifacts.inspection.ops}["BatchNormalization"] == 15


def test_the_graph_of_a_version_trains_from_scratch_by_the_seed_alone(tmp_path: Path) -> None:
    """What the version had learnt, its zeros included, is gone: two versions of one graph end alike."""
    found = []
    for name, change, seed in (("first", 0.0, 3), ("other", 1.0, 3), ("seed", 0.0, 4)):
        door = open_door(tmp_path / name)
        dataset = stored_dataset(door, (28, 28), 10)
        model = onnx.load_model_from_string(onnx_of("resnet"))
        for tensor in model.graph.initializer:
            if len(tensor.dims) == 4:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * change, tensor.name))
        blob = door.put_blob(model.SerializeToString()).sha256
        spec = train_spec(
            door,
            "resnet",
            dataset,
            init={"from": "version", "blob": blob, "weights": "fresh"},
            baseline=blob,
            hyper={"seed": seed, "epochs": 2},
        )
        result = run(attempt(spec), door)
        assert result is not None
        assert result.artifacts.evaluation.accuracy > 0.5
        assert result.artifacts.evaluation.paired is not None
        assert result.artifacts.inspection.tier == 1
        found.append(weights(door, result.artifacts.model.sha256))
    first, other, seeded = found
    for name, value in first.items():
        np.testing.assert_array_equal(other[name], value)
    assert any(not np.array_equal(seeded[name], value) for name, value in first.items())


def test_specs_that_cannot_be_trained_say_why(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    wrong_shape = stored_dataset(door, (9, 9), 10)
    with pytest.raises(ValueError, match=r"\(9, 9\)"):
        run(attempt(train_spec(door, "resnet", wrong_shape)), door)
    many_classes = stored_dataset(door, (28, 28), 12)
    with pytest.raises(ValueError, match="12 classes"):
        run(attempt(train_spec(door, "resnet", many_classes)), door)
    good = stored_dataset(door, (28, 28), 10)
    with pytest.raises(ValueError, match="cannot be shared"):
        run_rank(
            attempt(train_spec(door, "resnet", good, hyper={"globalBatch": 1})),
            0, 2, "127.0.0.1", 0, "cpu", door, print, threading.Event(),
        )  # fmt: skip


def test_more_micro_batches_than_samples_are_refused(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    spec = train_spec(door, "dense", stored_dataset(door, (20,), 3), hyper={"accumulate": 17})
    with pytest.raises(ValueError, match="17 micro-batches cannot be made of the 16 samples of a worker"):
        run(attempt(spec), door)


def test_a_run_that_diverges_ends_with_the_reason(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    hyper = {"optimizer": "sgd", "lr": 1e30, "warmupFraction": 0.0}
    with pytest.raises(ValueError, match=r"at step \d+: training diverged with a learning rate of 1e\+30"):
        run(attempt(train_spec(door, "dense", stored_dataset(door, (20,), 3), hyper=hyper)), door)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    dataset = stored_dataset(door, (20,), 3)
    assert run(attempt(train_spec(door, "dense", dataset)), door, stop_after=2) is None
    other = train_spec(door, "dense", dataset, hyper={"globalBatch": 8})
    with pytest.raises(ValueError, match="another run"):
        run(attempt(other, checkpoint=newest(door)), door)
    junk = door.put_blob(b"no checkpoint")
    damaged = attempt(other, checkpoint={"step": 1, "sha256": junk.sha256, "bytes": junk.bytes})
    with pytest.raises(ValueError, match="cannot be read"):
        run(damaged, door)


def test_a_door_that_fails_ends_the_run(tmp_path: Path) -> None:
    class Failing(FolderDoor):
        def checkpoint(self, report: object) -> None:
            raise OSError("disk full")

    door = Failing(tmp_path)
    spec = train_spec(door, "dense", stored_dataset(door, (20,), 3), hyper={"checkpointEverySteps": 1})
    with pytest.raises(OSError, match="disk full"):
        run(attempt(spec), door)


def test_every_rank_reports_its_steps(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    spec = train_spec(door, "dense", stored_dataset(door, (20,), 3))
    result = run(attempt(spec), door)
    assert result is not None
    names = {str(point["name"]) for point in door.read("metrics")}
    assert names >= {
        "train/loss", "train/lr", "train/step_time", "train/throughput", "train/grad_norm",
        "eval/accuracy", "eval/loss",
    }  # fmt: skip
    loss = [point["step"] for point in door.read("metrics") if point["name"] == "train/loss"]
    assert loss == list(range(1, result.steps + 1))
    percents = [float(str(p["percent"])) for p in door.read("progress") if p["percent"] is not None]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert result.environment["torch"] == torch.__version__
