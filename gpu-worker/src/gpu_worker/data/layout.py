"""Fitting samples to the layout that a model wants."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gpu_worker.data.spec import InputSpec, refuse

Adapter = Callable[[np.ndarray], np.ndarray]
"""Rearranges a batch (N, ...) without changing its values."""


def adapter(sample: tuple[int, ...], wanted: InputSpec) -> Adapter:
    """How samples of shape `sample` (without N) become the model's input.

    Tried in order: as they are; a channel axis for (H, W); HWC to CHW and back; flattened for a model of rank
    2; flat samples folded to a fully known shape. Raises DatasetError (a ValueError), naming both shapes,
    when none fits.
    """
    model = wanted.shape[1:]
    if _fits(sample, model):
        return lambda batch: batch
    if len(sample) == 2 and _fits((1, *sample), model):
        return lambda batch: batch[:, None]
    if len(sample) == 2 and _fits((*sample, 1), model):
        return lambda batch: batch[..., None]
    if len(sample) == 3:
        height, width, depth = sample
        if _fits((depth, height, width), model):
            return lambda batch: batch.transpose(0, 3, 1, 2)
        if _fits((width, depth, height), model):
            return lambda batch: batch.transpose(0, 2, 3, 1)
    count = math.prod(sample)
    if len(model) == 1 and _fits((count,), model):
        return lambda batch: batch.reshape(len(batch), -1)
    known = [length for length in model if length is not None]
    if len(sample) == 1 and len(known) == len(model) and math.prod(known) == count:
        return lambda batch: batch.reshape(len(batch), *known)
    shown = tuple("any" if length is None else length for length in model)
    raise refuse(
        "input.shape",
        f"Samples of shape {sample} cannot be fed to the input '{wanted.name}' of shape {shown} (without the"
        " batch).",
        "Choose a dataset whose samples have the model's shape, or a model made for this dataset.",
        f"input '{wanted.name}'",
    )


def _fits(sample: tuple[int, ...], model: tuple[int | None, ...]) -> bool:
    return len(sample) == len(model) and all(
        want is None or have == want for have, want in zip(sample, model, strict=True)
    )
