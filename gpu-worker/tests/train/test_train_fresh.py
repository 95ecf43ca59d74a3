"""Fresh weights: layers draw their own, the rest goes by its use, and the seed says all of it."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from gpu_worker.importer import import_onnx
from gpu_worker.train.fresh import SLOPE, STD, draw_weights


def graph() -> bytes:
    """A linear layer, then a scale, a shift, a slope and a position table that belong to no layer."""
    random = np.random.default_rng(0)
    stored = {
        "kernel": (6, 40), "scale": (40,), "shift": (40,), "slope": (40,), "table": (1, 4, 40),
        "out": (40, 3),
    }  # fmt: skip
    nodes = [
        helper.make_node("MatMul", ["x", "kernel"], ["a"]),
        helper.make_node("Mul", ["a", "scale"], ["b"]),
        helper.make_node("Add", ["b", "shift"], ["c"]),
        helper.make_node("PRelu", ["c", "slope"], ["d"]),
        helper.make_node("Add", ["d", "table"], ["e"]),
        helper.make_node("ReduceMean", ["e"], ["f"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["f", "out"], ["y"]),
    ]
    made = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 4, 6])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3])],
        [
            numpy_helper.from_array(random.normal(5, 1, shape).astype(np.float32), name)
            for name, shape in stored.items()
        ],
    )
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()


def test_each_parameter_starts_as_its_use_wants() -> None:
    modules = [import_onnx(graph()).module for _ in range(3)]
    for module, seed in zip(modules, (1, 1, 2), strict=True):
        draw_weights(module, seed)
    first, again, other = (
        {name: value.detach() for name, value in module.named_parameters()} for module in modules
    )
    found = {name: value for name, value in first.items() if "." not in name}
    assert torch.all(found["scale"] == 1)
    assert torch.all(found["shift"] == 0)
    assert torch.all(found["slope"] == SLOPE)
    assert 0.5 * STD < float(found["table"].std()) < 1.5 * STD
    kernels = [value for name, value in first.items() if name.endswith(".weight")]
    assert kernels
    assert all(float(value.abs().max()) < 1 for value in kernels)
    for name, value in first.items():
        assert torch.equal(again[name], value)
    assert any(not torch.equal(other[name], value) for name, value in first.items())
