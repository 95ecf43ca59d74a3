"""Measuring: accuracy with intervals, paired comparison, latency."""

from gpu_worker.evaluate.evaluation import (
    SECOND,
    Evaluation,
    PerClass,
    classes,
    evaluate,
    evaluation_order,
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
    wilson,
)
from gpu_worker.evaluate.timing import Latency, latency

__all__ = [
    "SECOND",
    "Evaluation",
    "Latency",
    "NodeTimes",
    "PairedDifference",
    "PeakMemory",
    "PerClass",
    "classes",
    "confidence_sequence",
    "evaluate",
    "evaluation_order",
    "finite_correction",
    "latency",
    "marks",
    "mcnemar_p",
    "node_times",
    "open_session",
    "paired_difference",
    "peak_memory",
    "predict",
    "session_input",
    "session_options",
    "wilson",
]
