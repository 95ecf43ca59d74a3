"""What a rank prints, in the console's log as well."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


class Tee(io.TextIOBase):
    """A text stream that writes to another one and hands a copy to `copy`."""

    def __init__(self, stream: TextIO, copy: Callable[[str], None]) -> None:
        self._stream = stream
        self._copy = copy

    def write(self, text: str) -> int:
        """Writes to both."""
        self._copy(text)
        return self._stream.write(text)

    def flush(self) -> None:
        """Flushes the stream; the copy goes its own way."""
        self._stream.flush()

    def fileno(self) -> int:
        """The stream's own: native code writes past this class."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Never: colours have no place in a log."""
        return False


@contextmanager
def tee_output(copy: Callable[[str], None]) -> Iterator[None]:
    """While entered, what Python prints on stdout and stderr is also handed to `copy`."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Tee(out, copy), Tee(err, copy)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


class DoorLogHandler(logging.Handler):
    """Sends log records to a rank's log, one line each."""

    def __init__(self, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._copy = copy
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """Formats and hands over; never raises into the code that logs."""
        try:
            self._copy(self.format(record) + "\n")
        except Exception:
            self.handleError(record)
