"""Rewriting nodes whose target shape is computed, so that it holds for every batch size and channel count."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from gpu_worker.importer.known import Known
from gpu_worker.importer.shapes import Length
from gpu_worker.importer.targets import Unsettled, reshape_target, resize_scales
from gpu_worker.importer.types import ImportRefused
from gpu_worker.importer.values import attributes


def settle(node: onnx.NodeProto, known: Known, fixed_batch: int | None) -> None:
    """Rewrites a node in place and learns the type of what it gives.

    fixed_batch: the batch size that the model was exported with, None when it was open. Raises ImportRefused
    when a shape depends on the input's values or on a length that the model leaves open.
    """
    try:
        if node.op_type == "Reshape":
            _settle_reshape(node, known, fixed_batch)
        elif node.op_type in ("ConstantOfShape", "Expand") and node.input[-1] in known.vectors:
            _settle_expand(node, known)
        else:
            if node.op_type == "Resize" and len(node.input) > 3 and node.input[3]:
                _settle_resize(node, known)
            known.infer(node)
    except Unsettled as reason:
        raise ImportRefused.at(node, str(reason)) from reason


def settle_type(node: onnx.NodeProto, known: Known) -> None:
    """CastLike becomes Cast: the type is known, and the tensor that lent it may change."""
    kind = known.kind(node.input[1]) if node.op_type == "CastLike" else 0
    if kind:
        node.op_type = "Cast"
        del node.input[1:], node.attribute[:]
        node.attribute.append(helper.make_attribute("to", kind))


def _settle_reshape(node: onnx.NodeProto, known: Known, fixed_batch: int | None) -> None:
    """A constant target that copies the batch (0) and, where it flattens, leaves the rest to -1."""
    asked = known.entries(node.input[1])
    if asked is None:
        raise Unsettled("its target shape depends on the input's values")
    target, lengths = reshape_target(asked.tolist(), known.lengths(node.input[0]), fixed_batch)
    name = f"{node.output[0]}.shape"
    known.folded[name] = np.asarray(target, np.int64)
    known.types.declare(node.output[0], known.kind(node.input[0]), lengths)
    node.input[1] = name
    _drop(node, "allowzero")


def _settle_resize(node: onnx.NodeProto, known: Known) -> None:
    """Sizes become scales: a pruned channel count or another batch would not fit them."""
    sizes, lengths = known.entries(node.input[3]), known.lengths(node.input[0])
    if sizes is None or lengths is None:
        raise Unsettled("its target size depends on the input's values")
    asked: list[Length] = sizes.tolist()
    axes = attributes(node).get("axes")
    if axes is not None:
        chosen = dict(zip((axis % len(lengths) for axis in axes), asked, strict=True))
        asked = [chosen.get(axis, length) for axis, length in enumerate(lengths)]
    name = f"{node.output[0]}.scales"
    known.folded[name] = resize_scales(asked, lengths)
    del node.input[2:]
    node.input.append(name)
    _drop(node, "axes")


def _settle_expand(node: onnx.NodeProto, known: Known) -> None:
    """ConstantOfShape becomes Expand, whose shape is the longer of each pair of lengths."""
    vector = known.vectors[node.input[-1]].tolist()
    if node.op_type == "ConstantOfShape":
        given = attributes(node).get("value")
        name = f"{node.output[0]}.value"
        known.folded[name] = np.zeros(1, np.float32) if given is None else numpy_helper.to_array(given)
        node.op_type = "Expand"
        node.input.insert(0, name)
        _drop(node, "value")
    lengths = known.lengths(node.input[0])
    if lengths is not None:
        rank = max(len(lengths), len(vector))
        own, asked = ([1] * (rank - len(part)) + [*part] for part in (lengths, vector))
        result = [a if b == 1 else b for a, b in zip(own, asked, strict=True)]
        known.types.declare(node.output[0], known.kind(node.input[0]), result)


def _drop(node: onnx.NodeProto, name: str) -> None:
    for attribute in [a for a in node.attribute if a.name == name]:
        node.attribute.remove(attribute)
