"""Targets of Reshape that stay right for every batch size and for pruned channel counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gpu_worker.importer.shapes import Length
from gpu_worker.importer.values import BATCH, Batch


class Unsettled(ValueError):
    """Why a target cannot be made constant."""


def reshape_target(
    asked: Sequence[Length], dims: Sequence[Length] | None, fixed_batch: int | None
) -> tuple[list[int], list[Length]]:
    """A constant target for an ONNX Reshape (0 copies a length, -1 takes the rest) and the shape it gives.

    asked: the target as written, with Batch entries where it was computed from the input's shape. dims: the
    shape that is reshaped, None when unknown. fixed_batch: the batch size that the model was exported with.
    Raises Unsettled when samples would be torn apart or a length depends on the input's values.
    """
    wanted = [
        dims[axis] if entry == 0 and dims and axis < len(dims) else entry for axis, entry in enumerate(asked)
    ]
    if dims is not None:
        wanted = _with_batch(wanted, dims, fixed_batch)
        wanted = _with_rest(wanted, dims)
    return _written(wanted, asked, dims), [None if entry == -1 else entry for entry in wanted]


def resize_scales(sizes: Sequence[Length], dims: Sequence[Length]) -> np.ndarray:
    """Factors, float32, by which ONNX Resize makes these sizes of a tensor; batch and channels keep theirs.

    Raises Unsettled when a size behind them is open.
    """
    scales = [np.float32(1)] * 2
    for size, length in zip(sizes[2:], dims[2:], strict=True):
        if not isinstance(size, int) or not isinstance(length, int):
            raise Unsettled("it needs a size that the model leaves open; export it with a fixed input size")
        scale = np.float32(size / length)
        # ONNX Runtime multiplies in float32 and rounds downwards.
        while int(scale * np.float32(length)) < size:
            scale = np.nextafter(scale, np.float32(np.inf))
        scales.append(scale)
    return np.asarray(scales, np.float32)


def _with_batch(wanted: list[Length], dims: Sequence[Length], fixed_batch: int | None) -> list[Length]:
    """A target that was exported with a fixed batch size, with the batch at its place."""
    if any(isinstance(entry, Batch) for entry in wanted) or not any(isinstance(d, Batch) for d in dims):
        return wanted
    place = 0
    while (
        place < len(wanted)
        and place < len(dims)
        and isinstance(dims[place], int)
        and wanted[place] == dims[place]
    ):
        place += 1
    if place == len(wanted) or wanted[place] == -1:
        return wanted
    total, rest = _product(dims), [entry for axis, entry in enumerate(wanted) if axis != place]
    given = wanted[place]
    if -1 in rest or not isinstance(total, Batch):
        factor = given // fixed_batch if fixed_batch and isinstance(given, int) else 1
    else:
        factor, remainder = divmod(
            total.factor, max(1, math.prod(entry for entry in rest if isinstance(entry, int)))
        )
        if remainder or (factor != 1 and given != factor * (fixed_batch or 0)):
            raise Unsettled(f"it moves samples between batch and features ({wanted})")
    return [*wanted[:place], Batch(max(1, factor)), *wanted[place + 1 :]]


def _with_rest(wanted: list[Length], dims: Sequence[Length]) -> list[Length]:
    """The target with its -1 worked out, where every length is known."""
    total = _product(dims)
    others = _product([entry for entry in wanted if entry != -1])
    if total is None or others is None or wanted.count(-1) > 1:
        return wanted
    size, part = (value.factor if isinstance(value, Batch) else value for value in (total, others))
    if size == part and isinstance(total, Batch) == isinstance(others, Batch):
        rest: Length = 1
    elif (
        -1 not in wanted or part == 0 or size % part or (isinstance(others, Batch) and isinstance(total, int))
    ):
        raise Unsettled(f"it moves samples between batch and features ({wanted})")
    else:
        rest = size // part
        rest = Batch(rest) if isinstance(total, Batch) and isinstance(others, int) else rest
    return [rest if entry == -1 else entry for entry in wanted]


def _written(wanted: list[Length], asked: Sequence[Length], dims: Sequence[Length] | None) -> list[int]:
    """The target in ONNX's notation, with as few numbers in it as possible."""
    target: list[int | None] = []
    for axis, entry in enumerate(wanted):
        copied = dims is not None and axis < len(dims) and len(target) == target.count(0)
        if asked[axis] == 0 or (
            copied and entry is not None and entry != -1 and dims and entry == dims[axis]
        ):
            target.append(0)
        else:
            target.append(entry if isinstance(entry, int) and entry != -1 else None)
    if dims is None and wanted[:1] == [BATCH] and None in target[1:]:
        target[0] = 0
    # The last length behind copied ones is the rest: a flattened channel count may change.
    if None not in target and target.count(0) == len(target) - 1 and target[-1] != 0:
        target[-1] = None
    if target.count(None) > 1:
        raise Unsettled("its target shape depends on the input's values")
    return [-1 if entry is None else entry for entry in target]


def _product(lengths: Sequence[Length]) -> Length:
    """The number of elements; None when unknown. A batch can only be there once."""
    known = [length for length in lengths if length is not None]
    batches = [length for length in known if isinstance(length, Batch)]
    if len(known) < len(lengths) or len(batches) > 1:
        return None
    size = math.prod(length for length in known if isinstance(length, int))
    return batches[0] * size if batches else size
