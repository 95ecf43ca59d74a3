"""What is known of a graph's tensors before it runs: constants, and shape vectors with an open batch size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

MAX_FOLDED = 1 << 24
"""Largest number of elements that constant folding may make."""

# fmt: off
FOLDABLE = frozenset({
    "Add", "Cast", "CastLike", "Concat", "ConstantOfShape", "Div", "Equal", "Expand", "Floor", "Gather",
    "Mul", "Neg", "Reciprocal", "Reshape", "Slice", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze",
    "Where",
})
# fmt: on
MOVES = frozenset({"Cast", "Concat", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Unsqueeze"})
"""Ops that only move entries of a shape vector, so they work with an open batch size inside."""


class Batch:
    """Stands for the batch size inside a shape vector."""

    def __repr__(self) -> str:
        return "batch"


BATCH = Batch()


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes as Python values (strings decoded)."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in values.items()}


def constant_of(node: onnx.NodeProto) -> np.ndarray:
    """The value of a Constant node."""
    attribute = node.attribute[0]
    if attribute.name == "value":
        return numpy_helper.to_array(attribute.t)
    value = helper.get_attribute_value(attribute)
    return np.asarray(value, np.float32 if "float" in attribute.name else np.int64)


def fold(node: onnx.NodeProto, inputs: list[np.ndarray], opset: int) -> np.ndarray | None:
    """The value of a node whose inputs are all constants; None when it is not folded.

    Integer results stay small by construction; a declared shape is checked before anything is allocated.
    """
    if node.op_type not in FOLDABLE or len(node.output) != 1:
        return None
    if node.op_type in ("Expand", "ConstantOfShape"):
        if math.prod(int(n) for n in inputs[-1].ravel()) > MAX_FOLDED:
            return None
    elif sum(value.size for value in inputs) > MAX_FOLDED:
        return None
    names = [f"i{k}" for k in range(len(inputs))]
    single = onnx.NodeProto()
    single.CopyFrom(node)
    del single.input[:]
    present = iter(names)
    single.input.extend(next(present) if name else "" for name in node.input)
    kinds = [helper.np_dtype_to_tensor_dtype(value.dtype) for value in inputs]
    graph = helper.make_graph(
        [single],
        "fold",
        [helper.make_tensor_value_info(n, kind, None) for n, kind in zip(names, kinds, strict=True)],
        [helper.make_tensor_value_info(node.output[0], TensorProto.UNDEFINED, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    results: Any = ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))
    return np.asarray(results[0])


def move(node: onnx.NodeProto, inputs: list[np.ndarray]) -> np.ndarray | None:
    """A shape vector (objects, BATCH inside) after an op that only moves its entries; None when unclear."""
    given = attributes(node)
    data = inputs[0]
    match node.op_type:
        case "Cast" | "Identity":
            return data
        case "Concat":
            return np.concatenate([np.atleast_1d(value) for value in inputs])
        case "Gather":
            return np.asarray(data[inputs[1].astype(np.int64)], dtype=object)
        case "Slice":
            starts, ends, axes, steps = (
                given.get("starts") or inputs[1].tolist(),
                given.get("ends") or inputs[2].tolist(),
                given.get("axes") or (inputs[3].tolist() if len(inputs) > 3 else [0]),
                inputs[4].tolist() if len(inputs) > 4 else [1],
            )
            return data[starts[0] : ends[0] : steps[0]] if list(axes) == [0] else None
        case "Squeeze":
            return data.reshape(()) if data.size == 1 else None
        case "Unsqueeze" | "Reshape":
            return data.reshape((1,)) if data.size == 1 else data
    return None
