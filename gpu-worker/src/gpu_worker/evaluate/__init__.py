"""Measuring: accuracy with intervals, paired comparison, latency."""

from gpu_worker.evaluate.evaluation import (
    STEP,
    Evaluation,
    PerClass,
    evaluate,
    evaluation_order,
    joined,
    marks,
    session_input,
)
from gpu_worker.evaluate.memory import PeakMemory, peak_memory
from gpu_worker.evaluate.profile import NodeTimes, node_times
from gpu_worker.evaluate.sessions import open_session, predict, session_options
from gpu_worker.evaluate.statistics import (
    PairedDifference,
    confidence_sequence,
    finite_correction,
    mcnemar_p,
    paired_difference,
    score_interval,
    wilson,
)
from gpu_worker.evaluate.tasks import Task, log_probabilities, task_of
from gpu_worker.evaluate.timing import Latency, latency
from gpu_worker.evaluate.tried import TriedBatch, try_batch

__all__ = [
    "STEP",
    "Evaluation",
    "Latency",
    "NodeTimes",
    "PairedDifference",
    "PeakMemory",
    "PerClass",
    "Task",
    "TriedBatch",
    "confidence_sequence",
    "evaluate",
    "evaluation_order",
    "finite_correction",
    "joined",
    "latency",
    "log_probabilities",
    "marks",
    "mcnemar_p",
    "node_times",
    "open_session",
    "paired_difference",
    "peak_memory",
    "predict",
    "score_interval",
    "session_input",
    "session_options",
    "task_of",
    "try_batch",
    "wilson",
]
