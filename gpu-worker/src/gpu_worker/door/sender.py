"""Delivers metrics, logs and progress in the background: nothing that trains ever waits for the console."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from gpu_worker.contract import LogChunk, MetricPoint, Progress, to_wire
from gpu_worker.door.http import FIRST_WAIT, LONGEST_WAIT, DoorAway, DoorRefused, Line, StaleAttempt
from gpu_worker.door.spool import Parcel, Spool

BATCH_SECONDS = 0.2
BATCH_POINTS = 1000
BATCH_CHUNKS = 64
CHUNK_CHARACTERS = 65_536

log = logging.getLogger(__name__)


class Sender:
    """Collects reports for 200 ms or 1,000 points and sends them in order.

    While the server is away they wait in a spool. `stale` is set when the server says that the attempt is
    over.
    """

    def __init__(self, line: Line, spool: Spool | None = None) -> None:
        self._line = line
        self._spool = spool or Spool()
        self._changed = threading.Condition()
        self._points: list[MetricPoint] = []
        self._texts: dict[int, list[str]] = {}
        self._offsets: dict[int, int] = {}
        self._progress: Progress | None = None
        self._closing = False
        self._idle = True
        self.stale = threading.Event()
        self._thread = threading.Thread(target=self._work, name="door-sender", daemon=True)
        self._thread.start()

    def metrics(self, points: Sequence[MetricPoint]) -> None:
        """Takes points; answers at once."""
        if points:
            with self._changed:
                self._points.extend(points)
                self._wake()

    def log(self, rank: int, text: str) -> None:
        """Appends to a rank's log; answers at once."""
        if text:
            with self._changed:
                self._texts.setdefault(rank, []).append(text)
                self._wake()

    def progress(self, progress: Progress) -> None:
        """Replaces what is known of the progress: only the newest is sent."""
        with self._changed:
            self._progress = progress
            self._wake()

    def flush(self, seconds: float) -> bool:
        """Waits until all that was taken is delivered; False when `seconds` were not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: self._idle or self.stale.is_set(), seconds)

    def close(self, seconds: float) -> bool:
        """Delivers what is left, for at most `seconds`, and ends the thread."""
        delivered = self.flush(seconds)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(1)
        return delivered

    def _wake(self) -> None:
        """Tells the thread that there is something to send; called with the lock held."""
        if self._idle or len(self._points) >= BATCH_POINTS:
            self._idle = False
            self._changed.notify_all()

    def _work(self) -> None:
        wait = FIRST_WAIT
        while not self._closing:
            self._collect()
            try:
                self._deliver()
                wait = FIRST_WAIT
            except DoorAway:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, wait)
                wait = min(2 * wait, LONGEST_WAIT)
            except StaleAttempt:
                self.stale.set()
                with self._changed:
                    self._idle = True
                    self._changed.notify_all()
                return

    def _collect(self) -> None:
        """Waits for something to send, then for more of it, and moves it to the spool."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or not self._idle)
            deadline = time.monotonic() + BATCH_SECONDS
            self._changed.wait_for(
                lambda: self._closing or len(self._points) >= BATCH_POINTS, deadline - time.monotonic()
            )
            points, self._points = self._points, []
            texts, self._texts = self._texts, {}
            progress, self._progress = self._progress, None
        chunks = [chunk for rank, parts in texts.items() for chunk in self._cut(rank, "".join(parts))]
        for start in range(0, len(chunks), BATCH_CHUNKS):
            batch = chunks[start : start + BATCH_CHUNKS]
            self._put("/api/worker/logs", {"chunks": [to_wire(chunk) for chunk in batch]})
        for start in range(0, len(points), BATCH_POINTS):
            batch = points[start : start + BATCH_POINTS]
            self._put("/api/worker/metrics", {"points": [to_wire(point) for point in batch]})
        if progress is not None:
            self._put("/api/worker/progress", {"progress": to_wire(progress)})

    def _cut(self, rank: int, text: str) -> list[LogChunk]:
        """Chunks with the number of characters that the rank's log had before each."""
        chunks = []
        for start in range(0, len(text), CHUNK_CHARACTERS):
            piece = text[start : start + CHUNK_CHARACTERS]
            offset = self._offsets.get(rank, 0)
            chunks.append(LogChunk(rank=rank, offset=offset, text=piece))
            self._offsets[rank] = offset + len(piece)
        return chunks

    def _put(self, path: str, body: dict[str, Any]) -> None:
        if not self._spool.append(Parcel(path, body)) and self._spool.dropped == 1:
            log.warning("the console has been away for so long that reports are being dropped")

    def _deliver(self) -> None:
        """Sends what the spool holds, oldest first. Raises DoorAway with the rest still in it."""
        while (parcel := self._spool.first()) is not None:
            try:
                self._line.call("POST", parcel.path, json=parcel.body, patience=0)
            except StaleAttempt:
                raise
            except DoorRefused as refused:
                log.error("a report to %s was refused and is lost: %s", parcel.path, refused)
            self._spool.remove_first()
        with self._changed:
            if not (self._points or self._texts or self._progress):
                self._idle = True
                self._changed.notify_all()
