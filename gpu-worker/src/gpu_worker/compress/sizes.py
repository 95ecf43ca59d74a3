"""Four honest sizes, and multiply-accumulates.

Zeros in a dense file are not a smaller file, so each figure says what it counts: `file` is the ONNX file as
it is served; `zstd19` that file compressed by zstd at level 19; `packed` the tensors alone, each value at its
own width, without graph and metadata; `sparse` the same with each tensor as a bitmask and its non-zero values
where that is smaller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx
import zstandard
from onnx import numpy_helper, shape_inference

from gpu_worker.importer.shapes import dimensions, drop_large

ZSTD_LIMIT = 16 << 20
"""Bytes of the largest file that is compressed: of 84 s of processor time for 94 MB, level 19 took 75."""
SCALED_FROM = {"QuantizeLinear": 1, "DequantizeLinear": 1, "ConvInteger": 2, "MatMulInteger": 2}
"""From which input on a node reads scales and zero points."""

FOUR_BITS = frozenset({onnx.TensorProto.INT4, onnx.TensorProto.UINT4})
"""Two of these values share a byte of the file."""


@dataclass(frozen=True)
class Sizes:
    """Bytes; zstd19 is None where it was left for later, and for files above ZSTD_LIMIT."""

    file: int
    zstd19: int | None
    sparse: int
    packed: int


def sizes(data: bytes) -> Sizes:
    """All four sizes. Level 19 takes 0.2 to 0.8 s for each MB; `sizes_live` leaves it out."""
    live = sizes_live(data)
    compressed = zstd19(data) if len(data) <= ZSTD_LIMIT else None
    return Sizes(live.file, compressed, live.sparse, live.packed)


def sizes_live(data: bytes) -> Sizes:
    """The sizes that follow from counting, in milliseconds."""
    packed = sparse = 0
    for tensor in onnx.load_model_from_string(data).graph.initializer:
        value = numpy_helper.to_array(tensor)
        header = len(tensor.name.encode()) + 4 * len(tensor.dims) + 2
        bits = 4 if tensor.data_type in FOUR_BITS else 8 * value.itemsize
        dense = -(-value.size * bits // 8)
        masked = -(-value.size // 8) + -(-int(np.count_nonzero(value)) * bits // 8)
        packed += header + dense
        sparse += header + min(masked, dense)
    return Sizes(len(data), None, sparse, packed)


def zstd19(data: bytes) -> int:
    """Bytes after zstd at level 19."""
    return len(zstandard.ZstdCompressor(level=19).compress(data))


def parameter_count(data: bytes) -> int:
    """Values in the initializers that hold weights (floats, or int8 weights with their int32 biases)."""
    kinds = {onnx.TensorProto.INT64, onnx.TensorProto.BOOL, onnx.TensorProto.STRING}
    graph = onnx.load_model_from_string(data).graph
    scales = {
        name
        for node in graph.node
        if node.op_type in SCALED_FROM
        for name in node.input[SCALED_FROM[node.op_type] :]
    } | _dynamic_scales(graph)
    return sum(
        math.prod(t.dims) for t in graph.initializer if t.data_type not in kinds and t.name not in scales
    )


def _dynamic_scales(graph: onnx.GraphProto) -> set[str]:
    """The scales of weights whose products are scaled after an integer node, by the scale of its batch."""
    stored = {tensor.name for tensor in graph.initializer}
    batches = {node.output[1] for node in graph.node if node.op_type == "DynamicQuantizeLinear"}
    return {
        name
        for node in graph.node
        if node.op_type == "Mul" and batches.intersection(node.input)
        for name in node.input
        if name in stored
    }


def macs(data: bytes) -> int:
    """Multiply-accumulates of all Conv, Gemm and MatMul nodes, in whatever precision, for one sample."""
    return sum(macs_by_node(data).values())


def macs_by_node(data: bytes) -> dict[str, int]:
    """Multiply-accumulates of each Conv, Gemm and MatMul node for one sample, by its first output.

    Shapes come from ONNX shape inference; a node whose shape stays open counts nothing.
    """
    model = onnx.load_model_from_string(data)
    stored = {tensor.name for tensor in model.graph.initializer}
    batch = 1
    for value in model.graph.input:
        for first in value.type.tensor_type.shape.dim[:1]:
            if value.name not in stored and not first.HasField("dim_value"):
                first.dim_value = 1
            elif value.name not in stored:
                batch = max(batch, first.dim_value)
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    drop_large(model)
    shapes = dimensions(shape_inference.infer_shapes(model, data_prop=True))
    shapes.update({tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer})
    found: dict[str, int] = {}
    for node in model.graph.node:
        op = node.op_type.removesuffix("Integer")
        if op not in ("Conv", "Gemm", "MatMul"):
            continue
        weight, out = shapes.get(node.input[1], ()), shapes.get(node.output[0], ())
        if op == "Gemm":
            out, inner = (batch, *weight[:1]), weight[1:]
        else:
            inner = weight[1:] if op == "Conv" else weight[-2:-1]
        if out and inner and None not in out and None not in inner:
            found[node.output[0]] = math.prod(n or 0 for n in out) * math.prod(n or 0 for n in inner) // batch
    return found
