"""What jobs, sessions and replicas ask of the console: the part of the worker door they use.

`gpu_worker.door` implements it over HTTP with an attempt's token; `FolderDoor` does it with a folder, for
tests and for training without a console.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gpu_worker.contract import Artifact, CheckpointReport, MetricPoint, Progress


class Blobs(Protocol):
    """Content-addressed files, by the lower-case hex of their sha256."""

    def blob(self, sha256: str) -> Path:
        """A local, verified copy. Raises an error that names the blob when it cannot be had."""
        ...


class Door(Blobs, Protocol):
    """One attempt's line to the console. Reports may be batched; a call returns before they are delivered."""

    def put_blob(self, content: Path | bytes) -> Artifact:
        """Stores content and answers its address once it is durable."""
        ...

    def progress(self, progress: Progress) -> None: ...

    def metrics(self, points: Sequence[MetricPoint]) -> None: ...

    def checkpoint(self, report: CheckpointReport) -> None:
        """Announces a checkpoint whose blob is stored."""
        ...

    def log(self, rank: int, text: str) -> None:
        """Appends to a rank's log."""
        ...


class Stopped(Exception):
    """The work was asked to stop and did, at a place where nothing is left half-done."""
