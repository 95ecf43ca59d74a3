"""A graph's input and output: opening the batch, declaring the output's shape."""

from __future__ import annotations

import onnx

from gpu_worker.importer.shapes import Dims
from gpu_worker.importer.types import ImportRefused
from gpu_worker.importer.values import BATCH


def open_batch(value: onnx.ValueInfoProto) -> int | None:
    """Opens the first dimension; the size that it was fixed to, None when it was open."""
    shape = value.type.tensor_type.shape
    if not shape.dim:
        raise ImportRefused("", "", f"The input '{value.name}' has no shape with a batch dimension.")
    fixed = shape.dim[0].dim_value if shape.dim[0].HasField("dim_value") else None
    for axis, dim in enumerate(shape.dim):
        if axis == 0 or not dim.HasField("dim_value"):
            dim.Clear()
    shape.dim[0].dim_param = str(BATCH)
    return fixed


def declare_output(model: onnx.ModelProto, known: Dims | None) -> None:
    """Gives the output its shape, the batch open: a model without one is not valid ONNX."""
    output = model.graph.output[0]
    if known is None:
        raise ImportRefused(output.name, "", f"The shape of the output '{output.name}' cannot be inferred.")
    output.type.tensor_type.ClearField("shape")
    shape = output.type.tensor_type.shape
    for axis, length in enumerate(known):
        dim = shape.dim.add()
        if axis == 0:
            dim.dim_param = str(BATCH)
        elif length is not None:
            dim.dim_value = length
    if not shape.dim:
        raise ImportRefused(output.name, "", f"The output '{output.name}' is a single number, not scores.")
