"""Where arrays go while a file is converted: announced with dtype and shape, then written piece by piece."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from gpu_worker.data.spec import refuse

MAX_PREPARED_BYTES = 8 << 30
"""Largest dataset after conversion: what one worker keeps of blobs (door.blobs)."""

MAX_SAMPLES = 50_000_000


class Sink(Protocol):
    """Takes arrays one after the other, each announced before its bytes."""

    def begin(self, name: str, dtype: str, shape: tuple[int, ...]) -> None:
        """The next bytes are those of this array, in C order."""
        ...

    def write(self, block: np.ndarray) -> None:
        """The next values of the announced array."""
        ...

    def progress(self, done: int, total: int) -> None:
        """So many of all steps are done."""
        ...


def check_prepared(samples: int, shape: tuple[int, ...], dtype: np.dtype, name: str) -> None:
    """Raises DatasetError when samples of this shape would take more than is allowed."""
    size = samples * math.prod(shape) * dtype.itemsize
    if samples > MAX_SAMPLES:
        raise refuse(
            "limits.samples",
            f"{name} holds {samples} samples; at most {MAX_SAMPLES} are accepted.",
            "Upload a part of them.",
        )
    if size > MAX_PREPARED_BYTES:
        raise refuse(
            "limits.bytes",
            f"The samples of {name} take {size} bytes as numbers; at most {MAX_PREPARED_BYTES} are accepted.",
            "Upload fewer samples, or smaller ones.",
        )
