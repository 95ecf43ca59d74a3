"""From trained weights to a version: ONNX, quantized again where the recipe says so, measured, with
provenance.
"""

from __future__ import annotations

import hashlib
import platform
import threading
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

import gpu_worker
from gpu_worker.compress import apply_recipe
from gpu_worker.contract import AttemptSpec, Settings, TrainResult, TrainSpec
from gpu_worker.data import Dataset
from gpu_worker.jobs.measure import measure_version
from gpu_worker.jobs.ports import Door
from gpu_worker.jobs.recipes import recipe_of, to_recipe
from gpu_worker.jobs.threads import evaluation_threads
from gpu_worker.train.group import Group
from gpu_worker.train.reporter import TRAINING_SHARE, Reporter
from gpu_worker.train.trainable import Trainable

LOWERING = ("calibration", "calibration_samples", "calibration_seed", "keep_float")
"""What a recipe says of how a precision is lowered."""

LIBRARIES = ("torch", "onnx", "onnxruntime", "numpy", "safetensors")


def build_result(
    spec: AttemptSpec,
    train: TrainSpec,
    trainable: Trainable,
    module: nn.Module,
    dataset: Dataset,
    door: Door,
    reporter: Reporter,
    group: Group,
    seconds: float,
    stop: threading.Event,
) -> TrainResult:
    """The result of a finished run. module: trained, on the CPU, in eval mode. Raises Stopped when asked
    to.
    """
    reporter.phase("exporting", "Writing the ONNX file", TRAINING_SHARE)
    float_model = trainable.export(module)
    model = float_model
    if train.precision != "fp32":
        reporter.phase("quantizing", f"Lowering the precision to {train.precision}", TRAINING_SHARE + 1)
        model = requantize(float_model, train, dataset)
    measuring = TRAINING_SHARE + 2

    def on_samples(done: int, total: int) -> None:
        share = (100 - measuring) * done / total
        reporter.phase("measuring", f"Measured {done} of {total} answers", measuring + share)

    baseline = door.blob(train.baseline).read_bytes() if train.baseline is not None else None
    threads = evaluation_threads(spec.resources.cpus)
    artifacts = measure_version(model, float_model, baseline, dataset, door, on_samples, stop, threads)
    steps = reporter.total_steps
    reporter.metrics(steps, {"eval/accuracy_full": artifacts.evaluation.accuracy})
    return TrainResult(
        artifacts=artifacts, steps=steps, seconds=seconds, environment=environment(spec, train, group)
    )


def requantize(float_model: bytes, train: TrainSpec, dataset: Dataset) -> bytes:
    """The model in the run's precision, by the same path as a commit: with the recipe's calibration, and the
    layers in fp32 that it keeps.
    """
    plain = recipe_of(Settings(channels=0, sparsity=0, precision=train.precision))
    drawn = plain if train.recipe is None else to_recipe(train.recipe)
    how = {name: getattr(drawn, name) for name in LOWERING}
    return apply_recipe(float_model, plain.model_copy(update=how), dataset).onnx


def environment(spec: AttemptSpec, train: TrainSpec, group: Group) -> dict[str, str]:
    """What else the result depends on: code, library versions, hardware, backend, seed, workers."""
    cuda = group.device.type == "cuda"
    return {
        "code": code_digest(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "platform": f"{platform.system()} {platform.machine()}",
        "device": torch.cuda.get_device_name(group.device) if cuda else "cpu",
        "backend": group.backend,
        "workers": str(group.world),
        "threads": str(torch.get_num_threads()),
        "seed": str(train.hyper.seed),
        "attempt": str(spec.attempt),
    }


def code_digest() -> str:
    """sha256 over the paths and contents of this package's modules."""
    root = Path(gpu_worker.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
