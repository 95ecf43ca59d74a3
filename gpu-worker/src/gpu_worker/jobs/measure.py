"""Measuring a version whole: every test sample, the difference to its baseline, latency, sizes,
inspection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort

from gpu_worker import evaluate
from gpu_worker.contract import (
    Artifact,
    EvaluationResult,
    LayerTime,
    LayerTimes,
    PeakMemory,
    VersionArtifacts,
)
from gpu_worker.data import Dataset
from gpu_worker.jobs.inspection import inspect_bytes
from gpu_worker.jobs.ports import Door, Stopped
from gpu_worker.jobs.wire import gained_and_lost, to_figures, to_latency, to_paired, to_slices
from gpu_worker.sandbox.layers import layer_names

BATCHES = (1, 64)
LATENCY_ROUNDS = 60

OnSamples = Callable[[int, int], None]
"""Told (samples measured, samples in all)."""


@dataclass(frozen=True)
class Answers:
    """A model's answers for every test sample in dataset order, (n, ...), and the task that they answer."""

    given: np.ndarray
    task: evaluate.Task

    def said(self, dataset: Dataset) -> str:
        """The figure in words; without labels just how many were asked."""
        if self.task.is_relative:
            return f"{len(self.given)} samples answered"
        mean = self.task.scores(self.given, dataset.y[dataset.test_ids], None).mean()
        return f"{self.task.figure} {mean:.4f}"


def answer_all(
    model: bytes, dataset: Dataset, on_samples: OnSamples, stop: threading.Event, threads: int
) -> Answers:
    """Runs a model on the whole test set. Raises Stopped when asked to, ValueError when the two do not
    fit.
    """
    found = evaluate.evaluate(
        model,
        dataset,
        dataset.test_ids,
        on_partial=lambda partial: on_samples(partial.n, partial.total),
        should_stop=stop.is_set,
        threads=threads,
    )
    if not found.complete:
        raise Stopped("stopped while measuring accuracy")
    return Answers(found.answers, found.task)


def to_evaluation(
    answers: Answers,
    baseline: Answers | None,
    dataset: Dataset,
    measured: dict[int, evaluate.Latency],
    door: Door,
    times: LayerTimes | None = None,
    memory: Sequence[PeakMemory] = (),
) -> EvaluationResult:
    """What is stored of an evaluation. The answers become a blob of little-endian int32 or float32 in dataset
    order, and what each scores one of bytes, 0 or 1, or of float32.

    Raises ValueError when a task compares with a baseline and there is none.
    """
    task, labels = answers.task, dataset.y[dataset.test_ids]
    parent = None if baseline is None else baseline.given
    scores = task.scores(answers.given, labels, parent)
    compared = None if parent is None else task.scores(parent, labels, parent)
    low, high = evaluate.score_interval(scores)
    numbers = answers.given.dtype.kind == "f"
    kept = door.put_blob(scores.astype("<f4" if task.is_graded else np.uint8).tobytes()).sha256
    return EvaluationResult(
        n=len(labels),
        task=task.name,
        correct=None if numbers else int((scores == 1).sum()),
        accuracy=float(scores.mean()),
        half_width=(high - low) / 2,
        figures=to_figures(task, labels, parent, answers.given),
        per_class=gained_and_lost(
            task, labels, answers.given if parent is None else parent, answers.given, dataset.num_classes
        ),
        per_slice=to_slices(dataset, scores, compared, task.is_graded),
        predictions=door.put_blob(answers.given.astype("<f4" if numbers else "<i4").tobytes()).sha256,
        paired=None
        if compared is None
        else to_paired(evaluate.paired_difference(compared, scores, graded=task.is_graded)),
        baseline_accuracy=None if compared is None else float(compared.mean()),
        correctness=None if task.is_graded else kept,
        scores=kept if task.is_graded else None,
        latency=to_latency(measured, against_itself=baseline is None),
        layer_times=times,
        memory=list(memory),
    )


def _with_batch(model: bytes, dataset: Dataset, batch: int) -> tuple[ort.InferenceSession, np.ndarray]:
    """A one-thread session, and its input for the first test samples."""
    session = evaluate.open_session(model, 1)
    return session, dataset.batch(dataset.test_ids[:batch], evaluate.session_input(session))


def measure_latency(
    candidate: bytes, baseline: bytes | None, dataset: Dataset, rounds: int, stop: threading.Event
) -> dict[int, evaluate.Latency]:
    """One-thread latency at batch 1 and 64 beside the baseline (itself, where there is none), interleaved."""
    if rounds == 0:
        return {}
    session, example = _with_batch(candidate, dataset, max(BATCHES))
    measured = evaluate.latency(
        session,
        candidate if baseline is None else baseline,
        example,
        BATCHES,
        rounds,
        should_stop=stop.is_set,
    )
    if stop.is_set():
        raise Stopped("stopped while measuring latency")
    return measured


def measure_layers(model: bytes, dataset: Dataset, stop: threading.Event) -> LayerTimes:
    """How a version's latency is shared among its layers. Raises Stopped when asked to."""
    _, example = _with_batch(model, dataset, 1)
    found = evaluate.node_times(model, example, stop.is_set)
    if found is None:
        raise Stopped("stopped while profiling")
    names = layer_names(onnx.load_model_from_string(model))
    layers: dict[str, float] = {}
    for output, ms in found.nodes.items():
        if output in names:
            layers[names[output]] = layers.get(names[output], 0.0) + ms
    return LayerTimes(
        batch=found.batch,
        runs=found.runs,
        total_ms=found.total_ms,
        layers=[LayerTime(name=name, ms=ms) for name, ms in layers.items()],
    )


def measure_memory(model: bytes, dataset: Dataset) -> list[PeakMemory]:
    """Peak memory by batch, each in a process of its own."""
    _, example = _with_batch(model, dataset, max(BATCHES))
    found = evaluate.peak_memory(model, example, BATCHES)
    return [
        PeakMemory(batch=batch, opened_bytes=max(row.opened, 0), peak_bytes=max(row.peak, 0))
        for batch, row in sorted(found.items())
    ]


def measure_version(
    model: bytes,
    float_model: bytes,
    baseline: bytes | None,
    dataset: Dataset,
    door: Door,
    on_samples: OnSamples,
    stop: threading.Event,
    threads: int,
) -> VersionArtifacts:
    """Everything the console stores of a new version. on_samples counts the samples of all models measured.

    Raises Stopped when asked to.
    """
    models = 1 if baseline is None else 2

    def told(already: int) -> OnSamples:
        return lambda n, total: on_samples(already * total + n, models * total)

    answers = answer_all(model, dataset, told(0), stop, threads)
    compared = None if baseline is None else answer_all(baseline, dataset, told(1), stop, threads)
    measured = measure_latency(model, baseline, dataset, LATENCY_ROUNDS, stop)
    times = measure_layers(model, dataset, stop)
    memory = measure_memory(model, dataset)
    inspection = inspect_bytes(model)
    stored: Artifact = door.put_blob(model)
    return VersionArtifacts(
        model=stored,
        float=stored if float_model == model else door.put_blob(float_model),
        inspection=inspection,
        sizes=inspection.sizes,
        evaluation=to_evaluation(answers, compared, dataset, measured, door, times, memory),
    )
