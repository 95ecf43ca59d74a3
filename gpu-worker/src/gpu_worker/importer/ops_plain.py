"""Translations of the operators without weights: activations, arithmetic, shapes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import onnx
import torch
import torch.nn.functional as F
from torch import fx

from gpu_worker.importer.build import Builder, handles
from gpu_worker.importer.types import ImportRefused

UNARY: dict[str, Callable[..., torch.Tensor]] = {
    "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "HardSwish": F.hardswish, "Exp": torch.exp,
    "Sqrt": torch.sqrt, "Abs": torch.abs, "Neg": torch.neg, "Erf": torch.erf, "Softplus": F.softplus,
    "Softsign": F.softsign, "Mish": F.mish, "Reciprocal": torch.reciprocal, "Log": torch.log,
}  # fmt: skip
BINARY: dict[str, Callable[..., torch.Tensor]] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Pow": torch.pow,
}  # fmt: skip


@handles(*UNARY)
def unary(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(UNARY[node.op_type], b.env[node.input[0]])


@handles(*BINARY)
def binary(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    left, right = b.operand(node.input[0]), b.operand(node.input[1])
    if not isinstance(left, fx.Node):
        left = b.call(torch.full_like, right, left)
    return b.call(BINARY[node.op_type], left, right)


@handles("Sum")
def variadic_sum(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    total = b.env[node.input[0]]
    for name in node.input[1:]:
        total = b.call(torch.add, total, b.operand(name))
    return total


@handles("LeakyRelu", "Elu", "Selu", "Gelu", "HardSigmoid", "Celu")
def parametric(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    source = b.env[node.input[0]]
    match node.op_type:
        case "LeakyRelu":
            return b.call(F.leaky_relu, source, given.get("alpha", 0.01))
        case "Elu":
            return b.call(F.elu, source, given.get("alpha", 1.0))
        case "Celu":
            return b.call(F.celu, source, given.get("alpha", 1.0))
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


@handles("Split")
def split(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    axis, length = given.get("axis", 0), b.shapes[node.input[0]][given.get("axis", 0)]
    sizes = b.list_input(node, 1, given, "split")
    if length is None or axis % len(b.shapes[node.input[0]]) == 0:
        raise ImportRefused(
            node.name, node.op_type, "splits of the batch or of an open length are not supported"
        )
    if sizes is None:
        step = -(-length // len(node.output))
        sizes = [min(step, length - start) for start in range(0, length, step)]
    parts = b.call(torch.split, b.env[node.input[0]], sizes, axis)
    items = [b.call(operator.getitem, parts, index) for index in range(len(node.output))]
    b.env.update(zip(node.output, items, strict=True))
    return items[0]


@handles("Clip")
def clip(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    bounds: list[float | None] = []
    for index, name in enumerate(("min", "max"), start=1):
        value = b.list_input(node, index, given, name)
        bounds.append(None if value is None else float(value[0]))
    if bounds == [None, None]:
        return b.env[node.input[0]]
    return b.call(torch.clamp, b.env[node.input[0]], *bounds)


@handles("Softmax", "LogSoftmax")
def softmax(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    rank = len(b.shapes[node.input[0]])
    axis = given.get("axis", -1 if b.opset >= 13 else 1) % rank
    if b.opset < 13 and axis != rank - 1:
        raise ImportRefused(
            node.name, node.op_type, "a softmax over several axes (opset below 13) is not supported"
        )
    return b.call(
        torch.softmax if node.op_type == "Softmax" else torch.log_softmax, b.env[node.input[0]], axis
    )


@handles("Identity", "Dropout")
def identity(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.env[node.input[0]]


@handles("Concat")
def concat(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(torch.cat, [b.env[name] for name in node.input], given["axis"])


@handles("Flatten")
def flatten(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    if given.get("axis", 1) != 1:
        raise ImportRefused(node.name, node.op_type, "only flattening of all but the batch is supported")
    return b.call(torch.flatten, b.env[node.input[0]], 1)


@handles("Reshape")
def reshape(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    target = b.weight(node, 1).tolist()
    if target == [0, -1]:
        return b.call(torch.flatten, b.env[node.input[0]], 1)
    return b.call(reshape_features, b.env[node.input[0]], target)


def reshape_features(x: torch.Tensor, target: list[int]) -> torch.Tensor:
    """ONNX Reshape: a 0 copies the input's length."""
    return x.reshape([x.shape[i] if length == 0 else length for i, length in enumerate(target)])


