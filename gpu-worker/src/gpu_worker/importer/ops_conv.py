"""Translations of convolutions and pooling."""

from __future__ import annotations

from typing import Any

import onnx
import torch.nn.functional as F
from torch import fx, nn

from gpu_worker.importer.build import Builder, handles, load
from gpu_worker.importer.types import ImportRefused, Weight

CONVOLUTIONS: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d}
TRANSPOSED: dict[int, type[nn.Module]] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
MAX_POOLS: dict[int, type[nn.Module]] = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
AVERAGE_POOLS: dict[int, type[nn.Module]] = {1: nn.AvgPool1d, 2: nn.AvgPool2d}


@handles("Conv")
def conv(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    weight = b.weight(node, 1)
    spatial = weight.ndim - 2
    if spatial not in CONVOLUTIONS:
        raise ImportRefused.at(node, f"{spatial}-dimensional convolutions are not supported")
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
    load(module, "weight", weight)
    name, call = b.layer("Conv", node, module, source, Weight(node.input[1]))
    if has_bias:
        load(module, "bias", b.weight(node, 2))
        b.weights[f"{name}.bias"] = Weight(node.input[2])
    return call


@handles("ConvTranspose")
def conv_transpose(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    weight = b.weight(node, 1)
    spatial = weight.ndim - 2
    if spatial not in TRANSPOSED or given.get("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in given:
        reason = "only 1- and 2-dimensional ones with padding given as numbers are supported"
        raise ImportRefused.at(node, reason)
    pads = given.get("pads", [0] * 2 * spatial)
    begin, end = pads[:spatial], pads[spatial:]
    groups = given.get("group", 1)
    # Padding crops the result here; torch crops both sides alike and adds a row or column at the end.
    output_padding = given.get("output_padding", [0] * spatial)
    extra = [more + low - high for more, low, high in zip(output_padding, begin, end, strict=True)]
    strides, dilations = given.get("strides", [1] * spatial), given.get("dilations", [1] * spatial)
    if any(not 0 <= e < max(s, d) for e, s, d in zip(extra, strides, dilations, strict=True)):
        raise ImportRefused.at(node, "this uneven padding is not supported")
    has_bias = len(node.input) > 2 and bool(node.input[2])
    module = TRANSPOSED[spatial](
        weight.shape[0],
        weight.shape[1] * groups,
        weight.shape[2:],
        tuple(strides),
        tuple(begin),
        tuple(extra),
        groups,
        has_bias,
        tuple(dilations),
    )
    load(module, "weight", weight)
    name, call = b.layer("ConvTranspose", node, module, b.env[node.input[0]], Weight(node.input[1]))
    if has_bias:
        load(module, "bias", b.weight(node, 2))
        b.weights[f"{name}.bias"] = Weight(node.input[2])
    return call


@handles("MaxPool", "AveragePool")
def pool(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    kernel = given["kernel_shape"]
    spatial = len(kernel)
    maximum = node.op_type == "MaxPool"
    pools = MAX_POOLS if maximum else AVERAGE_POOLS
    if spatial not in pools:
        raise ImportRefused.at(node, f"{spatial}-dimensional pooling is not supported")
    strides, dilations = given.get("strides", [1] * spatial), given.get("dilations", [1] * spatial)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    begin, end = _pads(b, node, given, reach, strides)
    source: Any = b.env[node.input[0]]
    counts_pads = bool(given.get("count_include_pad", 0))
    # torch pads by at most half a kernel and equally on both sides; anything else is padded beforehand.
    if begin != end or any(p > k // 2 for p, k in zip(begin, kernel, strict=True)):
        if not maximum and not counts_pads:
            raise ImportRefused.at(node, "uneven padding that is left out of the average")
        source = b.call(F.pad, source, _torch_pads(begin, end), "constant", float("-inf") if maximum else 0.0)
        begin = [0] * spatial
    ceil = bool(given.get("ceil_mode", 0))
    if maximum:
        module = pools[spatial](tuple(kernel), tuple(strides), tuple(begin), tuple(dilations), ceil_mode=ceil)
    elif any(d != 1 for d in dilations):
        raise ImportRefused.at(node, "dilated average pooling is not supported")
    else:
        module = pools[spatial](tuple(kernel), tuple(strides), tuple(begin), ceil, counts_pads)
    return b.module(b.unique(node.name or node.output[0]), module, source)


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
            raise ImportRefused.at(node, f"{mode} padding of an input of open size")
        total = max(0, (-(-size // stride) - 1) * stride + span - size)
        small, large = total // 2, total - total // 2
        begin.append(small if mode == "SAME_UPPER" else large)
        end.append(large if mode == "SAME_UPPER" else small)
    return begin, end


def _torch_pads(begin: list[int], end: list[int]) -> list[int]:
    """F.pad wants (begin, end) pairs from the last dimension to the first."""
    return [amount for pair in zip(reversed(begin), reversed(end), strict=True) for amount in pair]
