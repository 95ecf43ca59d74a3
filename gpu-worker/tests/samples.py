"""Small labelled data sets as files."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from gpu_worker.data import Dataset, DatasetFile, Split, Transform, open_dataset


def blobs(n: int, shape: tuple[int, ...], classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 samples that scatter around one pattern a class, and their labels; every class occurs."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).uniform(40, 215, (classes, *shape))
    y = np.arange(n) % classes
    x = np.clip(centres[y] + rng.normal(0, 40, (n, *shape)), 0, 255).astype(np.uint8)
    return x, y


def npz_dataset(
    folder: Path, n: int, shape: tuple[int, ...], classes: int, test_fraction: float = 0.25
) -> Dataset:
    """An opened NPZ dataset with a seeded split and pixels scaled to 0..1."""
    x, y = blobs(n, shape, classes)
    path = folder / "samples.npz"
    np.savez(path, x=x, y=y)
    split = Split("seeded", 7, test_fraction)
    return open_dataset([DatasetFile("data", "npz", path)], split, Transform(1 / 255, 0.5, 0.25))


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file of uint8, int32 or float32 values."""
    kinds = {"u1": 0x08, "i4": 0x0C, "f4": 0x0D}
    code = array.dtype.str.lstrip("<>|=")
    header = bytes([0, 0, kinds[code], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(path: Path, array: np.ndarray) -> Path:
    """Writes an IDX file, compressed when the name ends in .gz."""
    data = idx_bytes(array)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
