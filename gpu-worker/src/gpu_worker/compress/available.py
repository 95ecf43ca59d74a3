"""What a model has nothing for: methods that would do nothing, or next to nothing, and why."""

from __future__ import annotations

import math

from gpu_worker.compress.pattern import GROUP
from gpu_worker.compress.recipe import Precision
from gpu_worker.compress.sparsity import SortedWeights
from gpu_worker.importer import Imported

LEAST_SHARE = 0.5
"""int4 covers Gemm and MatMul only; where these hold less than this share of the weights, it is no method."""


def precision_refusals(imported: Imported) -> dict[Precision, str]:
    """By precision that a model cannot have, the reason."""
    weights = {kind: 0 for kind in ("Conv", "ConvTranspose", "Linear")}
    for layer in imported.layers:
        weights[layer.kind] += math.prod(layer.shape)
    linear = sum(layer.kind == "Linear" for layer in imported.layers)
    share = weights["Linear"] / max(1, sum(weights.values()))
    if share >= LEAST_SHARE:
        return {}
    return {
        "int4": f"int4 needs MatMul layers; this model has {linear} of {len(imported.layers)},"
        f" with {share:.1%} of its weights."
    }


def pattern_refusal(weights: SortedWeights) -> str | None:
    """Why no layer of a model can have 2:4 zeros; None where one can."""
    if weights.fitting("2:4"):
        return None
    return f"2:4 needs layers whose inputs are a multiple of {GROUP}; this model has none."
