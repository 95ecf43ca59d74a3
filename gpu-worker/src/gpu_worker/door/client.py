"""The worker door over HTTP, with an attempt's, a session's or a replica's token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import httpx
from pydantic import BaseModel

from gpu_worker.contract import (
    Artifact,
    AttemptSpec,
    Cause,
    CheckpointReport,
    ErrorReport,
    MetricPoint,
    NextAttempt,
    NextAttemptRequest,
    Progress,
    RoomAnswer,
    RoomRequest,
    StateReport,
    to_wire,
)
from gpu_worker.door.blobs import BlobCache, default_folder
from gpu_worker.door.http import PIECE_BYTES, Line, StaleAttempt
from gpu_worker.door.sender import Sender


class Door:
    """One attempt's line to the console. Metrics, logs and progress go out in the background; the rest is
    answered when the console has it. Every call raises StaleAttempt once the attempt is over.
    """

    def __init__(
        self,
        url: str,
        token: str,
        cache: Path | None = None,
        on_log: Callable[[str], None] | None = None,
        on_chunk: Callable[[], None] = lambda: None,
    ) -> None:
        """cache: folder of blobs; on_log: also told of each text that is logged; on_chunk: whenever a part of
        a blob has come.
        """
        self._on_chunk = on_chunk
        self._line = Line(url, token)
        self._cache = BlobCache(cache or default_folder())
        self._sender: Sender | None = None
        self._on_log = on_log

    @property
    def sender(self) -> Sender:
        """The background sender; sessions and replicas, which report nothing, never start one."""
        if self._sender is None:
            self._sender = Sender(self._line)
        return self._sender

    def spec(self) -> AttemptSpec:
        """What this attempt is to do."""
        return AttemptSpec.model_validate_json(self._line.call("GET", "/api/worker/spec").content)

    def blob(self, sha256: str) -> Path:
        """A local, verified copy of a blob. Raises DoorRefused when the console does not have it."""
        found = self._cache.find(sha256)
        if found is None:
            self._line.download(
                f"/api/worker/blobs/{sha256}", lambda chunks: self._cache.store(sha256, self._told(chunks))
            )
            found = self._cache.find(sha256)
        if found is None:
            raise FileNotFoundError(
                f"The blob {sha256} was evicted as it arrived; the cache is too small for it."
            )
        return found

    def put_blob(self, content: Path | bytes) -> Artifact:
        """Stores content and answers its address once the console has it; the same again changes nothing."""
        sha256, size = _address(content)

        def body() -> bytes | Iterator[bytes]:
            return content if isinstance(content, bytes) else _pieces(content)

        self._line.call(
            "PUT",
            f"/api/worker/blobs/{sha256}",
            content=body,
            headers={"content-type": "application/octet-stream", "content-length": str(size)},
        )
        return Artifact(sha256=sha256, bytes=size)

    def state(self, report: StateReport) -> None:
        """Says that the workers are placed (starting), or that the first step is done (running)."""
        self._post("/api/worker/state", report)

    def progress(self, progress: Progress) -> None:
        """How far the work is; sent in the background, the newest only."""
        self._check_stale()
        self.sender.progress(progress)

    def metrics(self, points: Sequence[MetricPoint]) -> None:
        """Points of a chart; sent in the background."""
        self._check_stale()
        self.sender.metrics(points)

    def log(self, rank: int, text: str) -> None:
        """Appends to a rank's log (−1: the driver's); sent in the background."""
        if self._on_log is not None:
            self._on_log(text)
        self.sender.log(rank, text)

    def checkpoint(self, report: CheckpointReport) -> None:
        """Announces a checkpoint whose blob is stored."""
        self._post("/api/worker/checkpoints", report)

    def next_attempt(self, cause: Cause, last_step: int) -> NextAttempt:
        """Ends this attempt with its cause and answers the next one. Raises DoorRefused when there is
        none.
        """
        request = NextAttemptRequest(cause=cause, last_step=last_step)
        answer = self._post("/api/worker/next-attempt", request)
        return NextAttempt.model_validate_json(answer.content)

    def room(self, nodes: Sequence[str]) -> int:
        """How many workers this attempt, not placed yet, has from now on. nodes: ids of those alive."""
        answer = self._post("/api/worker/room", RoomRequest(nodes=list(nodes)))
        return RoomAnswer.model_validate_json(answer.content).workers

    def result(self, result: BaseModel) -> None:
        """What the run made."""
        self._line.call("POST", "/api/worker/result", json={"result": to_wire(result)})

    def error(self, cause: Cause) -> None:
        """Why the attempt ends badly."""
        self._post("/api/worker/error", ErrorReport(cause=cause))

    def flush(self, seconds: float = 10) -> bool:
        """Waits until background reports are delivered; False when `seconds` were not enough."""
        return self._sender is None or self._sender.flush(seconds)

    def close(self, seconds: float = 10) -> bool:
        """Delivers what is left, for at most `seconds`; False when something is not delivered."""
        delivered = self._sender is None or self._sender.close(seconds)
        self._line.close()
        return delivered

    def _post(self, path: str, message: BaseModel) -> httpx.Response:
        return self._line.call("POST", path, json=to_wire(message))

    def _told(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._on_chunk()
            yield chunk

    def _check_stale(self) -> None:
        if self._sender is not None and self._sender.stale.is_set():
            raise StaleAttempt(409, "stale_attempt", "This attempt is over; another one has taken its place.")


def _address(content: Path | bytes) -> tuple[str, int]:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest(), len(content)
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), content.stat().st_size


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
