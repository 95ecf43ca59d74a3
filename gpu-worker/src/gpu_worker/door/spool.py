"""A first-in-first-out queue of reports: a little in memory, the rest in a file, bounded."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

IN_MEMORY = 32
LIMIT_BYTES = 256 << 20


@dataclass(frozen=True)
class Parcel:
    """One report: where it goes, and its JSON."""

    path: str
    body: dict[str, Any]


class Spool:
    """Holds parcels while the server is away. Not safe for several threads."""

    def __init__(
        self, folder: Path | None = None, limit_bytes: int = LIMIT_BYTES, in_memory: int = IN_MEMORY
    ):
        self._memory: deque[Parcel] = deque()
        self._in_memory = in_memory
        self._limit = limit_bytes
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._read = self._written = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._memory) + (self._read < self._written)

    def append(self, parcel: Parcel) -> bool:
        """Takes a parcel; False when the spool is full and the parcel is lost (and counted in `dropped`)."""
        if self._read == self._written and len(self._memory) < self._in_memory:
            self._memory.append(parcel)
            return True
        if self._written >= self._limit:
            self.dropped += 1
            return False
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (lives as long as this)
        self._file.seek(self._written)
        self._file.write(json.dumps([parcel.path, parcel.body], separators=(",", ":")).encode() + b"\n")
        self._written = self._file.tell()
        return True

    def first(self) -> Parcel | None:
        """The oldest parcel; it stays until `remove_first`, so that a failed delivery loses nothing."""
        if not self._memory:
            self._fill()
        return self._memory[0] if self._memory else None

    def remove_first(self) -> None:
        """The oldest parcel was delivered, or refused for good."""
        self._memory.popleft()

    def _fill(self) -> None:
        if self._file is None:
            return
        self._file.seek(self._read)
        while self._read < self._written and len(self._memory) < self._in_memory:
            path, body = json.loads(self._file.readline())
            self._memory.append(Parcel(path, body))
            self._read = self._file.tell()
        if self._read == self._written:
            self._file.truncate(0)
            self._read = self._written = 0