@handles("Squeeze", "Unsqueeze")
def squeeze(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    axes = b.list_input(node, 1, given, "axes")
    rank = len(b.shapes[node.output[0]])
    if axes is None:
        raise ImportRefused(node.name, node.op_type, "it drops every axis of length 1, the batch perhaps too")
    if node.op_type == "Squeeze":
        return b.call(torch.squeeze, b.env[node.input[0]], tuple(axes))
    source = b.env[node.input[0]]
    for axis in sorted(axis % rank for axis in axes):
        source = b.call(torch.unsqueeze, source, axis)
    return source


@handles("Transpose")
def transpose(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    order = given.get("perm") or list(reversed(range(len(b.shapes[node.input[0]]))))
    return b.call(torch.permute, b.env[node.input[0]], tuple(order))


@handles("ReduceMean", "ReduceSum", "ReduceMax")
def reduce(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    axes = b.list_input(node, 1, given, "axes")
    if axes is None:
        raise ImportRefused(node.name, node.op_type, "it reduces over every axis, the batch too")
    function = {"ReduceMean": torch.mean, "ReduceSum": torch.sum, "ReduceMax": torch.amax}[node.op_type]
    return b.call(function, b.env[node.input[0]], tuple(axes), bool(given.get("keepdims", 1)))


@handles("Pad")
def pad(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    amounts = b.list_input(node, 1, given, "pads") or []
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(
        given.get("mode", "constant")
    )
    axes = b.list_input(node, 3, {}, "axes")
    if mode is None or axes is not None:
        raise ImportRefused(node.name, node.op_type, "this padding mode is not supported")
    rank = len(amounts) // 2
    pairs = [(amounts[axis], amounts[axis + rank]) for axis in reversed(range(rank))]
    while pairs and pairs[-1] == (0, 0):
        pairs.pop()
    value = b.list_input(node, 2, given, "value") or [0.0]
    flat = [amount for pair in pairs for amount in pair]
    if mode == "constant":
        return b.call(F.pad, b.env[node.input[0]], flat, mode, float(value[0]))
    return b.call(F.pad, b.env[node.input[0]], flat, mode)


@handles("Slice")
def slice_axes(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    starts, ends = b.list_input(node, 1, given, "starts"), b.list_input(node, 2, given, "ends")
    if starts is None or ends is None:
        raise ImportRefused(node.name, node.op_type, "its bounds are not constant")
    axes = b.list_input(node, 3, given, "axes") or list(range(len(starts)))
    steps = b.list_input(node, 4, {}, "steps") or [1] * len(starts)
    rank = len(b.shapes[node.input[0]])
    if any(step < 1 for step in steps) or 0 in [axis % rank for axis in axes]:
        raise ImportRefused(
            node.name, node.op_type, "slices of the batch or with a negative step are not supported"
        )
    ranges = [slice(None)] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        ranges[axis % rank] = slice(start, end, step)
    return b.call(take_slice, b.env[node.input[0]], tuple((r.start, r.stop, r.step) for r in ranges))


def take_slice(
    x: torch.Tensor, ranges: tuple[tuple[int | None, int | None, int | None], ...]
) -> torch.Tensor:
    """ONNX Slice with constant bounds, one range for each axis."""
    return x[tuple(slice(*bounds) for bounds in ranges)]
