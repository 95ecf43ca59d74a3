"""The client of the worker door: how work on a cluster reads its spec and blobs and reports to the
console.
"""

from gpu_worker.door.client import Door
from gpu_worker.door.http import DoorAway, DoorRefused, StaleAttempt
from gpu_worker.door.tee import DoorLogHandler, tee_output

__all__ = ["Door", "DoorAway", "DoorLogHandler", "DoorRefused", "StaleAttempt", "tee_output"]
