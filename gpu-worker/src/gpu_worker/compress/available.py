"""What a model has nothing for: methods that would do nothing, or next to nothing, and why."""

from __future__ import annotations

import math

from gpu_worker.compress.pattern import GROUP
from gpu_worker.compress.recipe import Precision
from gpu_worker.compress.sparsity import SortedWeights
from gpu_worker.importer import Imported

LEAST_SHARE = 0.5
"""Where the layers that a precision covers hold less than this share of the weights, it is no method."""

CONV_OR_MATMUL = "Conv or MatMul layers (ONNX has no 8-bit LSTM or GRU)", ("Conv", "ConvTranspose", "Linear")
COVERED: dict[Precision, tuple[str, tuple[str, ...]]] = {
    "int4": ("MatMul layers", ("Linear",)),
    "int8": CONV_OR_MATMUL,
    "int8_dynamic": CONV_OR_MATMUL,
}
"""What each precision needs, and the kinds of layers that it covers."""


def precision_refusals(imported: Imported) -> dict[Precision, str]:
    """By precision that a model cannot have, the reason."""
    found: dict[Precision, str] = {}
    total = max(1, sum(math.prod(layer.shape) for layer in imported.layers))
    for precision, (needed, kinds) in COVERED.items():
        covered = [math.prod(layer.shape) for layer in imported.layers if layer.kind in kinds]
        share = sum(covered) / total
        if share < LEAST_SHARE:
            found[precision] = (
                f"{precision.removesuffix('_dynamic')} needs {needed}; this model has {len(covered)} of"
                f" {len(imported.layers)}, with {share:.1%} of its weights."
            )
    return found


def pattern_refusal(weights: SortedWeights) -> str | None:
    """Why no layer of a model can have 2:4 zeros; None where one can."""
    if weights.fitting("2:4"):
        return None
    return f"2:4 needs layers whose inputs are a multiple of {GROUP}; this model has none."
