"""The worker's side of a process behind walls: start it, read what it prints, stop it, learn how it ended."""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpu_worker.script.handle import Handle
from gpu_worker.script.walls import Plan, Walls

SOURCE = Path(__file__).parents[2]
READ_BYTES = 1 << 18
PIPE_BYTES = 1 << 20
TICK_SECONDS = 0.1
LAST_OUTPUT_SECONDS = 5.0
"""How long output may still come once every process has ended."""
GONE_SECONDS = 10.0


@dataclass(frozen=True)
class End:
    """How a process ended: with an exit code, by a signal, or not started (`error`)."""

    exit_code: int | None = None
    signal: int | None = None
    error: str = ""

    @property
    def words(self) -> str:
        """'exit code 3', 'signal SIGKILL'."""
        if self.signal is not None:
            with suppress(ValueError):
                return f"signal {signal.Signals(self.signal).name}"
            return f"signal {self.signal}"
        return f"exit code {self.exit_code}"


class Walled:
    """A process behind walls, and everything it starts. Ends with this process, whatever ends this one."""

    def __init__(self, plan: Plan, handle: Handle | None = None) -> None:
        self._handle = handle or Handle()
        self._output, output = os.pipe()
        self._status, status = os.pipe()
        control, self._control = os.pipe()
        with suppress(OSError):
            fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, PIPE_BYTES)  # pyright: ignore[reportAttributeAccessIssue]
        try:
            launcher = subprocess.Popen(
                [sys.executable, "-S", "-m", "gpu_worker.script.keeper", str(control), str(status)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"PYTHONPATH": str(SOURCE), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
                pass_fds=(control, status),
            )
        finally:
            for descriptor in (output, status, control):
                os.close(descriptor)
        with suppress(BrokenPipeError):
            _write_all(self._control, json.dumps(asdict(plan)).encode() + b"\n")
        launcher.wait()
        self._stopping = self._shown = False
        self._told = b""
        self._messages: dict[str, Any] = {}

    def run(
        self,
        on_walls: Callable[[Walls], None],
        on_output: Callable[[bytes], None],
        on_tick: Callable[[], None],
        stop: threading.Event,
    ) -> End:
        """Waits for the end. `on_output` gets the bytes it prints as they come, `on_tick` is called a few
        times a second; what they raise ends the process. Once `stop` is set it is asked to end, and made to.
        """
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._output, selectors.EVENT_READ)
                selector.register(self._status, selectors.EVENT_READ)
                self._loop(selector, on_walls, on_output, on_tick, stop)
        finally:
            os.close(self._control)
            self._wait_until_gone()
            self._handle.keeper = None
            os.close(self._output)
            os.close(self._status)
        return self._end()

    def _loop(
        self,
        selector: selectors.BaseSelector,
        on_walls: Callable[[Walls], None],
        on_output: Callable[[bytes], None],
        on_tick: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        last = float("inf")
        while selector.get_map() and time.monotonic() < last:
            for key, _ in selector.select(TICK_SECONDS):
                data = os.read(key.fd, READ_BYTES)
                if not data:
                    selector.unregister(key.fd)
                    if key.fd == self._status:
                        last = time.monotonic() + LAST_OUTPUT_SECONDS
                elif key.fd == self._output:
                    on_output(data)
                else:
                    self._hear(data, on_walls)
            if stop.is_set() and not self._stopping:
                self._stopping = True
                with suppress(BrokenPipeError):
                    os.write(self._control, b"t")
            if self._handle.show.is_set() and not self._shown:
                self._shown = True
                with suppress(BrokenPipeError):
                    os.write(self._control, b"s")
            on_tick()

    def _hear(self, data: bytes, on_walls: Callable[[Walls], None]) -> None:
        *lines, self._told = (self._told + data).split(b"\n")
        for line in lines:
            for kind, value in json.loads(line).items():
                if kind == "keeper":
                    self._handle.keeper = value
                elif kind not in self._messages:
                    self._messages[kind] = value
                    if kind == "walls":
                        on_walls(Walls(**value))

    def _wait_until_gone(self) -> None:
        """The keeper closes its end when nothing is left."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._status, selectors.EVENT_READ)
            deadline = time.monotonic() + GONE_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                if selector.select(left) and not os.read(self._status, READ_BYTES):
                    return

    def _end(self) -> End:
        if "error" in self._messages:
            return End(error=str(self._messages["error"]))
        # The first process of a namespace knows the script's end; without one, the script is the child.
        told = self._messages.get("ended") or self._messages.get("child") or {"signal": int(signal.SIGKILL)}
        return End(exit_code=told.get("exit"), signal=told.get("signal"))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
