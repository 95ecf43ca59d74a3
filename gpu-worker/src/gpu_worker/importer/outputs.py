"""What a network's output means: training needs logits, and some exported models end in a Softmax."""

from __future__ import annotations

import onnx
from torch import Tensor

PASSED_ON = ("DequantizeLinear", "QuantizeLinear", "Identity", "Reshape", "Flatten", "Squeeze")
"""Operators behind a Softmax that leave its values as they are."""


def gives_probabilities(model: onnx.ModelProto) -> bool:
    """Whether the first output comes from a Softmax."""
    producers = {name: node for node in model.graph.node for name in node.output}
    node = producers.get(model.graph.output[0].name)
    while node is not None and node.op_type in PASSED_ON:
        node = producers.get(node.input[0])
    return node is not None and node.op_type == "Softmax"


def to_logits(outputs: Tensor, probabilities: bool) -> Tensor:
    """Outputs (N, …) as logits (N, classes). The logarithm of a Softmax's answers differs from the logits
    before it by a constant per sample, which neither cross entropy nor distillation sees.
    """
    flat = outputs.flatten(1)
    return flat.clamp_min(1e-12).log() if probabilities else flat
