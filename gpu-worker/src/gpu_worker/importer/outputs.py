"""Outputs of a network as training wants them."""

from __future__ import annotations

from torch import Tensor


def to_logits(outputs: Tensor, probabilities: bool) -> Tensor:
    """Outputs (N, …) as logits (N, classes). The logarithm of a Softmax's answers differs from the logits
    before it by a constant per sample, which neither cross entropy nor distillation sees.
    """
    flat = outputs.flatten(1)
    return flat.clamp_min(1e-12).log() if probabilities else flat
