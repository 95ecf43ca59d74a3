"""What a replica learns of its model before it serves: how long a row takes, and whether rows join."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import onnxruntime as ort

from gpu_worker.serve.tensors import DATATYPES, Tensor

WARM_UPS = 10
OPEN_SIZE = 32
"""Length tried for a dimension other than the batch that the model leaves open."""
SCALES = (1.0, 0.1, 10.0)
"""Of the rows tried together: a model that scales by its whole batch answers them differently alone."""
TOLERANCE = 1e-4
"""Of the largest value; sums in another order differ by less, rows that see each other by far more."""


def warm_up(session: ort.InferenceSession, inputs: Sequence[Tensor]) -> float:
    """Runs a batch of one until its time has settled, and answers the last time in seconds. The first run
    allocates and is several times slower.
    """
    feed = {tensor.name: np.zeros(_shape(tensor, 1), DATATYPES[tensor.datatype]) for tensor in inputs}
    for tensor in inputs:
        if tensor.datatype == "BYTES":
            feed[tensor.name].fill("")
    seconds = 0.0
    for _ in range(WARM_UPS):
        began = time.perf_counter()
        session.run(None, feed)
        seconds = time.perf_counter() - began
    return seconds


def rows_are_independent(
    session: ort.InferenceSession, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> bool:
    """Whether requests can be joined by their first axis: the shapes leave it open, and rows answered
    together are what they are alone. Tried, because shapes do not tell of a model that normalises or
    quantises over its batch.
    """
    if not inputs or not all(tensor.shape and tensor.shape[0] == -1 for tensor in (*inputs, *outputs)):
        return False
    rng = np.random.default_rng(0)
    feed = {tensor.name: _rows(tensor, rng) for tensor in inputs}
    try:
        together = _run(session, feed)
        for row in range(len(SCALES)):
            alone = _run(session, {name: array[row : row + 1] for name, array in feed.items()})
            if not all(map(_is_row, alone, (output[row : row + 1] for output in together))):
                return False
    except (
        Exception
    ):  # ONNX Runtime's errors share no class of their own; the values tried are not the client's
        return False
    return True


def _shape(tensor: Tensor, rows: int) -> list[int]:
    return [(OPEN_SIZE if axis else rows) if dim < 0 else dim for axis, dim in enumerate(tensor.shape)]


def _rows(tensor: Tensor, rng: np.random.Generator) -> np.ndarray:
    """Rows of different scale; whole numbers and strings are 0 and 1, which a model that looks up takes."""
    shape = _shape(tensor, len(SCALES))
    dtype = np.dtype(DATATYPES[tensor.datatype])
    if dtype.kind == "f":
        scale = np.reshape(SCALES, (-1, *[1] * (len(shape) - 1)))
        return (rng.standard_normal(shape) * scale).astype(dtype)
    bits = rng.integers(0, 2, shape)
    return bits.astype(str).astype(object) if dtype.kind == "O" else bits.astype(dtype)


def _run(session: ort.InferenceSession, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(value) for value in session.run(None, feed)]


def _is_row(alone: np.ndarray, joined: np.ndarray) -> bool:
    if alone.shape != joined.shape:
        return False
    if alone.dtype.kind != "f":
        return bool((alone == joined).all())
    largest = float(np.abs(alone).max(initial=0.0, where=np.isfinite(alone)))
    return np.allclose(alone, joined, rtol=0, atol=TOLERANCE * max(largest, 1e-6), equal_nan=True)
