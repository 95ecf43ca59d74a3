"""Folding BatchNorm into the convolution before it: int8 scales must see the weights that will run."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper


def fold_batchnorm(model: onnx.ModelProto) -> None:
    """Folds, in place, each BatchNormalization that alone reads a convolution; the function stays."""
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    producers = {node.output[0]: node for node in graph.node}
    uses = Counter(name for node in graph.node for name in node.input)
    folded: list[onnx.NodeProto] = []
    for norm in graph.node:
        conv = producers.get(norm.input[0]) if norm.op_type == "BatchNormalization" else None
        if (
            conv is None
            or conv.op_type != "Conv"
            or uses[conv.output[0]] != 1
            or conv.input[1] not in tensors
        ):
            continue
        scale, shift, mean, variance = (numpy_helper.to_array(tensors[name]) for name in norm.input[1:5])
        epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + np.float32(epsilon))
        weight = tensors[conv.input[1]]
        values = numpy_helper.to_array(weight)
        weight.raw_data = (values * factor.reshape(-1, *[1] * (values.ndim - 1))).astype(np.float32).tobytes()
        has_bias = len(conv.input) > 2 and conv.input[2]
        bias = numpy_helper.to_array(tensors[conv.input[2]]) if has_bias else np.zeros_like(mean)
        folded_bias = numpy_helper.from_array(
            ((bias - mean) * factor + shift).astype(np.float32), norm.input[2]
        )
        tensors[norm.input[2]].CopyFrom(folded_bias)
        if has_bias:
            conv.input[2] = norm.input[2]
        else:
            del conv.input[2:]
            conv.input.append(norm.input[2])
        conv.output[0] = norm.output[0]
        producers[norm.output[0]] = conv
        folded.append(norm)
    for norm in folded:
        graph.node.remove(norm)
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
