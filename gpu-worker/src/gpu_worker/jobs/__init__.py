"""Runs of one process: `run_single` inspects, evaluates and compresses."""

from gpu_worker.jobs.ports import Blobs, Door, Stopped
from gpu_worker.jobs.single import run_single

__all__ = ["Blobs", "Door", "Stopped", "run_single"]
