"""Looking at hostile model files: own rules first, then a child process without network, then the parsers.

`gpu_worker.sandbox.inspection.inspect` runs inside the child and is imported from there only: it loads the
libraries that parse.
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

__all__ = ["CHECKLIST", "ChecklistItem", "Inspection", "Limits", "Refusal", "Refused", "inspect_model"]
