"""Translations of operators that move, cut or repeat entries."""

from __future__ import annotations

import operator
from typing import Any

import onnx
import torch
import torch.nn.functional as F
from torch import fx

from gpu_worker.importer.build import Builder, handles
from gpu_worker.importer.types import ImportRefused

WHOLE = 2**31 - 1
"""Exporters end a slice here or beyond when they mean the whole axis."""


@handles("Concat")
def concat(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(torch.cat, [b.tensor(name) for name in node.input], given["axis"])


@handles("Flatten")
def flatten(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    if given.get("axis", 1) != 1:
        raise ImportRefused.at(node, "only flattening of all but the batch is supported")
    return b.call(torch.flatten, b.env[node.input[0]], 1)


@handles("Reshape")
def reshape(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    target = b.weight(node, 1).tolist()
    if target == [0, -1]:
        return b.call(torch.flatten, b.env[node.input[0]], 1)
    call = b.call(reshape_features, b.env[node.input[0]], target)
    call.meta["constants"] = (node.input[1],)
    return call


def reshape_features(x: torch.Tensor, target: list[int]) -> torch.Tensor:
    """ONNX Reshape: a 0 copies the input's length."""
    return x.reshape([x.shape[i] if length == 0 else length for i, length in enumerate(target)])


@handles("Squeeze", "Unsqueeze")
def squeeze(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    axes = b.list_input(node, 1, given, "axes")
    rank = len(b.shapes[node.output[0]])
    if axes is None:
        raise ImportRefused.at(node, "it drops every axis of length 1, the batch perhaps too")
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


@handles("Pad")
def pad(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    amounts = b.list_input(node, 1, given, "pads") or []
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}.get(
        given.get("mode", "constant")
    )
    axes = b.list_input(node, 3, {}, "axes")
    if mode is None or axes is not None:
        raise ImportRefused.at(node, "this padding mode is not supported")
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
        raise ImportRefused.at(node, "its bounds are not constant")
    axes = b.list_input(node, 3, given, "axes") or list(range(len(starts)))
    steps = b.list_input(node, 4, {}, "steps") or [1] * len(starts)
    lengths = b.shapes[node.input[0]]
    ranges: list[tuple[int | None, int | None, int | None]] = [(None, None, None)] * len(lengths)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        whole = start == 0 and end >= WHOLE and step == 1
        if step < 1 or (not whole and axis % len(lengths) == 0 and lengths[0] is None):
            reason = "slices of the batch or with a negative step are not supported"
            raise ImportRefused.at(node, reason)
        if not whole:
            ranges[axis % len(lengths)] = (start, end, step)
    call = b.call(take_slice, b.env[node.input[0]], tuple(ranges))
    if "starts" not in given:
        call.meta["constants"] = tuple(node.input[1:3])
        call.meta["axes"] = tuple(axis % len(lengths) for axis in axes)
    return call


def take_slice(
    x: torch.Tensor, ranges: tuple[tuple[int | None, int | None, int | None], ...]
) -> torch.Tensor:
    """ONNX Slice with constant bounds, one range for each axis."""
    return x[tuple(slice(*bounds) for bounds in ranges)]


@handles("Split")
def split(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    axis, length = given.get("axis", 0), b.shapes[node.input[0]][given.get("axis", 0)]
    sizes = b.list_input(node, 1, given, "split")
    if length is None:
        raise ImportRefused.at(node, "splits of the batch or of an open length are not supported")
    if sizes is None:
        step = -(-length // len(node.output))
        sizes = [min(step, length - start) for start in range(0, length, step)]
    parts = b.call(torch.split, b.env[node.input[0]], sizes, axis)
    if "split" not in given:
        parts.meta["constants"] = tuple(node.input[1:2])
    items = [b.call(operator.getitem, parts, index) for index in range(len(node.output))]
    b.env.update(zip(node.output, items, strict=True))
    return items[0]


@handles("Expand")
def expand(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    lengths = b.lengths(node, 1)
    return b.call(expand_features, b.tensor(node.input[0]), b.input, lengths)


def expand_features(x: torch.Tensor, sample: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    """ONNX Expand; -k stands for k times the batch size of the model's input `sample`."""
    shape = [length if length >= 0 else -length * sample.shape[0] for length in lengths]
    return x.expand(torch.broadcast_shapes(x.shape, shape))


@handles("Tile")
def tile(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    repeats = b.weight(node, 1).tolist()
    if repeats[0] != 1 and b.shapes[node.input[0]][0] is None:
        raise ImportRefused.at(node, "repeating the batch is not supported")
    return b.call(torch.tile, b.env[node.input[0]], tuple(repeats))


@handles("DepthToSpace", "SpaceToDepth")
def rearrange(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    """Blocks of pixels to channels and back. Only the CRD order is torch's pixel shuffle."""
    block, source = given["blocksize"], b.env[node.input[0]]
    if node.op_type == "SpaceToDepth":
        return b.call(space_to_depth, source, block)
    if given.get("mode", "DCR") == "CRD":
        return b.call(F.pixel_shuffle, source, block)
    return b.call(depth_to_space, source, block)


def depth_to_space(x: torch.Tensor, block: int) -> torch.Tensor:
    """ONNX DepthToSpace in its DCR order: (n, b*b*c, h, w) to (n, c, h*b, w*b)."""
    n, c, h, w = x.shape
    blocks = x.reshape(n, block, block, c // block**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, c // block**2, h * block, w * block)


def space_to_depth(x: torch.Tensor, block: int) -> torch.Tensor:
    """ONNX SpaceToDepth: (n, c, h*b, w*b) to (n, b*b*c, h, w)."""
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(n, c * block**2, h // block, w // block)


@handles("Trilu")
def trilu(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    diagonal = b.list_input(node, 1, {}, "k") or [0]
    return b.call(torch.triu if given.get("upper", 1) else torch.tril, b.env[node.input[0]], diagonal[0])
