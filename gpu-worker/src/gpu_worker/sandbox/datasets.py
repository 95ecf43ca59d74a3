"""What the child does with a dataset: turn files into arrays that go through a pipe, or check arrays.

The child may write no file; the parent stores what comes out of the pipe.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gpu_worker import data
from gpu_worker.sandbox.report import Refused

Send = Callable[[str, Any], None]


class PipeSink:
    """Announces arrays among the messages and writes their bytes to a pipe; tells each further percent."""

    def __init__(self, descriptor: int, send: Send) -> None:
        self._pipe = os.fdopen(descriptor, "wb", buffering=1 << 20)
        self._send = send
        self._percent = -1

    def begin(self, name: str, dtype: str, shape: tuple[int, ...]) -> None:
        """See data.arrays.Sink."""
        self._send("array", {"name": name, "dtype": dtype, "shape": shape})

    def write(self, block: np.ndarray) -> None:
        """See data.arrays.Sink."""
        self._pipe.write(np.ascontiguousarray(block).data)

    def progress(self, done: int, total: int) -> None:
        """See data.arrays.Sink."""
        percent = 100 * done // max(total, 1)
        if percent != self._percent:
            self._percent = percent
            self._send("progress", percent)

    def close(self) -> None:
        """All bytes are on their way."""
        self._pipe.close()


def answer_dataset(request: dict[str, Any], send: Send, before_parsing: Callable[[], None]) -> dict[str, Any]:
    """The answer to a `prepare` or `check` request: Prepared or DatasetReport as JSON. Raises Refused."""
    files = [data.DatasetFile(**{**file, "path": Path(file["path"])}) for file in request["files"]]
    try:
        if request["task"] == "prepare":
            return _prepare(request, files, send, before_parsing)
        before_parsing()
        transform = request["transform"]
        return asdict(
            data.check_dataset(
                files,
                data.Split(**request["split"]),
                None if transform is None else to_transform(transform),
                request["standardise"],
                request["labels_are"],
            )
        )
    except data.DatasetError as error:
        found = error.problem
        raise Refused(found.rule, found.message, found.remedy, found.where) from error


def _prepare(
    request: dict[str, Any], files: list[data.DatasetFile], send: Send, before_parsing: Callable[[], None]
) -> dict[str, Any]:
    from gpu_worker.data import prepare

    prepare.load(files)
    before_parsing()
    sink = PipeSink(request["descriptor"], send)
    mapping = request["mapping"]
    features = mapping["features"]
    found = prepare.prepare(
        files,
        data.Mapping(**{**mapping, "features": None if features is None else tuple(features)}),
        request["labels"],
        sink,
    )
    sink.close()
    return asdict(found)


def to_transform(value: dict[str, Any]) -> data.Transform:
    """A transform from JSON: its lists become tuples."""
    mean, std = (tuple(part) if isinstance(part, list) else part for part in (value["mean"], value["std"]))
    return data.Transform(value["scale"], mean, std)
