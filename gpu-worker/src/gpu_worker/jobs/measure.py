"""Measuring a version whole: every test sample, the difference to its baseline, latency, sizes,
inspection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx

from gpu_worker import evaluate
from gpu_worker.contract import (
    Artifact,
    EvaluationResult,
    LayerTime,
    LayerTimes,
    PerClassItem,
    VersionArtifacts,
)
from gpu_worker.data import Dataset
from gpu_worker.jobs.inspection import inspect_bytes
from gpu_worker.jobs.ports import Door, Stopped
from gpu_worker.jobs.wire import gained_and_lost, to_latency, to_paired
from gpu_worker.sandbox.layers import layer_names

BATCHES = (1, 64)
LATENCY_ROUNDS = 60

OnSamples = Callable[[int, int], None]
"""Told (samples measured, samples in all)."""


@dataclass(frozen=True)
class Answers:
    """A model's classes for every test sample in dataset order, int64, and which of them are right."""

    predictions: np.ndarray
    correct: np.ndarray


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
    return Answers(found.predictions, found.correct)


def to_evaluation(
    answers: Answers,
    baseline: Answers | None,
    dataset: Dataset,
    measured: dict[int, evaluate.Latency],
    door: Door,
    times: LayerTimes | None = None,
) -> EvaluationResult:
    """What is stored of an evaluation. The predictions become a blob of little-endian int32 in dataset
    order, and which of them are right one of bytes.
    """
    labels = dataset.y[dataset.test_ids]
    n, correct = len(labels), int(answers.correct.sum())
    low, high = evaluate.wilson(correct, n)
    compared = answers.correct if baseline is None else baseline.correct
    changes = gained_and_lost(labels, compared, answers.correct, dataset.num_classes)
    counts = np.bincount(labels, minlength=dataset.num_classes)
    right = np.bincount(labels[answers.correct], minlength=dataset.num_classes)
    return EvaluationResult(
        n=n,
        correct=correct,
        accuracy=correct / n,
        half_width=(high - low) / 2,
        per_class=[
            PerClassItem(
                label=label, n=int(counts[label]), correct=int(right[label]), gained=gained, lost=lost
            )
            for label, (gained, lost) in enumerate(changes)
        ],
        predictions=door.put_blob(answers.predictions.astype("<i4").tobytes()).sha256,
        paired=None
        if baseline is None
        else to_paired(evaluate.paired_difference(baseline.correct, answers.correct)),
        baseline_accuracy=None if baseline is None else float(baseline.correct.mean()),
        correctness=door.put_blob(answers.correct.astype(np.uint8).tobytes()).sha256,
        latency=to_latency(measured, against_itself=baseline is None),
        layer_times=times,
    )


def measure_latency(
    candidate: bytes, baseline: bytes | None, dataset: Dataset, rounds: int, stop: threading.Event
) -> dict[int, evaluate.Latency]:
    """One-thread latency at batch 1 and 64 beside the baseline (itself, where there is none), interleaved."""
    if rounds == 0:
        return {}
    session = evaluate.open_session(candidate, 1)
    example = dataset.batch(dataset.test_ids[: max(BATCHES)], evaluate.session_input(session))
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
    session = evaluate.open_session(model, 1)
    example = dataset.batch(dataset.test_ids[:1], evaluate.session_input(session))
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
    inspection = inspect_bytes(model)
    stored: Artifact = door.put_blob(model)
    return VersionArtifacts(
        model=stored,
        float=stored if float_model == model else door.put_blob(float_model),
        inspection=inspection,
        sizes=inspection.sizes,
        evaluation=to_evaluation(answers, compared, dataset, measured, door, times),
    )
