"""Opening a dataset that a spec refers to: blobs to local files, contract shapes to the library's."""

from __future__ import annotations

from gpu_worker import data
from gpu_worker.contract import DatasetFile, DatasetRef, Split, Transform
from gpu_worker.jobs.ports import Blobs


def local_files(blobs: Blobs, files: list[DatasetFile]) -> list[data.DatasetFile]:
    """The dataset's files on this machine."""
    return [
        data.DatasetFile(role=file.role, format=file.format, path=blobs.blob(file.sha256)) for file in files
    ]


def to_split(split: Split) -> data.Split:
    """The library's word for a split."""
    return data.Split(kind=split.kind, seed=split.seed, test_fraction=split.test_fraction)


def to_transform(transform: Transform) -> data.Transform:
    """The library's word for a transform."""
    return data.Transform(scale=transform.scale, mean=transform.mean, std=transform.std)


def open_reference(blobs: Blobs, reference: DatasetRef) -> data.Dataset:
    """The dataset, opened in place. Raises DatasetError (a ValueError) with rule and remedy."""
    return data.open_dataset(
        local_files(blobs, reference.files), to_split(reference.split), to_transform(reference.transform)
    )
