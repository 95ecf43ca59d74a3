"""What a script prints: every byte is logged or counted, in order; lines stay whole."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.script.output import Limits, Output

LIMITS = Limits(a_second=1000, burst=8000, total=64_000, newest=250)


class Log:
    """What was written, at a time that tests set."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.now = 0.0
        self.text = ""
        self.output = Output(self._write, lambda: self.now, limits)

    def _write(self, text: str) -> None:
        self.text += text


@given(st.lists(st.tuples(st.integers(1, 4000), st.sampled_from([0.0, 0.01, 0.6, 5.0])), max_size=60))
def test_every_byte_is_logged_or_counted(arrivals: list[tuple[int, float]]) -> None:
    log, number = Log(), 0
    sent = bytearray()
    for size, pause in arrivals:
        lines = b"".join(b"%09d\n" % (number + n) for n in range(size // 10 + 1))
        number += size // 10 + 1
        sent += lines
        log.output.take(lines)
        log.now += pause
        log.output.tick()
    log.output.close()
    dropped = sum(int(count) for count in re.findall(r"\n\[(\d+) bytes of output dropped.*\n", log.text))
    kept = re.sub(r"\n\[\d+ bytes of output dropped.*\n", "", log.text)
    assert len(kept) + dropped == len(sent)
    numbers = [int(line) for line in kept.splitlines()]
    assert numbers == sorted(set(numbers)), "in order, once, whole"
    assert not numbers or numbers[-1] == number - 1, "the newest end is kept"
    assert len(kept) <= LIMITS.burst + log.now * LIMITS.a_second + 2 * LIMITS.newest


def test_all_of_a_long_run_is_bounded() -> None:
    log = Log()
    for _ in range(200):
        log.output.take(b"x" * 99 + b"\n" + b"y" * 399 + b"\n")
        log.now += 1
    log.output.take(b"the end\n")
    log.output.close()
    assert LIMITS.total - 1000 < len(log.text) < LIMITS.total + 1000
    assert log.text.endswith("the end\n")


@given(st.text(alphabet="äöü€𝄞ab\n", max_size=200), st.data())
def test_text_is_the_same_however_it_is_cut(text: str, data: st.DataObject) -> None:
    log, content = Log(), text.encode()
    while content:
        cut = data.draw(st.integers(1, len(content)))
        log.output.take(content[:cut])
        content = content[cut:]
    log.output.close()
    assert log.text == text


def test_a_progress_bar_is_lines_and_a_prompt_is_shown() -> None:
    log = Log(Limits())
    log.output.take(b"10%\r20%\r")
    log.output.take(b"\ndone\r\n")
    assert log.text == "10%\n20%\ndone\n"
    log.output.take(b"waiting...")
    log.output.tick()
    assert log.text.endswith("done\n"), "it may go on"
    log.now += 1
    log.output.tick()
    assert log.text.endswith("waiting...")
    log.output.take(b"x" * 100_000)
    assert len(log.text) > 100_000, "a line without an end is not kept in memory"
