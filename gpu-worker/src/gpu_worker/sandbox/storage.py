"""The parent's side of a dataset: the child's arrays are stored as they come, and its answers read."""

from __future__ import annotations

import math
import os
import queue
import threading
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from gpu_worker import data
from gpu_worker.data.arrays import MAX_PREPARED_BYTES
from gpu_worker.data.dataset import SLICES
from gpu_worker.data.slices import MAX_NAME
from gpu_worker.sandbox.datasets import to_transform
from gpu_worker.sandbox.parent import Words, supervise
from gpu_worker.sandbox.report import Limits, Refusal

DATASET = Words(
    "dataset",
    "Upload a part of the samples.",
    "Check whether the program that wrote the files can read them, and write them again.",
)
PREPARE_LIMITS = Limits(memory_bytes=2 << 30, cpu_s=1800, wall_s=1800.0)
CHECK_LIMITS = Limits(memory_bytes=6 << 30, cpu_s=1800, wall_s=1800.0)
"""A compressed array may take 4 GB (data.files); what is mapped comes on top."""

ARRAYS = ("x", "y", "x_test", "y_test")
DTYPES = ("uint8", "int32", "float32", "float64")
TEXT = f"<U{MAX_NAME}"
"""The names of slices."""
MADE = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the same samples give the same bytes, so the same blob."""

OnPercent = Callable[[int], None]


class BadStream(Exception):
    """The child announced or sent something that is no array of a dataset."""


class NpzWriter:
    """Stores announced arrays from a pipe in an NPZ file, uncompressed so that they can be mapped, on a
    thread of its own.
    """

    def __init__(self, pipe: int, path: Path) -> None:
        self._pipe = os.fdopen(pipe, "rb", buffering=0)
        self._path = path
        self._announced: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def announce(self, array: dict[str, Any]) -> None:
        """The next bytes are those of this array."""
        self._announced.put(array)

    def close(self) -> Exception | None:
        """Ends after what was announced; what went wrong, if anything did."""
        self._announced.put(None)
        self._thread.join()
        self._pipe.close()
        return self._error

    def _run(self) -> None:
        left = MAX_PREPARED_BYTES + (1 << 30)
        try:
            with zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED) as archive:
                while (array := self._announced.get()) is not None:
                    left -= self._store(archive, array, left)
        except (BadStream, OSError) as error:
            self._error = error
            while self._pipe.read(1 << 20):  # the child must not wait for a reader
                pass

    def _store(self, archive: zipfile.ZipFile, array: dict[str, Any], left: int) -> int:
        name, dtype, shape = array["name"], array["dtype"], tuple(array["shape"])
        if (
            not (dtype in DTYPES if name in ARRAYS else name in SLICES and dtype == TEXT)
            or len(shape) > 4
            or not all(type(n) is int and n >= 0 for n in shape)
        ):
            raise BadStream(f"an array {name!r} of {dtype!r} and shape {shape}")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > left:
            raise BadStream(f"{size} bytes for {name}")
        with archive.open(zipfile.ZipInfo(f"{name}.npy", MADE), "w", force_zip64=True) as member:
            header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            missing = size
            while missing:
                chunk = self._pipe.read(min(1 << 20, missing))
                if not chunk:
                    raise BadStream(f"{missing} bytes of {name} are missing")
                member.write(chunk)
                missing -= len(chunk)
        return size


def prepare_dataset(
    files: Sequence[data.DatasetFile],
    mapping: data.Mapping,
    labels: Sequence[str],
    into: Path,
    on_percent: OnPercent,
    limits: Limits = PREPARE_LIMITS,
) -> data.Prepared | Refusal:
    """Turns tables or pictures into an NPZ file at `into`, parsing in a child process without network.

    on_percent hears how far it is; what it raises ends the work. Never raises for a hostile file.
    """
    pipe, descriptor = os.pipe()
    writer = NpzWriter(pipe, into)

    def hear(message: dict[str, Any]) -> None:
        if "array" in message:
            writer.announce(message["array"])
        elif "progress" in message:
            on_percent(int(message["progress"]))

    request = {
        "task": "prepare",
        "files": [_file(file) for file in files],
        "mapping": asdict(mapping),
        "labels": list(labels),
        "descriptor": descriptor,
    }
    error = None
    try:
        answer = supervise(request, limits, DATASET, hear, descriptor)
    finally:
        os.close(descriptor)
        error = writer.close()
    if isinstance(answer, Refusal):
        return answer
    if isinstance(error, BadStream):
        return Refusal("crashed", f"The dataset was not converted: {error}.", DATASET.check)
    if error is not None:
        raise error
    return _prepared(answer)


def check_dataset(
    files: Sequence[data.DatasetFile],
    split: data.Split,
    transform: data.Transform | None,
    standardise: bool,
    task: data.TaskName | None = None,
    limits: Limits = CHECK_LIMITS,
) -> data.DatasetReport | Refusal:
    """`data.check_dataset` in a child process without network. Never raises for a hostile file."""
    request = {
        "task": "check",
        "files": [_file(file) for file in files],
        "split": asdict(split),
        "transform": None if transform is None else asdict(transform),
        "standardise": standardise,
        "labels_are": task,
    }
    mapped = sum(file.path.stat().st_size for file in files)
    limits = replace(limits, memory_bytes=limits.memory_bytes + mapped)
    answer = supervise(request, limits, DATASET, lambda _: None)
    return answer if isinstance(answer, Refusal) else _report(answer)


def _file(file: data.DatasetFile) -> dict[str, Any]:
    return asdict(file) | {"path": str(file.path.absolute())}


def _prepared(value: dict[str, Any]) -> data.Prepared:
    mapping = value["mapping"]
    return data.Prepared(
        **{
            **value,
            "columns": [data.Column(**column) for column in value["columns"]],
            "mapping": None
            if mapping is None
            else data.Mapping(**{**mapping, "features": tuple(mapping["features"])}),
            "problems": [data.Problem(**problem) for problem in value["problems"]],
        }
    )


def _report(value: dict[str, Any]) -> data.DatasetReport:
    leakage = value["leakage"]
    return data.DatasetReport(
        **{
            **value,
            "shape": tuple(value["shape"]),
            "label_shape": tuple(value["label_shape"]),
            "counts": [data.ClassCount(**count) for count in value["counts"]],
            "values": [data.ValueBalance(**found) for found in value["values"]],
            "slices": [data.SliceCount(**count) for count in value["slices"]],
            "transform": to_transform(value["transform"]),
            "problems": [data.Problem(**problem) for problem in value["problems"]],
            "previews": [data.Preview(**preview) for preview in value["previews"]],
            "rows": [data.Row(**row) for row in value["rows"]],
            "leakage": None
            if leakage is None
            else data.Leakage(**{**leakage, "pairs": [(a, b) for a, b in leakage["pairs"]]}),
        }
    )
