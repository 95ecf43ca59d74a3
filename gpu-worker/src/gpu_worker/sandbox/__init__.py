"""Looking at hostile models and datasets: own rules first, then parsers in a child process without network.

`gpu_worker.sandbox.inspection.inspect` and `gpu_worker.data.prepare` run inside the child and are imported
from there only: they load the libraries that parse.
"""

from gpu_worker.sandbox.parent import inspect_model
from gpu_worker.sandbox.report import (
    CHECKLIST,
    ChecklistItem,
    Inspection,
    Limits,
    Refusal,
    Refused,
)
from gpu_worker.sandbox.storage import check_dataset, prepare_dataset

__all__ = [
    "CHECKLIST",
    "ChecklistItem",
    "Inspection",
    "Limits",
    "Refusal",
    "Refused",
    "check_dataset",
    "inspect_model",
    "prepare_dataset",
]
