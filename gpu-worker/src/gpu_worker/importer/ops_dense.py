"""Translations of matrix products, embeddings and attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import fx, nn

from gpu_worker.importer.build import Builder, handles, load
from gpu_worker.importer.types import ImportRefused, Weight


@handles("Gemm")
def gemm(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    if given.get("transA", 0):
        raise ImportRefused.at(node, "a transposed input is not supported")
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
    weight = b.constant(node.input[1])
    if weight is None or weight.ndim != 2 or node.input[0] not in b.env:
        left, right = (b.tensor(name) for name in node.input)
        return b.call(torch.matmul, left, right)
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
    load(module, "weight", value)
    name, call = b.layer("Linear", node, module, b.env[node.input[0]], weight, bias)
    if bias is not None:
        load(module, "bias", numpy_helper.to_array(b.tensors[bias]))
        b.weights[f"{name}.bias"] = Weight(bias)
    return call


@handles("Gather")
def gather(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    """A lookup in a constant float table is an embedding; anything else picks entries of a tensor."""
    table, axis = b.constant(node.input[0]), given.get("axis", 0)
    if table is not None and table.ndim == 2 and axis == 0 and table.dtype == np.float32:
        module = nn.Embedding(*table.shape)
        load(module, "weight", table)
        name = b.unique(node.input[0].removesuffix(".weight"))
        b.weights[f"{name}.weight"] = Weight(node.input[0])
        index = b.tensor(node.input[1])
        if index is b.input:
            b.tables.append(len(table))
        return b.module(name, module, index)
    index = b.constant(node.input[1])
    if index is None:
        raise ImportRefused.at(node, "places that are computed are only read from a weight table")
    lengths = b.shapes[node.input[0]]
    if axis % len(lengths) == 0 and lengths[0] is None:
        raise ImportRefused.at(node, "picking samples of the batch is not supported")
    if index.ndim == 0:
        return b.call(torch.select, b.env[node.input[0]], axis, int(index))
    return b.call(pick, b.env[node.input[0]], axis, b.tensor(node.input[1]))


def pick(x: torch.Tensor, axis: int, index: torch.Tensor) -> torch.Tensor:
    """ONNX Gather: the shape of `index` takes the place of `axis`; negative places count from the end."""
    axis %= x.ndim
    found = x.index_select(axis, index.flatten().long() % x.shape[axis])
    return found.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


@handles("Attention")
def attention(b: Builder, node: onnx.NodeProto, given: dict[str, Any]) -> fx.Node:
    plain = len(node.input) < 5 and len(node.output) == 1 and not given.get("softcap", 0.0)
    if not plain or len(b.shapes[node.input[0]]) != 4:
        reason = "only 4-dimensional attention without a cache or a soft cap is supported"
        raise ImportRefused.at(node, reason)
    query, key, value = (b.env[name] for name in node.input[:3])
    mask = b.tensor(node.input[3]) if len(node.input) > 3 and node.input[3] else None
    return b.call(
        F.scaled_dot_product_attention,
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=bool(given.get("is_causal", 0)),
        scale=given.get("scale"),
        enable_gqa=True,
    )


def _scale(b: Builder, name: str, factor: float) -> None:
    tensor = b.tensors[name]
    value = numpy_helper.to_array(tensor) * np.float32(factor)
    tensor.CopyFrom(numpy_helper.from_array(value, name))
