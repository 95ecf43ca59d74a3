"""The runs that one process does: everything but training."""

from __future__ import annotations

import threading

from gpu_worker.contract import (
    AttemptSpec,
    CompressResult,
    CompressSpec,
    EvaluateResult,
    EvaluateSpec,
    InspectDatasetResult,
    InspectDatasetSpec,
    InspectModelResult,
    InspectModelSpec,
    TryBatchResult,
    TryBatchSpec,
)
from gpu_worker.jobs.ports import Door
from gpu_worker.jobs.threads import evaluation_threads

Result = InspectModelResult | InspectDatasetResult | TryBatchResult | EvaluateResult | CompressResult


def run_single(spec: AttemptSpec, door: Door, stop: threading.Event) -> Result:
    """Does an inspect, try, evaluate or compress run and answers its result; progress and blobs go through
    the door.

    Raises Stopped after `stop`, ValueError when the spec cannot be carried out (the message is for its
    author).
    """
    # The libraries take a second to load: an inspection of a dataset does without most of them.
    match spec.spec:
        case InspectModelSpec() as asked:
            from gpu_worker.jobs.inspect import inspect_model

            return inspect_model(asked, door, stop)
        case InspectDatasetSpec() as asked:
            from gpu_worker.jobs.inspect import inspect_dataset

            return inspect_dataset(asked, door, stop, spec.attempt)
        case TryBatchSpec() as asked:
            from gpu_worker.jobs.trying import try_version

            return try_version(asked, door, stop, evaluation_threads(spec.resources.cpus))
        case EvaluateSpec() as asked:
            from gpu_worker.jobs.evaluating import evaluate_version

            return evaluate_version(asked, door, stop, evaluation_threads(spec.resources.cpus))
        case CompressSpec() as asked:
            from gpu_worker.jobs.compressing import compress_version

            return compress_version(asked, door, stop, evaluation_threads(spec.resources.cpus))
        case asked:
            raise ValueError(f"run_single does not do '{asked.kind}' runs; training goes to run_rank.")
