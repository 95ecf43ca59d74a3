"""Translations of reductions over axes: means, sums, norms, softmax, global pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import torch
from torch import fx

from gpu_worker.importer.build import Builder, handles
from gpu_worker.importer.types import ImportRefused


def absolute_sum(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    """ONNX ReduceL1."""
    return x.abs().sum(axes, keep)


def square_sum(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    """ONNX ReduceSumSquare."""
    return x.square().sum(axes, keep)


def norm(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    """ONNX ReduceL2."""
    return torch.linalg.vector_norm(x, 2, axes, keep)


def log_sum(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    """ONNX ReduceLogSum."""
    return x.sum(axes, keep).log()


REDUCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "ReduceL1": absolute_sum, "ReduceL2": norm, "ReduceLogSum": log_sum, "ReduceLogSumExp": torch.logsumexp,
    "ReduceMax": torch.amax, "ReduceMean": torch.mean, "ReduceMin": torch.amin, "ReduceSum": torch.sum,
    "ReduceSumSquare": square_sum,
}  # fmt: skip


@handles(*REDUCTIONS)
def reduce(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    axes = b.list_input(node, 1, given, "axes")
    if not axes:
        raise ImportRefused.at(node, "it reduces over every axis, the batch too")
    return b.call(REDUCTIONS[node.op_type], b.env[node.input[0]], tuple(axes), bool(given.get("keepdims", 1)))


@handles("GlobalAveragePool")
def global_average(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(torch.mean, b.env[node.input[0]], _spatial(b, node), True)


@handles("GlobalMaxPool")
def global_max(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    return b.call(torch.amax, b.env[node.input[0]], _spatial(b, node), True)


def _spatial(b: Builder, node: onnx.NodeProto) -> tuple[int, ...]:
    return tuple(range(2, len(b.shapes[node.input[0]])))


@handles("Softmax", "LogSoftmax")
def softmax(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    lengths = b.shapes[node.input[0]]
    axis = given.get("axis", -1 if b.opset >= 13 else 1) % len(lengths)
    if b.opset < 13 and any(length != 1 for length in lengths[axis + 1 :]):
        raise ImportRefused.at(node, "a softmax over several axes (opset below 13) is not supported")
    return b.call(
        torch.softmax if node.op_type == "Softmax" else torch.log_softmax, b.env[node.input[0]], axis
    )
