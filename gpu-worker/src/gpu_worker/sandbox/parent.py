"""Starting the child, passing on its checklist, and ending it when it exceeds its time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from gpu_worker.sandbox.report import (
    CHECKLIST,
    ChecklistItem,
    FileSizes,
    GraphNode,
    GraphView,
    Inspection,
    LayerRow,
    Limits,
    OnItem,
    OpCount,
    Refusal,
    TensorSpec,
    TestRun,
    WeightHistogram,
)

MAX_LINE = 32 << 20
"""Longest answer that is read from the child, in characters."""


@dataclass(frozen=True)
class Words:
    """What a refusal for the child's end says of the thing it looked at."""

    thing: str
    smaller: str
    check: str


MODEL = Words(
    "model",
    "Upload a smaller model, or one without nested functions and loops.",
    "Check the model with onnx.checker and ONNX Runtime, then export it again.",
)


def inspect_model(
    path: Path, filename: str, limits: Limits | None = None, on_item: OnItem | None = None
) -> Inspection | Refusal:
    """Looks at an uploaded file in a child process without network, within `limits`.

    path: where the bytes are; filename: what the user called them, for messages. `on_item` hears each check
    begin and end; the one that refuses is reported as failed. Never raises for a hostile file.
    """
    current = CHECKLIST[0]

    def report(item: ChecklistItem) -> None:
        nonlocal current
        current = item.id
        if on_item is not None:
            on_item(item)

    def hear(message: dict[str, Any]) -> None:
        if "item" in message:
            report(ChecklistItem(**message["item"]))

    request = {"task": "model", "path": str(path.absolute()), "name": Path(filename).name}
    outcome = supervise(request, limits or Limits(), MODEL, hear)
    if isinstance(outcome, Refusal):
        # What names no byte or node of the file at least says where on the way it came up.
        outcome = replace(outcome, where=outcome.where or f"check '{current}'")
        report(ChecklistItem(current, "failed", outcome.message))
        return outcome
    return _inspection(outcome)


def supervise(
    request: dict[str, Any],
    limits: Limits,
    words: Words,
    hear: Callable[[dict[str, Any]], None],
    descriptor: int | None = None,
) -> dict[str, Any] | Refusal:
    """The child's answer to a request, or what its end means. hear: takes each message on the way; what it
    raises ends the child. descriptor: one that the child inherits.
    """
    child = subprocess.Popen(
        [
            sys.executable,
            "-B",
            "-m",
            "gpu_worker.sandbox.child",
            json.dumps(request | {"limits": asdict(limits)}),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=_environment(),
        start_new_session=True,
        pass_fds=() if descriptor is None else (descriptor,),
    )
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _kill(child)

    timer = threading.Timer(limits.wall_s, expire)
    timer.start()
    assert child.stdout is not None
    assert child.stderr is not None
    errors = Tail(child.stderr)
    try:
        for message in _messages(child.stdout):
            if "refusal" in message:
                return Refusal(**message["refusal"])
            if "answer" in message:
                return message["answer"]
            hear(message)
    finally:
        timer.cancel()
        _kill(child)
        code = child.wait()
        child.stdout.close()
        last_words = errors.close()
    if expired.is_set() or code == -signal.SIGXCPU:
        return Refusal(
            "limits.time",
            f"Inspecting the {words.thing} took over {limits.wall_s:g} s, or {limits.cpu_s} s of processor"
            " time.",
            words.smaller,
        )
    return _ended_without_answer(last_words, code, words)


class Tail:
    """Reads a pipe to its end on a thread and keeps the last characters. (The child may write no file, a log
    included, and must not wait for a reader.)
    """

    KEPT = 4000

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while chunk := self._stream.read1(4096):  # pyright: ignore[reportAttributeAccessIssue]
            self._kept = (self._kept + chunk)[-self.KEPT :]

    def close(self) -> str:
        """Waits for the end of the pipe and returns what was kept."""
        self._thread.join()
        self._stream.close()
        return self._kept.decode("utf-8", "replace")


def _messages(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    while line := stream.readline(MAX_LINE):
        yield json.loads(line)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Ends the child and whatever it started; it leads a process group of its own."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """Of the parent's environment only the way to the libraries; no secrets, one thread."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "HOME": "/nonexistent",
        "USER": "sandbox",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # Its other pools map gigabytes ahead, which the limit on memory counts.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        # Blocks of a streamed file go back when they are freed: 280 MB of CSV peak at 261 MB, not at 389.
        "MALLOC_MMAP_THRESHOLD_": "262144",
        "LANG": "C.UTF-8",
    }


def _ended_without_answer(errors: str, code: int, words: Words) -> Refusal:
    """A child that died: most often the memory limit, met inside a library that does not survive it."""
    signs = ("memoryerror", "bad_alloc", "cannot allocate", "failed to map", "malloc")
    if any(sign in errors.lower() for sign in signs):
        return Refusal(
            "limits.memory", f"Opening the {words.thing} takes more memory than is allowed.", words.smaller
        )
    ended = f"signal {-code}" if code < 0 else f"exit code {code}"
    last = next((line for line in reversed(errors.strip().splitlines()) if line.strip()), ended)
    return Refusal(
        "crashed",
        f"The process that looked at the {words.thing} ended without an answer: {last.strip()[:300]}",
        words.check,
    )


def _inspection(value: dict[str, Any]) -> Inspection:
    run, graph = value["test_inference"], value["graph"]
    return Inspection(
        **{
            **value,
            "inputs": [TensorSpec(**spec) for spec in value["inputs"]],
            "outputs": [TensorSpec(**spec) for spec in value["outputs"]],
            "ops": [OpCount(**op) for op in value["ops"]],
            "layers": [_layer(layer) for layer in value["layers"]],
            "graph": GraphView([GraphNode(**node) for node in graph["nodes"]], graph["total"]),
            "sizes": FileSizes(**value["sizes"]),
            "test_inference": TestRun(run["ms"], [TensorSpec(**spec) for spec in run["outputs"]]),
        }
    )


def _layer(value: dict[str, Any]) -> LayerRow:
    weights = value["weights"]
    return LayerRow(**{**value, "weights": None if weights is None else WeightHistogram(**weights)})
