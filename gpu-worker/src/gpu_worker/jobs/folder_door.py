"""A door without a console: blobs and reports in a folder."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from gpu_worker.contract import Artifact, CheckpointReport, MetricPoint, Progress, to_wire


class FolderDoor:
    """Blobs as `blobs/<sha256>`, reports as lines of `<kind>.jsonl`, logs as `rank-<n>.log`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def blob(self, sha256: str) -> Path:
        """The stored file. Raises FileNotFoundError when the folder has no such blob."""
        path = self._blobs / sha256
        if not path.is_file():
            raise FileNotFoundError(f"{self.folder} has no blob {sha256}.")
        return path

    def put_blob(self, content: Path | bytes) -> Artifact:
        """Copies content under its address; the same content again changes nothing."""
        data = content if isinstance(content, bytes) else content.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        partial = self._blobs / f".{sha256}.{threading.get_ident()}"
        partial.write_bytes(data)
        partial.replace(self._blobs / sha256)
        return Artifact(sha256=sha256, bytes=len(data))

    def progress(self, progress: Progress) -> None:
        self._append("progress", progress)

    def metrics(self, points: Sequence[MetricPoint]) -> None:
        self._append("metrics", *points)

    def checkpoint(self, report: CheckpointReport) -> None:
        self._append("checkpoints", report)

    def log(self, rank: int, text: str) -> None:
        with self._lock, (self.folder / f"rank-{rank}.log").open("a") as file:
            file.write(text)

    def read(self, kind: str) -> list[dict[str, object]]:
        """The reports of one kind (progress, metrics, checkpoints), oldest first."""
        path = self.folder / f"{kind}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _append(self, kind: str, *messages: BaseModel) -> None:
        lines = "".join(json.dumps(to_wire(message)) + "\n" for message in messages)
        with self._lock, (self.folder / f"{kind}.jsonl").open("a") as file:
            file.write(lines)
