"""Writing torch weights back into the imported ONNX graph: milliseconds where an export takes seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import fx, nn

from gpu_worker.importer.ops_shape import take_slice
from gpu_worker.importer.types import Imported


def export_onnx(imported: Imported, module: nn.Module | None = None) -> bytes:
    """The model as ONNX bytes with the weights of `module` (default: the imported one), whatever their
    shapes.

    Input and output names, node order and everything but the weights stay as they were; the batch is open.
    The same weights always give the same bytes.
    """
    return export_proto(imported, module).SerializeToString(deterministic=True)


def export_proto(imported: Imported, module: nn.Module | None = None) -> onnx.ModelProto:
    """As `export_onnx`, before it is serialised."""
    model = onnx.ModelProto()
    model.CopyFrom(imported.model)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    state = (imported.module if module is None else module).state_dict()
    for name, weight in imported.weights.items():
        value = state[name].detach()
        value = value.T if weight.transposed else value
        write_tensor(tensors[weight.initializer], value)
    groups = {layer.initializer: layer.module for layer in imported.layers if layer.kind == "Conv"}
    source = imported.module if module is None else module
    for node in model.graph.node:
        if node.op_type == "Conv":
            name = groups.get(node.input[1])
            conv = None if name is None else source.get_submodule(name)
            for attribute in node.attribute:
                if attribute.name == "group" and isinstance(conv, (nn.Conv1d, nn.Conv2d)):
                    attribute.i = conv.groups
    if isinstance(source, fx.GraphModule):
        for call in source.graph.nodes:
            for name, value in _constants(call, tensors).items():
                if not np.array_equal(numpy_helper.to_array(tensors[name]), value):
                    tensors[name].CopyFrom(numpy_helper.from_array(value, name))
    return model


def _constants(call: fx.Node, tensors: Mapping[str, onnx.TensorProto]) -> dict[str, np.ndarray]:
    """What a call says of lengths, by the initializer that says so in the graph."""
    names: tuple[str, ...] = call.meta.get("constants", ())
    given: Any = call.args[1] if names else None
    if call.target is not take_slice:
        return {name: np.asarray(given, np.int64) for name in names}
    found = {}
    for bound, name in enumerate(names):
        value = numpy_helper.to_array(tensors[name]).copy()
        for place, axis in enumerate(call.meta["axes"]):
            if given[axis][bound] is not None:
                value[place] = given[axis][bound]
        found[name] = value
    return found


def write_tensor(tensor: onnx.TensorProto, value: torch.Tensor) -> None:
    """Replaces an initializer's dims and bytes, keeping its name and type."""
    array: np.ndarray = value.contiguous().cpu().numpy()
    del tensor.dims[:]
    tensor.dims.extend(array.shape)
    tensor.raw_data = array.tobytes()
