"""Translations of activations, arithmetic, comparisons and logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto
from torch import fx

from gpu_worker.importer.build import Builder, handles
from gpu_worker.importer.types import ImportRefused

UNARY: dict[str, Callable[..., torch.Tensor]] = {
    "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "HardSwish": F.hardswish, "Exp": torch.exp,
    "Sqrt": torch.sqrt, "Abs": torch.abs, "Neg": torch.neg, "Erf": torch.erf, "Softplus": F.softplus,
    "Softsign": F.softsign, "Mish": F.mish, "Reciprocal": torch.reciprocal, "Log": torch.log,
    "Ceil": torch.ceil, "Floor": torch.floor, "Not": torch.logical_not, "Round": torch.round,
    "Sign": torch.sign,
}  # fmt: skip
BINARY: dict[str, Callable[..., torch.Tensor]] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Pow": torch.pow,
    "And": torch.logical_and, "Equal": torch.eq, "Greater": torch.gt, "GreaterOrEqual": torch.ge,
    "Less": torch.lt, "LessOrEqual": torch.le, "Or": torch.logical_or, "Xor": torch.logical_xor,
}  # fmt: skip
INTEGERS = (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8)
DTYPES: dict[int, torch.dtype] = {
    TensorProto.BOOL: torch.bool, TensorProto.FLOAT: torch.float32, TensorProto.DOUBLE: torch.float64,
    TensorProto.INT32: torch.int32, TensorProto.INT64: torch.int64, TensorProto.INT8: torch.int8,
    TensorProto.UINT8: torch.uint8,
}  # fmt: skip


@handles(*UNARY)
def unary(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(UNARY[node.op_type], b.env[node.input[0]])


@handles(*BINARY)
def binary(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    left, right = b.operand(node.input[0]), b.operand(node.input[1])
    if not isinstance(left, fx.Node):
        left = b.call(torch.full_like, right, left)
    if node.op_type == "Div" and b.types.kind(node.output[0]) in INTEGERS:
        return b.call(torch.div, left, right, rounding_mode="trunc")
    return b.call(BINARY[node.op_type], left, right)


@handles("Max", "Mean", "Min", "Sum")
def variadic(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    function = {"Max": torch.maximum, "Min": torch.minimum}.get(node.op_type, torch.add)
    result, *others = (b.tensor(name) for name in node.input)
    for other in others:
        result = b.call(function, result, other)
    if node.op_type == "Mean":
        return b.call(torch.div, result, len(node.input))
    return result


@handles("Where")
def where(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(torch.where, *(b.tensor(name) for name in node.input))


@handles("Cast")
def cast(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    if given["to"] not in DTYPES:
        raise ImportRefused.at(node, "only casts to float32, float64, integers and bool are supported")
    return b.call(torch.Tensor.to, b.env[node.input[0]], DTYPES[given["to"]])


@handles("LeakyRelu", "Elu", "Selu", "Gelu", "HardSigmoid", "Celu", "ThresholdedRelu")
def parametric(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    source = b.env[node.input[0]]
    match node.op_type:
        case "LeakyRelu":
            return b.call(F.leaky_relu, source, given.get("alpha", 0.01))
        case "Elu":
            return b.call(F.elu, source, given.get("alpha", 1.0))
        case "Celu":
            return b.call(F.celu, source, given.get("alpha", 1.0))
        case "ThresholdedRelu":
            return b.call(F.threshold, source, given.get("alpha", 1.0), 0.0)
        case "Selu":
            return b.call(F.selu, source)
        case "Gelu":
            return b.call(F.gelu, source, approximate=given.get("approximate", "none"))
        case _:
            return b.call(hard_sigmoid, source, given.get("alpha", 0.2), given.get("beta", 0.5))


def hard_sigmoid(x: torch.Tensor, alpha: float, beta: float) -> torch.Tensor:
    """ONNX HardSigmoid; torch's own has a fixed slope of 1/6."""
    return torch.clamp(alpha * x + beta, 0.0, 1.0)


@handles("PRelu")
def prelu(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(leak, b.env[node.input[0]], b.operand(node.input[1]))


def leak(x: torch.Tensor, slope: torch.Tensor | float) -> torch.Tensor:
    """ONNX PRelu: the slope broadcasts as in arithmetic, not along the channels."""
    return torch.where(x >= 0, x, x * slope)


@handles("Clip")
def clip(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    bounds: list[float | None] = []
    for index, name in enumerate(("min", "max"), start=1):
        value = b.list_input(node, index, given, name)
        bounds.append(None if value is None else float(value[0]))
    if bounds == [None, None]:
        return b.env[node.input[0]]
    return b.call(torch.clamp, b.env[node.input[0]], *bounds)


@handles("Identity", "Dropout")
def identity(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.env[node.input[0]]
