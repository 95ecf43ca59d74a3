"""Models that cannot be rebuilt in PyTorch, but whose weights can be edited where they lie in the graph."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import fx, nn

from gpu_worker.importer.build import layer_name
from gpu_worker.importer.limits import weight_readers
from gpu_worker.importer.onnx_import import import_onnx, input_spec
from gpu_worker.importer.types import Imported, ImportRefused, Layer, Weight
from gpu_worker.importer.values import attributes

KINDS = {"Conv": "Conv", "ConvTranspose": "ConvTranspose", "Gemm": "Linear", "MatMul": "Linear"}
RECURRENT_INPUTS = {1: "W", 2: "R"}
"""What ONNX calls the weights of a recurrent node: on its input, and on its own state."""


def open_model(data: bytes) -> Imported:
    """An ONNX model with all that can be done to it: imported, or at tier 3 with its weights only.

    The module of a tier 3 model holds the weights and gives them; it computes nothing. Raises ImportRefused
    where there is nothing to edit.
    """
    try:
        return import_onnx(data)
    except ImportRefused as refusal:
        if refusal.tier != 3:
            raise
        return _weights_only(data, refusal)


def _weights_only(data: bytes, refusal: ImportRefused) -> Imported:
    model = onnx.load_model_from_string(data)
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    if len(inputs) != 1:
        raise refusal
    # Before IR version 4 an initializer had to be an input too.
    del graph.input[:]
    graph.input.append(inputs[0])
    model.ir_version = max(model.ir_version, 4)
    modules, calls, layers, weights = nn.Module(), fx.Graph(), list[Layer](), dict[str, Weight]()
    for number, (name, (node, index, moved)) in enumerate(weight_readers(model).items()):
        value = numpy_helper.to_array(stored[name])
        # What is moved before it is read has its outputs first, as PyTorch has them.
        transposed = value.ndim == 2 and not moved and _inputs_first(node)
        holder, module = nn.Module(), f"layer{number}"
        tensor = torch.from_numpy(np.array(value.T if transposed else value))
        holder.register_parameter("weight", nn.Parameter(tensor))
        modules.add_module(module, holder)
        calls.get_attr(f"{module}.weight")
        weights[f"{module}.weight"] = Weight(name, transposed)
        label = _label(name, node, index, {layer.name for layer in layers})
        kind = KINDS.get(node.op_type, "Recurrent")
        layers.append(Layer(label, kind, module, tuple(tensor.shape), name))  # type: ignore[arg-type]
    calls.output(tuple(calls.nodes))
    module = fx.GraphModule(modules, calls).eval()
    output, reasons = graph.output[0].name, [f"Only its weights can be edited. {refusal}"]
    return Imported(module, model, input_spec(model), output, layers, weights, float("inf"), 3, reasons)


def _inputs_first(node: onnx.NodeProto) -> bool:
    return node.op_type == "MatMul" or (node.op_type == "Gemm" and not attributes(node).get("transB", 0))


def _label(name: str, node: onnx.NodeProto, index: int, taken: set[str]) -> str:
    """A layer's name; a recurrent node has two weights, which its exporter may have left without one."""
    label = name if "weight" in name and "::" not in name else layer_name(name, node)
    if label != name and node.op_type not in KINDS:
        label = f"{label}.{RECURRENT_INPUTS[index]}"
    label = label.removesuffix(".weight")
    return label if label not in taken else f"{label}.{len(taken)}"
