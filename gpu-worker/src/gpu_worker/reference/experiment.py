"""One seed of the experiment: trained and compressed by the same functions that the cluster's runs call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gpu_worker.contract import (
    AttemptSpec,
    CompressResult,
    CompressSpec,
    DatasetFile,
    DatasetRef,
    InitArchitecture,
    InitVersion,
    Recipe,
    Resources,
    Split,
    Teacher,
    TrainHyper,
    TrainResult,
    TrainSpec,
    Transform,
    VersionArtifacts,
)
from gpu_worker.data.files import read_idx
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.jobs.measure import measure_version
from gpu_worker.jobs.single import run_single
from gpu_worker.train import run_rank

FILES: dict[Literal["x", "y", "x_test", "y_test"], str] = {
    "x": "train-images-idx3-ubyte",
    "y": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
CLASSES = 10
SPARSITY = 0.8
CHANNELS = 0.3


@dataclass(frozen=True)
class Variant:
    """A row of the table with the reference's figures: accuracy in %, bytes in thousands as a file and after
    zstd, milliseconds at batch 1 and 64. Measured in November 2026 on 2 cores, one seed.
    """

    name: str
    accuracy: float
    file_kb: float
    zstd_kb: float
    ms1: float
    ms64: float


VARIANTS = (
    Variant("fp32", 91.84, 752, 653, 0.36, 19.6),
    Variant("int8 static", 91.93, 236, 162, 0.17, 10.0),
    Variant("80% unstructured, one shot", 10.0, 752, 187, 0.31, 19.2),
    Variant("80% + 1 epoch distillation", 91.59, 753, 190, 0.30, 18.8),
    Variant("80% + distillation + int8 static", 91.51, 237, 58, 0.16, 9.3),
    Variant("30% channels + 1 epoch", 90.11, 361, 290, 0.24, 15.0),
)


@dataclass(frozen=True)
class Measured:
    """One variant of one seed, on all test images. zstd_bytes: level 19. ms1, ms64: one thread."""

    variant: str
    seed: int
    n: int
    correct: int
    file_bytes: int
    zstd_bytes: int
    ms1: float
    ms64: float

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.correct / self.n


def open_data(door: FolderDoor, folder: Path, train: int | None, test: int | None) -> DatasetRef:
    """Fashion-MNIST behind the door, whole or the first `train` and `test` images.

    Raises ValueError, saying where they come from, when one of the four IDX files is missing.
    """
    files = []
    for role, name in FILES.items():
        path = next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)
        if path is None:
            raise ValueError(
                f"{folder} has no {name} or {name}.gz. `npm start` fetches the four files into"
                " .lathe/data/fashion-mnist; https://github.com/zalandoresearch/fashion-mnist has them too."
            )
        first = test if role.endswith("_test") else train
        artifact = door.put_blob(path if first is None else idx(read_idx(path)[:first]))
        files.append(
            DatasetFile(role=role, format="idx", sha256=artifact.sha256, bytes=artifact.bytes, name=path.name)
        )
    return DatasetRef(
        dataset_id="fashion-mnist",
        name="Fashion-MNIST",
        files=files,
        split=Split(kind="files", seed=0, test_fraction=0.2),
        transform=Transform(scale=1 / 255, mean=0.0, std=1.0),
    )


def idx(array: np.ndarray) -> bytes:
    """An IDX file of uint8 values."""
    dims = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 0x08, array.ndim]) + dims + np.ascontiguousarray(array, np.uint8).tobytes()


def run_seed(
    door: FolderDoor, dataset: DatasetRef, seed: int, start: float | bytes, threads: int = 2
) -> Iterator[Measured]:
    """Yields the six variants in the order of VARIANTS.

    start: for how many epochs the fp32 model is trained, or that model itself as ONNX bytes.
    """
    runs = Runs(door, dataset, seed, threads)
    names = iter(variant.name for variant in VARIANTS)

    fp32 = runs.measure(start) if isinstance(start, bytes) else runs.from_scratch(start)
    yield measured(next(names), seed, fp32)
    yield measured(next(names), seed, runs.compress(fp32, Recipe(precision="int8")))

    sparse = runs.compress(fp32, Recipe(sparsity=SPARSITY))
    yield measured(next(names), seed, sparse)
    taught = runs.distil(sparse, fp32)
    yield measured(next(names), seed, taught)
    yield measured(next(names), seed, runs.compress(taught, Recipe(precision="int8")))

    # Off the multiples of 16, as the reference: at 16 this ratio leaves half of the middle stage.
    narrow = runs.compress(fp32, Recipe(channels=CHANNELS, round_to=1))
    yield measured(next(names), seed, runs.distil(narrow, fp32))


class Runs:
    """The runs of one seed, on some threads of this machine."""

    def __init__(self, door: FolderDoor, dataset: DatasetRef, seed: int, threads: int) -> None:
        self._door, self._dataset, self._seed, self._threads = door, dataset, seed, threads
        self._count = 0

    def measure(self, model: bytes) -> VersionArtifacts:
        """A model that is there already."""
        dataset = open_reference(self._door, self._dataset)
        return measure_version(
            model, model, None, dataset, self._door, lambda n, total: None, threading.Event(), self._threads
        )

    def from_scratch(self, epochs: float) -> VersionArtifacts:
        """The fp32 model, trained as the sample model was."""
        return self.train(
            InitArchitecture(name="resnet-small", input_shape=[1, 28, 28], classes=CLASSES),
            TrainHyper(
                epochs=epochs, global_batch=128, lr=0.1, optimizer="sgd", weight_decay=5e-4, seed=self._seed
            ),
        )

    def train(
        self, init: InitArchitecture | InitVersion, hyper: TrainHyper, teacher: Teacher | None = None
    ) -> VersionArtifacts:
        """A run on one worker. Zeros stay zero where it starts from a version."""
        spec = TrainSpec(
            init=init,
            teacher=teacher,
            keep_masks=isinstance(init, InitVersion),
            precision="fp32",
            recipe=None,
            baseline=teacher.blob if teacher else None,
            dataset=self._dataset,
            hyper=hyper,
            backend=None,
        )
        result = run_rank(
            self._attempt(spec), 0, 1, "", 0, "cpu", self._door, lambda event: None, threading.Event()
        )
        assert isinstance(result, TrainResult), "nobody stopped this run"
        return result.artifacts

    def distil(self, start: VersionArtifacts, teacher: VersionArtifacts) -> VersionArtifacts:
        """One epoch with the settings that a run has when nobody changes them."""
        return self.train(
            InitVersion(blob=start.float.sha256),
            TrainHyper(epochs=1, seed=self._seed),
            Teacher(blob=teacher.model.sha256),
        )

    def compress(self, parent: VersionArtifacts, recipe: Recipe) -> VersionArtifacts:
        """A studio commit."""
        spec = CompressSpec(
            parent=parent.model.sha256,
            parent_float=parent.float.sha256,
            recipe=recipe,
            dataset=self._dataset,
        )
        result = run_single(self._attempt(spec), self._door, threading.Event())
        assert isinstance(result, CompressResult)
        return result.artifacts

    def _attempt(self, spec: TrainSpec | CompressSpec) -> AttemptSpec:
        self._count += 1
        return AttemptSpec(
            team_id="reference",
            run_id=f"seed-{self._seed}",
            attempt_id=f"seed-{self._seed}-{self._count}",
            attempt=1,
            max_attempts=1,
            resources=Resources(workers=1, cpus=self._threads, gpus=0),
            spec=spec,
            checkpoint=None,
        )


def measured(variant: str, seed: int, found: VersionArtifacts) -> Measured:
    """What the table takes of a version."""
    latency = {row.batch: row.p50_ms for row in found.evaluation.latency}
    assert found.sizes.zstd19 is not None, "a version's sizes are complete"
    assert found.evaluation.correct is not None, "these samples have one class each"
    return Measured(
        variant,
        seed,
        found.evaluation.n,
        found.evaluation.correct,
        found.sizes.file,
        found.sizes.zstd19,
        latency[1],
        latency[64],
    )
