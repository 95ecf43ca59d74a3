"""What the outputs of a model mean: training needs logits, and some exported models end in a Softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import onnx

PASSED_ON = ("DequantizeLinear", "QuantizeLinear", "Identity", "Reshape", "Flatten", "Squeeze")
"""Operators behind a Softmax or Sigmoid that leave its values as they are."""

Gives = Literal["values", "softmax", "sigmoid"]
"""What outputs are: plain values such as logits, or probabilities of classes or of labels."""


def gives_probabilities(model: onnx.ModelProto) -> bool:
    """Whether the first output comes from a Softmax."""
    return output_gives(model) == "softmax"


def output_gives(model: onnx.ModelProto) -> Gives:
    """Where the first output comes from."""
    producers = {name: node for node in model.graph.node for name in node.output}
    node = producers.get(model.graph.output[0].name)
    while node is not None and node.op_type in PASSED_ON:
        node = producers.get(node.input[0])
    last = None if node is None else node.op_type
    return "softmax" if last == "Softmax" else "sigmoid" if last == "Sigmoid" else "values"
