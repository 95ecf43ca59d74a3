"""Writes an ONNX model to the path given: each of its inputs comes back as an output."""

import sys
from pathlib import Path

from onnx import TensorProto, helper

KINDS = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "text": TensorProto.STRING}

graph = helper.make_graph(
    [helper.make_node("Identity", [name], [f"{name}_out"]) for name in KINDS],
    "echo",
    [helper.make_tensor_value_info(name, kind, ["n", "k"]) for name, kind in KINDS.items()],
    [helper.make_tensor_value_info(f"{name}_out", kind, ["n", "k"]) for name, kind in KINDS.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
Path(sys.argv[1]).write_bytes(model.SerializeToString())
