"""What a script prints, on its way into the log: lines of text, and of a flood a bounded part."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_LINE = 8192
IDLE_SECONDS = 0.5
"""After a silence, an unfinished line (a prompt, a dot per step) is shown as it is."""
RETURNS = re.compile(r"\r+\n?")
UNPRINTABLE = {code: "\ufffd" for code in range(32) if chr(code) not in "\t\n\r\x1b"} | {127: "\ufffd"}


@dataclass(frozen=True)
class Limits:
    """Bytes of one rank's output in one attempt. burst: at once, before `a_second` counts; total: what comes
    later replaces itself; newest: of what was too much, so much of its end is logged.
    """

    a_second: int = 1 << 20
    burst: int = 8 << 20
    total: int = 64 << 20
    newest: int = 256 << 10


class Output:
    """Hands text on to `write`, at most so much a second and in all, and says how much it dropped.

    The script never waits for the log: what is too much is read and counted.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        limits: Limits | None = None,
    ) -> None:
        self._write = write
        self._clock = clock
        self._limits = limits or Limits()
        self._allowance = float(self._limits.burst)
        self._left = self._limits.total
        self._earned = self._came = clock()
        self._dropped = 0
        self._newest = bytearray()
        self._line = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, data: bytes) -> None:
        """Bytes as the script printed them."""
        now = self._clock()
        earned = (now - self._earned) * self._limits.a_second
        self._allowance = min(self._limits.burst, self._allowance + earned)
        self._earned = self._came = now
        if not self._is_dropping and len(data) <= min(self._allowance, self._left):
            self._log(data)
            return
        self._remember(data)
        if min(self._allowance, self._left) >= self._limits.a_second:
            self._show_newest()

    def tick(self) -> None:
        """Once nothing came for a while: shows what waits for the rest of its line, the end of a flood."""
        if self._clock() - self._came < IDLE_SECONDS:
            return
        if self._is_dropping and self._left >= len(self._newest):
            self._show_newest()
        if self._line:
            self._flush(self._line)
            self._line = ""

    def close(self) -> None:
        """The end of the output."""
        if self._is_dropping:
            self._show_newest()
        self._put(self._decoder.decode(b"", True))
        if self._line:
            self._flush(self._line)
            self._line = ""

    @property
    def _is_dropping(self) -> bool:
        return self._dropped > 0 or bool(self._newest)

    def _remember(self, data: bytes) -> None:
        surplus = len(self._newest) + len(data) - self._limits.newest
        if surplus >= len(self._newest):
            self._dropped += surplus
            self._newest = bytearray(data[-self._limits.newest :])
            return
        if surplus > 0:
            self._dropped += surplus
            del self._newest[:surplus]
        self._newest += data

    def _show_newest(self) -> None:
        newest = bytes(self._newest)
        if self._dropped:
            # The first line is most likely the rest of one.
            start = newest.find(b"\n") + 1
            self._dropped += start
            newest = newest[start:]
            self._decoder.reset()
            if self._line:
                self._flush(self._line)
            self._line = ""
            second, total = self._limits.a_second / 2**20, self._limits.total / 2**20
            self._flush(
                f"\n[{self._dropped} bytes of output dropped:"
                f" more than {second:g} MB a second, or {total:g} MB in all]\n"
            )
        self._dropped = 0
        self._newest.clear()
        self._log(newest)

    def _log(self, data: bytes) -> None:
        self._allowance -= len(data)
        self._left = max(0, self._left - len(data))
        self._put(self._decoder.decode(data))

    def _put(self, text: str) -> None:
        text = self._line + text
        # A return at the very end may be the first half of a line's end.
        held = "\r" if text.endswith("\r") else ""
        text = RETURNS.sub("\n", text[: len(text) - len(held)])
        whole, newline, rest = text.rpartition("\n")
        if len(rest) > LONGEST_LINE:
            whole, newline, rest = text, "", ""
        self._line = rest + held
        if whole or newline:
            self._flush(whole + newline)

    def _flush(self, text: str) -> None:
        self._write(text.translate(UNPRINTABLE).replace("\r", "\n"))
