"""Two ranks in processes of their own over gloo: the same training as one rank, and one decision to stop."""

from __future__ import annotations

import io
import multiprocessing
import threading
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from gpu_worker.contract import AttemptSpec, TrainResult
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.train import run_rank
from specs import attempt, free_port, open_door, stored_dataset, train_spec


def perceptron() -> bytes:
    """Without BatchNorm, whose statistics are each rank's own, two ranks compute exactly what one does."""
    torch.manual_seed(5)
    layers = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 3))
    program = torch.onnx.export(
        layers.eval(), (torch.zeros(2, 20),), dynamo=True, optimize=False, verbose=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )  # fmt: skip
    assert program is not None
    buffer = io.BytesIO()
    onnx.save_model(program.model_proto, buffer)
    return buffer.getvalue()


def one_rank(wire: str, folder: Path, rank: int, world: int, port: int, stop_after: int | None) -> None:
    """A rank in its own process; rank 1 asks to stop, the result lands in the folder."""
    stop = threading.Event()

    def report(event: dict[str, object]) -> None:
        if rank == 1 and event["step"] == stop_after:
            stop.set()

    spec = AttemptSpec.model_validate_json(wire)
    result = run_rank(spec, rank, world, "127.0.0.1", port, "cpu", FolderDoor(folder), report, stop)
    (folder / f"result-{rank}").write_text("" if result is None else result.model_dump_json(by_alias=True))


def run(spec: AttemptSpec, folder: Path, world: int, stop_after: int | None = None) -> TrainResult | None:
    """All ranks to their end. Fails when one of them does."""
    context = multiprocessing.get_context("spawn")
    port = free_port()
    wire = spec.model_dump_json(by_alias=True)
    ranks = [
        context.Process(target=one_rank, args=(wire, folder, rank, world, port, stop_after))
        for rank in range(world)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(120)
        process.kill()
        process.join()
    assert [process.exitcode for process in ranks] == [0] * world
    assert all(not (folder / f"result-{rank}").read_text() for rank in range(1, world))
    text = (folder / "result-0").read_text()
    return TrainResult.model_validate_json(text) if text else None


def test_ranks_and_micro_batches_train_what_one_rank_trains_at_once(tmp_path: Path) -> None:
    found: list[dict[str, np.ndarray]] = []
    losses: list[list[float]] = []
    norms: list[list[float]] = []
    for world, accumulate in ((1, 1), (2, 1), (1, 3), (2, 3)):
        door = open_door(tmp_path / f"{world}-{accumulate}")
        dataset = stored_dataset(door, (20,), 3)
        # An odd batch, so that the ranks' shares differ; SGD, whose steps are proportional to the gradient.
        hyper = {"optimizer": "sgd", "globalBatch": 17, "weightDecay": 0.0, "accumulate": accumulate}
        spec = attempt(train_spec(door, "", dataset, model=perceptron(), hyper=hyper), workers=world)
        result = run(spec, door.folder, world)
        assert result is not None
        model = onnx.load(str(door.blob(result.artifacts.model.sha256)))
        found.append({t.name: numpy_helper.to_array(t) for t in model.graph.initializer})
        points = [(str(p["name"]), float(str(p["value"]))) for p in door.read("metrics") if p["rank"] == 0]
        losses.append([value for name, value in points if name == "train/loss"])
        norms.append([value for name, value in points if name == "train/grad_norm"])
        times = {(str(p["name"]), p["rank"], p["step"]): float(str(p["value"])) for p in door.read("metrics")}
        steps = [(rank, step) for name, rank, step in times if name == "train/step_time"]
        assert {rank for rank, _ in steps} == set(range(world))
        for rank, step in steps:
            assert 0 < times["train/compute_time", rank, step] <= times["train/step_time", rank, step]
            assert times["train/local_loss", rank, step] > 0
    alone, *others = found
    for other in others:
        for name, value in alone.items():
            np.testing.assert_allclose(other[name], value, rtol=0, atol=1e-6, err_msg=name)
    for other_losses, other_norms in zip(losses[1:], norms[1:], strict=True):
        np.testing.assert_allclose(other_losses, losses[0], rtol=1e-5)
        np.testing.assert_allclose(other_norms, norms[0], rtol=1e-4)


def test_a_run_that_goes_on_with_other_numbers_of_ranks_trains_what_one_rank_trains(tmp_path: Path) -> None:
    hyper = {"optimizer": "sgd", "globalBatch": 17, "weightDecay": 0.0, "checkpointEverySteps": 1000}
    found: list[dict[str, np.ndarray]] = []
    for worlds in ((1,), (2, 1)):
        door = open_door(tmp_path / str(len(worlds)))
        spec = train_spec(door, "", stored_dataset(door, (20,), 3), model=perceptron(), hyper=hyper)
        checkpoint, result = None, None
        for world in worlds:
            stop_after = None if world == worlds[-1] else 4
            result = run(attempt(spec, world, checkpoint), door.folder, world, stop_after)
            if result is None:
                newest = door.read("checkpoints")[-1]
                checkpoint = {key: newest[key] for key in ("step", "sha256", "bytes")}
        assert result is not None
        model = onnx.load(str(door.blob(result.artifacts.model.sha256)))
        found.append({t.name: numpy_helper.to_array(t) for t in model.graph.initializer})
    alone, resized = found
    for name, value in alone.items():
        np.testing.assert_allclose(resized[name], value, rtol=0, atol=1e-6, err_msg=name)


def test_a_stop_on_one_rank_stops_all_and_the_run_resumes_exactly(tmp_path: Path) -> None:
    digests = []
    for name in ("whole", "parts"):
        door = open_door(tmp_path / name)
        # Statistics are averaged at each checkpoint: both runs must have theirs at the same steps to be
        # equal.
        hyper = {"checkpointEverySteps": 1}
        spec = train_spec(door, "resnet", stored_dataset(door, (28, 28), 10, n=128), hyper=hyper)
        checkpoint = None
        if name == "parts":
            assert run(attempt(spec, workers=2), door.folder, 2, stop_after=2) is None
            newest = door.read("checkpoints")[-1]
            checkpoint = {key: newest[key] for key in ("step", "sha256", "bytes")}
            assert 2 <= int(str(checkpoint["step"])) < 7
        result = run(attempt(spec, 2, checkpoint), door.folder, 2)
        assert result is not None
        assert result.steps == 7
        digests.append(result.artifacts.model.sha256)
    assert digests[0] == digests[1]
