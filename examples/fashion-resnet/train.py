"""Trains the sample model with the product's own training path and writes it beside this file.

    PYTHONPATH=gpu-worker/src .lathe/venv/bin/python examples/fashion-resnet/train.py --data FOLDER

FOLDER holds the four IDX files of Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist), gzipped
or not. A run that was interrupted goes on from its last checkpoint when it is started again with the same
--work folder.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import sys
import tempfile
import threading
from pathlib import Path

from gpu_worker.contract import (
    AttemptSpec,
    CheckpointRef,
    DatasetFile,
    DatasetRef,
    InitArchitecture,
    Resources,
    Split,
    TrainHyper,
    TrainResult,
    TrainSpec,
    Transform,
    to_wire,
)
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.train import run_rank

HERE = Path(__file__).parent
FILES = {
    "x": "train-images-idx3-ubyte",
    "y": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the sample model on Fashion-MNIST.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the four IDX files")
    parser.add_argument("--out", type=Path, default=HERE, help="where model.onnx and provenance.json go")
    parser.add_argument(
        "--work", type=Path, help="folder for checkpoints and logs (default: a temporary one)"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=float, default=8)
    options = parser.parse_args()

    work = options.work or Path(tempfile.mkdtemp(prefix="fashion-resnet-"))
    door = FolderDoor(work)
    print(f"Checkpoints and logs are in {work}", file=sys.stderr)
    spec = attempt(door, options.data, options.workers, options.epochs)
    result = train(spec, work, options.workers)
    if result is None:
        raise SystemExit("Training was stopped before its end; start again with the same --work to go on.")
    write(result, spec, door, options.out)


def attempt(door: FolderDoor, folder: Path, workers: int, epochs: float) -> AttemptSpec:
    """The same spec that the console would hand to its workers."""
    files = []
    for role, name in FILES.items():
        path = next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)
        if path is None:
            raise SystemExit(f"{folder} has no file {name} or {name}.gz.")
        artifact = door.put_blob(path)
        files.append(
            DatasetFile(role=role, format="idx", sha256=artifact.sha256, bytes=artifact.bytes, name=path.name)
        )
    newest = door.read("checkpoints")[-1:]
    return AttemptSpec(
        team_id="example",
        run_id="fashion-resnet",
        attempt_id="fashion-resnet-1",
        attempt=1,
        max_attempts=1,
        resources=Resources(workers=workers, cpus=1, gpus=0),
        spec=TrainSpec(
            init=InitArchitecture(name="resnet-small", input_shape=[1, 28, 28], classes=10),
            teacher=None,
            keep_masks=False,
            precision="fp32",
            recipe=None,
            baseline=None,
            dataset=DatasetRef(
                dataset_id="fashion-mnist",
                name="Fashion-MNIST",
                files=files,
                split=Split(kind="files", seed=0, test_fraction=0.2),
                transform=Transform(scale=1 / 255, mean=0.0, std=1.0),
            ),
            hyper=TrainHyper(
                epochs=epochs,
                global_batch=128,
                lr=0.1,
                optimizer="sgd",
                weight_decay=5e-4,
                clip_norm=5.0,
                warmup_fraction=0.05,
                augment=False,
                seed=0,
                checkpoint_every_steps=100,
                evaluate_every_steps=200,
            ),
            backend=None,
        ),
        checkpoint=CheckpointRef(**{k: newest[0][k] for k in ("step", "sha256", "bytes")})
        if newest
        else None,
    )


def train(spec: AttemptSpec, work: Path, workers: int) -> TrainResult | None:
    """Runs the ranks as processes of this machine and answers what rank 0 answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    wire = spec.model_dump_json(by_alias=True)
    others = [context.Process(target=rank, args=(wire, work, n, workers, port)) for n in range(1, workers)]
    for process in others:
        process.start()
    try:
        return rank(wire, work, 0, workers, port)
    finally:
        for process in others:
            process.join(timeout=30)
            process.kill()


def rank(wire: str, work: Path, number: int, workers: int, port: int) -> TrainResult | None:
    """One rank; prints each event of rank 0."""
    spec = AttemptSpec.model_validate_json(wire)

    def report(event: dict[str, object]) -> None:
        if (number == 0 and event.get("step", 0) in (1, 2, 10)) or int(str(event.get("step", 1))) % 100 == 0:
            print(json.dumps(event), file=sys.stderr, flush=True)

    return run_rank(
        spec, number, workers, "127.0.0.1", port, "cpu", FolderDoor(work), report, threading.Event()
    )


def write(result: TrainResult, spec: AttemptSpec, door: FolderDoor, out: Path) -> None:
    """model.onnx and provenance.json: what the model is, what made it, what was measured of it."""
    artifacts = result.artifacts
    (out / "model.onnx").write_bytes(door.blob(artifacts.model.sha256).read_bytes())
    evaluation = artifacts.evaluation
    provenance = {
        "name": "fashion-resnet",
        "sha256": artifacts.model.sha256,
        "bytes": artifacts.model.bytes,
        "parameters": artifacts.inspection.parameters,
        "spec": to_wire(spec.spec),
        "steps": result.steps,
        "seconds": round(result.seconds, 1),
        "environment": result.environment,
        "evaluation": {
            "dataset": "Fashion-MNIST, test images",
            "n": evaluation.n,
            "correct": evaluation.correct,
            "accuracy": evaluation.accuracy,
            "halfWidth95": evaluation.half_width,
        },
    }
    (out / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    print(f"{out / 'model.onnx'}: {evaluation.correct} of {evaluation.n} correct")


if __name__ == "__main__":
    main()
