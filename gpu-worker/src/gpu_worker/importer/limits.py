"""What is still possible with a model that cannot become PyTorch modules, and which node limits it."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from gpu_worker.importer.build import untranslatable
from gpu_worker.importer.types import ImportRefused, Tier

WEIGHT_INPUTS = {
    "Conv": (1,), "ConvTranspose": (1,), "Gemm": (1,), "GRU": (1, 2), "LSTM": (1, 2), "MatMul": (0, 1),
    "RNN": (1, 2),
}  # fmt: skip
"""Which inputs of these operators hold their weights."""


MOVES = frozenset({"Concat", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"})
"""Exporters put the gates of an LSTM into ONNX's order by these; every weight is still one entry."""


Reader = tuple[onnx.NodeProto, int, bool]
"""The node that computes with a weight, which of its inputs it is, and whether other nodes move it before."""


def editable_weights(model: onnx.ModelProto) -> list[str]:
    """The float32 initializers that can be edited in place: weights of Conv, Gemm, MatMul, LSTM, GRU and RNN
    nodes, in the order of the graph.
    """
    return list(weight_readers(model))


def weight_readers(model: onnx.ModelProto) -> dict[str, Reader]:
    """The same, each with its first reader."""
    floats = {t.name for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) > 1}
    producers = {name: node for node in model.graph.node for name in node.output}
    waiting = [
        (node.input[index], (node, index, False))
        for node in model.graph.node
        for index in WEIGHT_INPUTS.get(node.op_type, ())
        if index < len(node.input)
    ][::-1]
    found: dict[str, Reader] = {}
    seen: set[str] = set()
    while waiting:
        name, (node, index, moved) = waiting.pop()
        if name in floats:
            found.setdefault(name, (node, index, moved))
        elif name in producers and name not in seen and producers[name].op_type in MOVES:
            waiting.extend((part, (node, index, True)) for part in reversed(producers[name].input))
        seen.add(name)
    return found


def with_tier(refusal: ImportRefused, data: bytes) -> ImportRefused:
    """The refusal at the node that limits the model, with tier 3 where it has editable weights, else 4."""
    try:
        model = onnx.load_model_from_string(data)
    # The parser raises kinds of its own for bytes that are no model.
    except Exception:
        return refusal
    found = ((node, untranslatable(node)) for node in model.graph.node)
    refusal = next((ImportRefused.at(node, reason) for node, reason in found if reason), refusal)
    tier: Tier = 3 if editable_weights(model) else 4
    refusal.tier = tier
    return refusal
