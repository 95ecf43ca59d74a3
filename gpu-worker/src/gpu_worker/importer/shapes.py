"""What is known of the types and shapes of a graph's tensors, node by node."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from gpu_worker.importer.values import BATCH, Batch

Dims = tuple[int | None, ...]

Length = int | Batch | None
"""One length of a shape: a number, a multiple of the batch size, or unknown."""

MAX_SHAPE_VECTOR = 64
"""Constants up to this many elements are shown to shape inference: they may be targets, axes or bounds."""

LARGE_BYTES = 1 << 16
"""More than shapes, axes, scales and bounds ever have."""


def drop_large(model: onnx.ModelProto) -> None:
    """Leaves the values of large tensors out, in place: inference copies the model twice and reads shapes and
    small constants only. For 94 MB of weights that is a quarter of the memory that an inspection takes.
    """
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) > LARGE_BYTES:
            tensor.ClearField("raw_data")


def opset_of(model: onnx.ModelProto) -> int:
    """The version of the default operator set."""
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)


def dimensions(model: onnx.ModelProto) -> dict[str, Dims]:
    """Known shapes by tensor name after shape inference, None for an open dimension."""
    graph = model.graph
    return {
        value.name: tuple(
            d.dim_value if d.HasField("dim_value") else None for d in value.type.tensor_type.shape.dim
        )
        for value in [*graph.input, *graph.value_info, *graph.output]
        if value.type.tensor_type.HasField("shape")
    }


class Types:
    """The types of a graph's tensors, learnt in the order of its nodes."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._opset = opset_of(model)
        self._imports = list(model.opset_import)
        self._known: dict[str, onnx.TypeProto] = {value.name: value.type for value in model.graph.input}

    def infer(
        self, node: onnx.NodeProto, constant: Callable[[str], np.ndarray | None]
    ) -> tuple[Length, ...] | None:
        """Learns the outputs of a node; the shape of its first one, None when it cannot be told.

        constant: the value of a tensor that does not depend on the input, else None.
        """
        types: dict[str, onnx.TypeProto] = {}
        data: dict[str, onnx.TensorProto] = {}
        for name in filter(None, node.input):
            value = constant(name)
            if value is not None:
                kind = helper.np_dtype_to_tensor_dtype(value.dtype)
                types[name] = helper.make_tensor_type_proto(kind, value.shape)
                if value.size <= MAX_SHAPE_VECTOR:
                    data[name] = numpy_helper.from_array(value, name)
            elif name in self._known:
                types[name] = self._known[name]
            else:
                return None
        try:
            schema = onnx.defs.get_schema(node.op_type, self._opset, node.domain)
            inferred = shape_inference.infer_node_outputs(schema, node, types, data, None, self._imports)
        # What inference cannot follow is refused, with its node, where it is translated.
        except (onnx.defs.SchemaError, shape_inference.InferenceError):
            return None
        self._known.update(inferred)
        if node.op_type == "GroupNormalization" and node.input[0] in self._known:
            self._known[node.output[0]] = self._known[node.input[0]]  # ONNX infers no shape for this one
        return self.lengths(node.output[0])

    def dims(self) -> dict[str, Dims]:
        """Known shapes by tensor name, None for an open dimension."""
        found = {name: self.lengths(name) for name in self._known}
        return {
            name: tuple(length if isinstance(length, int) else None for length in lengths)
            for name, lengths in found.items()
            if lengths is not None
        }

    def declare(self, name: str, kind: int, lengths: list[Length]) -> None:
        """Sets the type of a tensor whose shape is known better than inference can tell."""
        shape = [length if isinstance(length, int) else str(length) if length else None for length in lengths]
        self._known[name] = helper.make_tensor_type_proto(kind, shape)

    def kind(self, name: str) -> int:
        """The ONNX element type of a tensor, 0 when unknown."""
        return self._known[name].tensor_type.elem_type if name in self._known else 0

    def lengths(self, name: str) -> tuple[Length, ...] | None:
        """The shape of a tensor; None when not even its rank is known."""
        found = self._known.get(name)
        if found is None or not found.tensor_type.HasField("shape"):
            return None
        return tuple(_length(dim) for dim in found.tensor_type.shape.dim)


def _length(dim: onnx.TensorShapeProto.Dimension) -> Length:
    if dim.HasField("dim_value"):
        return dim.dim_value
    name, _, factor = dim.dim_param.partition("*")
    return Batch(int(factor or 1)) if name == str(BATCH) else None
