"""Translations of the operators that hold weights, and of pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import fx, nn

from gpu_worker.importer.build import Builder, handles
from gpu_worker.importer.types import ImportRefused, Weight

CONVOLUTIONS: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d}
NORMS: dict[int, type[nn.Module]] = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}
MAX_POOLS: dict[int, type[nn.Module]] = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
AVERAGE_POOLS: dict[int, type[nn.Module]] = {1: nn.AvgPool1d, 2: nn.AvgPool2d}


@handles("Conv")
def conv(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    weight = b.weight(node, 1)
    spatial = weight.ndim - 2
    if spatial not in CONVOLUTIONS:
        raise ImportRefused(node.name, node.op_type, f"{spatial}-dimensional convolutions are not supported")
    strides, dilations = given.get("strides", [1] * spatial), given.get("dilations", [1] * spatial)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, weight.shape[2:], strict=True)]
    begin, end = _pads(b, node, given, reach, strides)
    source: Any = b.env[node.input[0]]
    if begin != end:
        source = b.call(F.pad, source, _torch_pads(begin, end))
        begin = [0] * spatial
    groups = given.get("group", 1)
    has_bias = len(node.input) > 2 and bool(node.input[2])
    module = CONVOLUTIONS[spatial](
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2:],
        tuple(strides),
        tuple(begin),
        tuple(dilations),
        groups,
        has_bias,
    )
    _load(module, "weight", weight)
    name, call = b.layer("Conv", node, module, source, Weight(node.input[1]))
    if has_bias:
        _load(module, "bias", b.weight(node, 2))
        b.weights[f"{name}.bias"] = Weight(node.input[2])
    return call


@handles("BatchNormalization")
def batch_norm(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    dims = b.shapes.get(node.input[0])
    rank = len(dims) if dims is not None else 4
    if rank not in NORMS:
        raise ImportRefused(node.name, node.op_type, f"an input of rank {rank} is not supported")
    scale = b.weight(node, 1)
    # ONNX keeps the old statistics with weight `momentum`, PyTorch the new ones with weight `1 - momentum`.
    module = NORMS[rank](len(scale), given.get("epsilon", 1e-5), 1 - given.get("momentum", 0.9))
    name = b.unique(node.input[1].removesuffix(".weight"))
    for index, field in enumerate(("weight", "bias", "running_mean", "running_var"), start=1):
        _load(module, field, b.weight(node, index))
        b.weights[f"{name}.{field}"] = Weight(node.input[index])
    return b.module(name, module, b.env[node.input[0]])


@handles("LayerNormalization")
def layer_norm(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    scale = b.weight(node, 1)
    axis, rank = given.get("axis", -1), len(b.shapes[node.input[0]])
    if axis % rank != rank - 1 or scale.ndim != 1 or len(node.output) > 1:
        raise ImportRefused(node.name, node.op_type, "only normalisation over the last axis is supported")
    has_bias = len(node.input) > 2 and bool(node.input[2])
    module = nn.LayerNorm(len(scale), given.get("epsilon", 1e-5), bias=has_bias)
    name = b.unique(node.input[1].removesuffix(".weight"))
    for index, field in enumerate(("weight", "bias") if has_bias else ("weight",), start=1):
        _load(module, field, b.weight(node, index))
        b.weights[f"{name}.{field}"] = Weight(node.input[index])
    return b.module(name, module, b.env[node.input[0]])


@handles("Gemm")
def gemm(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    if given.get("transA", 0):
        raise ImportRefused(node.name, node.op_type, "a transposed input is not supported")
    weight = b.weight(node, 1)
    scaled = {1: given.get("alpha", 1.0), 2: given.get("beta", 1.0)}
    for index, factor in scaled.items():
        if factor != 1.0 and len(node.input) > index:
            _scale(b, node.input[index], factor)
    for attribute in [a for a in node.attribute if a.name in ("alpha", "beta")]:
        node.attribute.remove(attribute)
    transposed = not given.get("transB", 0)
    bias = node.input[2] if len(node.input) > 2 and node.input[2] else None
    rows = weight.shape[1] if transposed else weight.shape[0]
    if bias is not None and b.weight(node, 2).shape != (rows,):
        value = np.broadcast_to(b.weight(node, 2).reshape(-1), (rows,))
        b.tensors[bias].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), bias))
    return _linear(b, node, Weight(node.input[1], transposed), bias)


@handles("MatMul")
def matmul(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    weight = b.weight(node, 1)
    if weight.ndim != 2:
        raise ImportRefused(node.name, node.op_type, f"weights of shape {weight.shape} are no linear layer")
    add = b.sole_consumer(node.output[0])
    if add is not None and add.op_type == "Add":
        other = next((name for name in add.input if name != node.output[0]), "")
        bias = b.constant(other)
        if bias is not None and bias.shape == (weight.shape[1],):
            b.merged.add(add.output[0])
            call = _linear(b, node, Weight(node.input[1], True), other)
            b.env[add.output[0]] = call
            return call
    return _linear(b, node, Weight(node.input[1], True), None)


def _linear(b: Builder, node: onnx.NodeProto, weight: Weight, bias: str | None) -> fx.Node:
    value = numpy_helper.to_array(b.tensors[weight.initializer])
    value = value.T if weight.transposed else value
    module = nn.Linear(value.shape[1], value.shape[0], bias is not None)
    _load(module, "weight", value)
    name, call = b.layer("Linear", node, module, b.env[node.input[0]], weight)
    if bias is not None:
        _load(module, "bias", numpy_helper.to_array(b.tensors[bias]))
        b.weights[f"{name}.bias"] = Weight(bias)
    return call


@handles("MaxPool", "AveragePool")
def pool(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    kernel = given["kernel_shape"]
    spatial = len(kernel)
    maximum = node.op_type == "MaxPool"
    pools = MAX_POOLS if maximum else AVERAGE_POOLS
    if spatial not in pools:
        raise ImportRefused(node.name, node.op_type, f"{spatial}-dimensional pooling is not supported")
    strides, dilations = given.get("strides", [1] * spatial), given.get("dilations", [1] * spatial)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    begin, end = _pads(b, node, given, reach, strides)
    source: Any = b.env[node.input[0]]
    counts_pads = bool(given.get("count_include_pad", 0))
    # torch pads by at most half a kernel and equally on both sides; anything else is padded beforehand.
    if begin != end or any(p > k // 2 for p, k in zip(begin, kernel, strict=True)):
        if not maximum and not counts_pads:
            raise ImportRefused(node.name, node.op_type, "uneven padding that is left out of the average")
        source = b.call(F.pad, source, _torch_pads(begin, end), "constant", float("-inf") if maximum else 0.0)
        begin = [0] * spatial
    ceil = bool(given.get("ceil_mode", 0))
    if maximum:
        module = pools[spatial](tuple(kernel), tuple(strides), tuple(begin), tuple(dilations), ceil_mode=ceil)
    elif any(d != 1 for d in dilations):
        raise ImportRefused(node.name, node.op_type, "dilated average pooling is not supported")
    else:
        module = pools[spatial](tuple(kernel), tuple(strides), tuple(begin), ceil, counts_pads)
    return b.module(b.unique(node.name or node.output[0]), module, source)


@handles("GlobalAveragePool")
def global_average(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(torch.mean, b.env[node.input[0]], _spatial(b, node), True)


@handles("GlobalMaxPool")
def global_max(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(torch.amax, b.env[node.input[0]], _spatial(b, node), True)


def _spatial(b: Builder, node: onnx.NodeProto) -> tuple[int, ...]:
    return tuple(range(2, len(b.shapes[node.input[0]])))


def _pads(
    b: Builder, node: onnx.NodeProto, given: dict[str, Any], reach: list[int], strides: list[int]
) -> tuple[list[int], list[int]]:
    """Padding at the begin and the end of each spatial dimension, SAME_* resolved by the input's size."""
    spatial = len(reach)
    mode = given.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = list(given.get("pads", [0] * 2 * spatial))
        return pads[:spatial], pads[spatial:]
    if mode == "VALID":
        return [0] * spatial, [0] * spatial
    sizes = b.shapes[node.input[0]][2:]
    begin, end = [], []
    for size, span, stride in zip(sizes, reach, strides, strict=True):
        if size is None:
            raise ImportRefused(node.name, node.op_type, f"{mode} padding of an input of open size")
        total = max(0, (-(-size // stride) - 1) * stride + span - size)
        small, large = total // 2, total - total // 2
        begin.append(small if mode == "SAME_UPPER" else large)
        end.append(large if mode == "SAME_UPPER" else small)
    return begin, end


def _torch_pads(begin: list[int], end: list[int]) -> list[int]:
    """F.pad wants (begin, end) pairs from the last dimension to the first."""
    return [amount for pair in zip(reversed(begin), reversed(end), strict=True) for amount in pair]


def _load(module: nn.Module, field: str, value: np.ndarray) -> None:
    if value.dtype != np.float32:
        raise TypeError(f"{field} is {value.dtype}; only float32 weights are trained")
    with torch.no_grad():
        getattr(module, field).copy_(torch.from_numpy(np.array(value)))


def _scale(b: Builder, name: str, factor: float) -> None:
    tensor = b.tensors[name]
    value = numpy_helper.to_array(tensor) * np.float32(factor)
    tensor.CopyFrom(numpy_helper.from_array(value, name))
