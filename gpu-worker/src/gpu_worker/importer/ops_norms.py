"""Translations of normalisation layers."""

from __future__ import annotations

from typing import Any

import onnx
import torch.nn.functional as F
from torch import fx, nn

from gpu_worker.importer.build import Builder, handles, load
from gpu_worker.importer.types import ImportRefused, Weight

NORMS: dict[int, type[nn.Module]] = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}


@handles("BatchNormalization")
def batch_norm(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    dims = b.shapes.get(node.input[0])
    rank = len(dims) if dims is not None else 4
    if rank not in NORMS:
        raise ImportRefused.at(node, f"an input of rank {rank} is not supported")
    scale = b.weight(node, 1)
    # ONNX keeps the old statistics with weight `momentum`, PyTorch the new ones with weight `1 - momentum`.
    module = NORMS[rank](len(scale), given.get("epsilon", 1e-5), 1 - given.get("momentum", 0.9))
    name = b.unique(node.input[1].removesuffix(".weight"))
    for index, field in enumerate(("weight", "bias", "running_mean", "running_var"), start=1):
        load(module, field, b.weight(node, index))
        b.weights[f"{name}.{field}"] = Weight(node.input[index])
    return b.module(name, module, b.env[node.input[0]])


@handles("LayerNormalization", "RMSNormalization")
def layer_norm(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    scale = b.weight(node, 1)
    axis, rank = given.get("axis", -1), len(b.shapes[node.input[0]])
    if scale.ndim != rank - axis % rank or len(node.output) > 1:
        raise ImportRefused.at(node, "its scale must have the shape that it normalises over")
    epsilon = given.get("epsilon", 1e-5)
    if node.op_type == "RMSNormalization":
        return _affine(b, node, nn.RMSNorm(list(scale.shape), epsilon))
    has_bias = len(node.input) > 2 and bool(node.input[2])
    return _affine(b, node, nn.LayerNorm(list(scale.shape), epsilon, bias=has_bias))


@handles("InstanceNormalization")
def instance_norm(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    norms: dict[int, type[nn.Module]] = {3: nn.InstanceNorm1d, 4: nn.InstanceNorm2d}
    rank = len(b.shapes[node.input[0]])
    if rank not in norms:
        raise ImportRefused.at(node, f"an input of rank {rank} is not supported")
    module = norms[rank](len(b.weight(node, 1)), given.get("epsilon", 1e-5), affine=True)
    return _affine(b, node, module)


@handles("GroupNormalization")
def group_norm(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    channels = len(b.weight(node, 1))
    if channels != b.shapes[node.input[0]][1]:
        raise ImportRefused.at(node, "one scale for each group (opset 18) is not supported")
    return _affine(b, node, nn.GroupNorm(given["num_groups"], channels, given.get("epsilon", 1e-5)))


def _affine(b: Builder, node: onnx.NodeProto, module: nn.Module) -> fx.Node:
    """A normalisation with its scale and, where it has one, its shift."""
    name = b.unique(node.input[1].removesuffix(".weight"))
    for index, field in enumerate(("weight", "bias"), start=1):
        if getattr(module, field, None) is not None:
            load(module, field, b.weight(node, index))
            b.weights[f"{name}.{field}"] = Weight(node.input[index])
    return b.module(name, module, b.env[node.input[0]])


@handles("LpNormalization")
def lp_normalization(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    order = float(given.get("p", 2))
    # ONNX has no guard against a zero vector; torch's smallest one changes nothing else.
    return b.call(F.normalize, b.env[node.input[0]], order, given.get("axis", -1), 1e-30)


@handles("LRN")
def local_response(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    if given["size"] % 2 == 0:
        raise ImportRefused.at(node, "PyTorch places windows of even size differently")
    constants = given.get("alpha", 1e-4), given.get("beta", 0.75), given.get("bias", 1.0)
    return b.call(F.local_response_norm, b.env[node.input[0]], given["size"], *constants)
