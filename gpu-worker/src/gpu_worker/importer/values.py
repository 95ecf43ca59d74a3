"""What is known of a graph's tensors before it runs: constants, and shape vectors with an open batch size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

MAX_FOLDED = 1 << 24
"""Largest number of elements that constant folding may make."""

# fmt: off
FOLDABLE = frozenset({
    "Abs", "Add", "And", "Cast", "CastLike", "Ceil", "Concat", "ConstantOfShape", "Div", "Equal", "Expand",
    "Floor", "Gather", "Greater", "Less", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Range",
    "Reciprocal", "ReduceProd", "Reshape", "Size", "Slice", "Sqrt", "Squeeze", "Sub", "Tile", "Transpose",
    "Trilu", "Unsqueeze", "Where",
})
# fmt: on


@dataclass(frozen=True)
class Batch:
    """Stands for a multiple of the batch size inside a shape vector."""

    factor: int = 1

    def __mul__(self, other: object) -> Batch:
        return Batch(self.factor * other) if isinstance(other, int) else NotImplemented

    __rmul__ = __mul__

    def __floordiv__(self, other: object) -> Batch:
        if not isinstance(other, int) or other == 0 or self.factor % other:
            return NotImplemented
        return Batch(self.factor // other)

    def __str__(self) -> str:
        return "batch" if self.factor == 1 else f"batch*{self.factor}"


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


def fold(node: onnx.NodeProto, inputs: list[np.ndarray], opset: int) -> np.ndarray:
    """The value of a FOLDABLE node whose inputs are all constants. The caller bounds the result's size."""
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
    """A shape vector (objects: int, Batch, None where unknown) after shape arithmetic; None when unclear."""
    operation = MOVES.get(node.op_type)
    if operation is None:
        return None
    try:
        return np.asarray(operation(attributes(node), *inputs), dtype=object)
    # An unknown length has no arithmetic, and a batch size can only be multiplied.
    except TypeError:
        return None


def _cast(given: dict[str, Any], data: np.ndarray) -> np.ndarray:
    if given["to"] not in (TensorProto.INT32, TensorProto.INT64):
        raise TypeError("a length as a float")
    return data


def _slice(given: dict[str, Any], data: np.ndarray, *bounds: np.ndarray) -> np.ndarray:
    starts, ends, axes, steps = (
        given.get(name) or (bounds[index].tolist() if len(bounds) > index else default)
        for index, (name, default) in enumerate(
            (("starts", [0]), ("ends", [0]), ("axes", [0]), ("steps", [1]))
        )
    )
    if axes[0] not in (0, -1):
        raise TypeError("a vector has one axis")
    return data[starts[0] : ends[0] : steps[0]]


def _reshape(given: dict[str, Any], data: np.ndarray, target: np.ndarray) -> np.ndarray:
    return data.reshape([int(length) for length in target])


def _squeeze(given: dict[str, Any], data: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return data.reshape(()) if data.size == 1 else data


def _unsqueeze(given: dict[str, Any], data: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    if data.ndim:
        raise TypeError("a vector of vectors")
    return data.reshape(1)


def _equal(given: dict[str, Any], left: np.ndarray, right: np.ndarray) -> np.ndarray:
    for pair in zip(*map(np.ravel, np.broadcast_arrays(left, right)), strict=True):
        # A batch size may equal any number above zero, but never a marker such as -1.
        if any(not isinstance(entry, int) for entry in pair) and any(
            isinstance(entry, int) and entry > 0 for entry in pair
        ):
            raise TypeError("a batch size compared with a number")
    return np.equal(left, right)


def _where(given: dict[str, Any], condition: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.where(condition.astype(bool), left, right)


MOVES: dict[str, Callable[..., Any]] = {
    "Add": lambda given, left, right: left + right,
    "Cast": _cast,
    "Concat": lambda given, *parts: np.concatenate([np.atleast_1d(part) for part in parts]),
    "Div": lambda given, left, right: left // right,
    "Equal": _equal,
    "Gather": lambda given, data, index: data[index.astype(np.int64)],
    "Identity": lambda given, data: data,
    "Mul": lambda given, left, right: left * right,
    "ReduceProd": lambda given, data, *axes: np.prod(data, keepdims=bool(given.get("keepdims", 1))),
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": lambda given, left, right: left - right,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
"""Arithmetic on shape vectors that works with an open batch size inside."""
