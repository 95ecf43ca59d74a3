"""Writing torch weights back into the imported ONNX graph: milliseconds where an export takes seconds."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from torch import nn

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
            conv = source.get_submodule(groups[node.input[1]])
            for attribute in node.attribute:
                if attribute.name == "group" and isinstance(conv, (nn.Conv1d, nn.Conv2d)):
                    attribute.i = conv.groups
    return model


def write_tensor(tensor: onnx.TensorProto, value: torch.Tensor) -> None:
    """Replaces an initializer's dims and bytes, keeping its name and type."""
    array: np.ndarray = value.contiguous().cpu().numpy()
    del tensor.dims[:]
    tensor.dims.extend(array.shape)
    tensor.raw_data = array.tobytes()
