"""Layers of an accepted graph: what each computes with, and how its weights are distributed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gpu_worker.sandbox.report import LayerRow, WeightHistogram, shown
from gpu_worker.sandbox.structure import HALF_BYTES

if TYPE_CHECKING:
    import numpy as np
    import onnx

LOWERED = re.compile(r"(_Transposed(_\d+)?)?(_quantized|_DQ_Q4|\.fp16)$")
"""What lowering the precision of a weight adds to its name."""

NO_LAYER = frozenset({"Cast", "CastLike", "DequantizeLinear", "Expand", "QuantizeLinear", "Reshape", "Shape"})
"""Operators that only read a weight's form, or turn it into another type."""

BINS = 64

MAX_HISTOGRAMS = 500
"""Layers whose weights are counted; further ones keep their row without."""


def layers(model: onnx.ModelProto, macs: dict[str, int]) -> dict[str, LayerRow]:
    """The nodes that compute with weights by their first output, in order.

    macs: multiply-accumulates of one sample by a node's first output.
    """
    from onnx import helper

    rows: dict[str, LayerRow] = {}
    tensors = _tensors(model)
    for node, used in _with_weights(model, tensors):
        counts = [_count(tensor.dims) for tensor, _ in used]
        bits = [
            4
            if tensor.data_type in HALF_BYTES
            else 8 * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            for tensor, _ in used
        ]
        first, dequantize = used[0]
        rows[node.output[0]] = LayerRow(
            _name(node, first),
            node.op_type,
            list(first.dims),
            sum(counts),
            sum(-(-count * width // 8) for count, width in zip(counts, bits, strict=True)),
            macs.get(node.output[0]),
            histogram(_values(first, dequantize, tensors)) if len(rows) < MAX_HISTOGRAMS else None,
        )
    return rows


def layer_names(model: onnx.ModelProto) -> dict[str, str]:
    """The names of the same layers, by their node's first output."""
    return {node.output[0]: _name(node, used[0][0]) for node, used in _with_weights(model, _tensors(model))}


Used = list[tuple["onnx.TensorProto", "onnx.NodeProto | None"]]
"""Weights of a node, each with the node that dequantizes it."""


def _with_weights(
    model: onnx.ModelProto, tensors: dict[str, onnx.TensorProto]
) -> Iterator[tuple[onnx.NodeProto, Used]]:
    """Nodes that compute with weights; dequantized ones count for their reader."""
    dequantized = {
        node.output[0]: node
        for node in model.graph.node
        if node.op_type in ("DequantizeLinear", "Cast") and node.input[0] in tensors
    }
    for node in model.graph.node:
        if node.op_type in NO_LAYER:
            continue
        readers = [dequantized.get(name) for name in node.input]
        names = [
            name if reader is None else reader.input[0]
            for name, reader in zip(node.input, readers, strict=True)
        ]
        used: Used = [
            (tensors[name], reader)
            for name, reader in zip(names, readers, strict=True)
            # int64 holds shapes and axes, a scalar is a setting.
            if name in tensors and tensors[name].data_type != 7 and tensors[name].dims
        ]
        if used:
            yield node, used


def _tensors(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensors[node.output[0]] = node.attribute[0].t
    return tensors


def _name(node: onnx.NodeProto, weight: onnx.TensorProto) -> str:
    from gpu_worker.importer.build import layer_name

    return shown(layer_name(LOWERED.sub("", weight.name), node))


def histogram(values: np.ndarray) -> WeightHistogram | None:
    """Counts of the finite values in bins of equal width; None where there is none, or no finite range."""
    import numpy as np

    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if finite.size == 0 or finite.dtype.kind not in "fiu":
        return None
    low, high = float(finite.min()), float(finite.max())
    with np.errstate(over="ignore"):
        mean, std = float(finite.mean(dtype=np.float64)), float(finite.std(dtype=np.float64))
    if not np.isfinite([high - low, mean, std]).all():
        return None
    bins = [finite.size] if low == high else np.histogram(finite, BINS, (low, high))[0].tolist()
    zeros = int(finite.size - np.count_nonzero(finite))
    return WeightHistogram(int(finite.size), low, high, mean, std, zeros, bins)


def _values(
    tensor: onnx.TensorProto, dequantize: onnx.NodeProto | None, tensors: dict[str, onnx.TensorProto]
) -> np.ndarray:
    """The weight as the layer computes with it: integers times their scale, per tensor or per channel."""
    import numpy as np
    from onnx import numpy_helper

    values = numpy_helper.to_array(tensor)
    if values.dtype.kind not in "fiu":
        # bfloat16 and its like, which NumPy knows by name only.
        return values.astype(np.float32)
    if dequantize is None:
        return values
    parts = [tensors.get(name) for name in dequantize.input[1:3]]
    if not parts or parts[0] is None:
        return values
    scale = numpy_helper.to_array(parts[0]).astype(np.float32)
    zero = np.zeros_like(scale) if len(parts) < 2 or parts[1] is None else numpy_helper.to_array(parts[1])
    if scale.ndim > 1:
        return values
    axis = next((a.i for a in dequantize.attribute if a.name == "axis"), 1)
    along = [-1 if index == axis % values.ndim else 1 for index in range(values.ndim)]
    form: Any = along if scale.size > 1 else [1]
    return (values.astype(np.float32) - zero.astype(np.float32).reshape(form)) * scale.reshape(form)


def _count(dims: Any) -> int:
    total = 1
    for length in dims:
        total *= length
    return total
