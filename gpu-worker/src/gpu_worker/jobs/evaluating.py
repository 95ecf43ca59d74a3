"""The run that measures a version."""

from __future__ import annotations

import threading

from gpu_worker.contract import EvaluateResult, EvaluateSpec
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.measure import (
    OnSamples,
    answer_all,
    measure_latency,
    measure_layers,
    measure_memory,
    to_evaluation,
)
from gpu_worker.jobs.ports import Door
from gpu_worker.jobs.progress import Checklist


def evaluate_version(spec: EvaluateSpec, door: Door, stop: threading.Event, threads: int) -> EvaluateResult:
    """Measures a candidate and, on the same samples, the baseline; the latency of both interleaved."""
    checklist = Checklist(door, {"load": 1.0, "candidate": 5.0, "baseline": 5.0, "latency": 3.0})
    checklist.start("load", "Opening model and dataset")
    dataset = open_reference(door, spec.dataset)
    candidate = door.blob(spec.candidate).read_bytes()
    baseline = door.blob(spec.baseline).read_bytes() if spec.baseline is not None else None
    checklist.finish("load", f"{len(dataset.test_ids)} test samples")

    def counting(step: str) -> OnSamples:
        return lambda n, total: checklist.advance(step, n, total, f"{n} of {total} samples")

    checklist.start("candidate", "Measuring the candidate")
    answers = answer_all(candidate, dataset, counting("candidate"), stop, threads)
    checklist.finish("candidate", answers.said(dataset))
    compared = None
    if baseline is None:
        checklist.finish("baseline", "none to compare with")
    else:
        checklist.start("baseline", "Measuring the baseline")
        compared = answer_all(baseline, dataset, counting("baseline"), stop, threads)
        checklist.finish("baseline", compared.said(dataset))
    checklist.start("latency", "Timing both in turn")
    measured = measure_latency(candidate, baseline, dataset, spec.latency_rounds, stop)
    times = measure_layers(candidate, dataset, stop) if measured else None
    memory = measure_memory(candidate, dataset) if measured else []
    checklist.finish("latency", f"{spec.latency_rounds} rounds")
    return EvaluateResult(
        evaluation=to_evaluation(answers, compared, dataset, measured, door, times, memory),
        baseline=None
        if compared is None or compared.task.is_relative
        else to_evaluation(compared, None, dataset, {}, door),
    )
