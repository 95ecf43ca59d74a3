"""Attempts on small data, as the console would hand them out, behind a door that is a folder."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any

import numpy as np

from gpu_worker.contract import AttemptSpec, DatasetFile, DatasetRef, Resources, Split, Transform
from gpu_worker.data import TaskName
from gpu_worker.jobs.folder_door import FolderDoor
from nets import onnx_of
from samples import blobs

HYPER: dict[str, Any] = {
    "epochs": 1.0,
    "globalBatch": 16,
    "lr": 0.01,
    "optimizer": "adamw",
    "weightDecay": 1e-4,
    "clipNorm": 5.0,
    "warmupFraction": 0.1,
    "augment": False,
    "seed": 3,
    "checkpointEverySteps": 5,
    "evaluateEverySteps": 10,
}


def stored_dataset(door: FolderDoor, shape: tuple[int, ...], classes: int, n: int = 320) -> DatasetRef:
    """A seeded NPZ dataset behind the door."""
    x, y = blobs(n, shape, classes)
    return stored_arrays(door, Transform(scale=1 / 255, mean=0.5, std=0.25), x=x, y=y)


def stored_arrays(
    door: FolderDoor, transform: Transform, task: TaskName = "classification", **arrays: np.ndarray
) -> DatasetRef:
    """An NPZ dataset of these arrays behind the door, a quarter of it the test part."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    artifact = door.put_blob(buffer.getvalue())
    file = DatasetFile(
        role="data", format="npz", sha256=artifact.sha256, bytes=artifact.bytes, name="samples.npz"
    )
    return DatasetRef(
        dataset_id="dataset",
        name="blobs",
        files=[file],
        split=Split(kind="seeded", seed=7, test_fraction=0.25),
        transform=transform,
        task=task,
    )


def attempt(spec: dict[str, Any], workers: int = 1, checkpoint: dict[str, Any] | None = None) -> AttemptSpec:
    """An attempt that carries a spec as it comes over the wire."""
    return AttemptSpec.model_validate(
        {
            "teamId": "team",
            "runId": "run",
            "attemptId": "attempt",
            "attempt": 1,
            "maxAttempts": 3,
            "resources": Resources(workers=workers, cpus=1, gpus=0).model_dump(),
            "spec": spec,
            "checkpoint": checkpoint,
        }
    )


def train_spec(door: FolderDoor, net: str, dataset: DatasetRef, **changes: Any) -> dict[str, Any]:
    """Training of one of the small nets; `hyper` changes single values."""
    model = changes.pop("model", None) or onnx_of(net)
    hyper = HYPER | changes.pop("hyper", {})
    return {
        "kind": "train",
        "init": {"from": "version", "blob": door.put_blob(model).sha256},
        "teacher": None,
        "keepMasks": False,
        "precision": "fp32",
        "recipe": None,
        "baseline": None,
        "dataset": dataset.model_dump(by_alias=True),
        "hyper": hyper,
        "backend": None,
        **changes,
    }


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def open_door(folder: Path) -> FolderDoor:
    """A fresh folder door."""
    folder.mkdir(parents=True, exist_ok=True)
    return FolderDoor(folder)
