"""The run that feeds a test batch to a version, and the same at the end of a dataset's check."""

from __future__ import annotations

import threading

from gpu_worker import contract, data, evaluate
from gpu_worker.contract import TryBatchResult, TryBatchSpec
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.inspection import to_refusal
from gpu_worker.jobs.ports import Door, Stopped
from gpu_worker.jobs.progress import Checklist, State

STATES: dict[str, State] = {"passed": "ok", "warning": "warning", "failed": "failed"}


def try_version(spec: TryBatchSpec, door: Door, stop: threading.Event, threads: int) -> TryBatchResult:
    """Feeds a batch of test samples to a version. What is wrong with it is the result, not an error."""
    checklist = Checklist(door, {"load": 1.0, "batch": 1.0})
    checklist.start("load", "Opening model and dataset")
    dataset = open_reference(door, spec.dataset)
    model = door.blob(spec.model).read_bytes()
    checklist.finish("load", f"{len(dataset.test_ids)} test samples")
    if stop.is_set():
        raise Stopped("stopped before the batch was tried")
    return TryBatchResult(batch=tried(model, dataset, checklist, threads))


def tried(model: bytes, dataset: data.Dataset, checklist: Checklist, threads: int) -> contract.TriedBatch:
    """Tries a batch as the step "batch" of a checklist."""
    checklist.start("batch", "Trying a batch of test samples")
    found = evaluate.try_batch(model, dataset, threads)
    detail = found.problems[0].message if found.problems else f"{found.n} samples answered"
    checklist.finish("batch", detail, STATES[found.verdict])
    return to_batch(found, dataset.task)


def not_tried(checklist: Checklist, task: data.TaskName, why: str) -> contract.TriedBatch:
    """A batch that nobody could try."""
    checklist.finish("batch", why, "failed")
    problem = data.Problem("batch.not_tried", why, "Try a batch from the dataset's page.")
    return to_batch(evaluate.TriedBatch("failed", problems=[problem]), task)


def to_batch(found: evaluate.TriedBatch, task: data.TaskName) -> contract.TriedBatch:
    """What came of a batch, as the console stores it."""
    low, high = found.range or (0.0, 0.0)
    return contract.TriedBatch.model_validate(
        {
            "verdict": found.verdict,
            "n": found.n,
            "task": task,
            "wanted": None if found.wanted is None else vars(found.wanted),
            "fed": None if found.fed is None else vars(found.fed) | {"min": low, "max": high},
            "outputs": [vars(output) for output in found.outputs],
            "finite": found.finite,
            "score": found.score,
            "commonest": None
            if found.commonest is None
            else {"label": found.commonest[0], "share": found.commonest[1]},
            "ms": found.milliseconds,
            "problems": [to_refusal(problem) for problem in found.problems],
        }
    )
