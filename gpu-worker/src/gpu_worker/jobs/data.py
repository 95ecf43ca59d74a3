"""Opening a dataset that a spec refers to: blobs to local files, contract shapes to the library's."""

from __future__ import annotations

import gzip
import os
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gpu_worker import data
from gpu_worker.contract import DatasetFile, DatasetRef, Split, Transform
from gpu_worker.data.files import read_idx
from gpu_worker.jobs.ports import Blobs

INFLATED_LIMIT = 8 << 30
"""Bytes of inflated files that are kept beside the blobs; the longest unused go first."""


def local_files(blobs: Blobs, files: list[DatasetFile]) -> list[data.DatasetFile]:
    """The dataset's files on this machine."""
    return [data.DatasetFile(file.role, file.format, blobs.blob(file.sha256), file.name) for file in files]


def to_split(split: Split) -> data.Split:
    """The library's word for a split."""
    return data.Split(kind=split.kind, seed=split.seed, test_fraction=split.test_fraction)


def to_transform(transform: Transform) -> data.Transform:
    """The library's word for a transform."""
    return data.Transform(transform.scale, _fixed(transform.mean), _fixed(transform.std))


def _fixed(value: float | list[float]) -> float | tuple[float, ...]:
    return tuple(value) if isinstance(value, list) else value


def open_reference(blobs: Blobs, reference: DatasetRef) -> data.Dataset:
    """The dataset, opened in place. Raises DatasetError (a ValueError) with rule and remedy."""
    return open_files(
        local_files(blobs, reference.files), reference.split, reference.transform, reference.task
    )


def open_files(
    files: list[data.DatasetFile], split: Split, transform: Transform, task: data.TaskName
) -> data.Dataset:
    """The dataset in files of this machine, opened in place. Raises as `open_reference` does."""
    plain = [replace(file, path=_inflated(file.path)) if file.format == "idx" else file for file in files]
    return data.open_dataset(plain, to_split(split), to_transform(transform), task)


def _inflated(path: Path) -> Path:
    """A plain IDX file for a compressed one, made once for all workers of this machine: it is then mapped,
    not read, where inflating 60,000 pictures costs each worker 0.4 s and 47 MB.
    """
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
    folder = path.parent.parent / "inflated"
    plain = folder / path.name
    if not plain.exists():
        array = read_idx(path)  # refuses what claims more than its bytes can yield
        with gzip.open(path) as stream:
            header = stream.read(4 + 4 * array.ndim)
        folder.mkdir(mode=0o700, exist_ok=True)
        partial = folder / f".{path.name}.{os.getpid()}.{threading.get_ident()}"
        try:
            with partial.open("wb") as file:
                file.write(header)
                file.write(array.data)
            partial.replace(plain)
        finally:
            partial.unlink(missing_ok=True)
        _make_room(folder, plain)
    os.utime(plain)
    return plain


def _make_room(folder: Path, keep: Path) -> None:
    """Deletes the longest unused files; one that a worker has mapped stays readable for it."""
    known: list[tuple[float, int, Path]] = []
    for file in folder.iterdir():
        with suppress(FileNotFoundError):  # another worker tidies too
            found = file.stat()
            known.append((found.st_mtime, found.st_size, file))
    size = sum(file[1] for file in known)
    for _, length, file in sorted(known):
        if size <= INFLATED_LIMIT:
            return
        if file != keep:
            size -= length
            file.unlink(missing_ok=True)
