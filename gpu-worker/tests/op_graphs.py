"""Small ONNX graphs around one or a few operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.importer import PARITY_LIMIT, import_onnx

RNG = np.random.default_rng(0)
CONV = RNG.standard_normal((6, 3, 3, 3)).astype(np.float32) * 0.3
HEAD = RNG.standard_normal((5, 6)).astype(np.float32)
BIAS = RNG.standard_normal(5).astype(np.float32)

Step = tuple[str, list[str], dict[str, Any]]
"""Operator, inputs, attributes."""


def ints(*values: int) -> np.ndarray:
    return np.asarray(values, np.int64)


def floats(value: Any) -> np.ndarray:
    return np.asarray(value, np.float32)


def noise(*shape: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    return floats(RNG.uniform(low, high, shape))


def model(
    middle: list[Step],
    constants: dict[str, np.ndarray] | None = None,
    opset: int = 20,
    conv: dict[str, Any] | None = None,
    constant_nodes: bool = False,
) -> bytes:
    """Conv → `middle` (@ is the step before) → mean over space → Gemm, on 3×10×8."""
    constants = {"w": CONV, "h": HEAD, "b": BIAS, **(constants or {})}
    nodes = [helper.make_node("Conv", ["x", "w"], ["s0"], name="first", **(conv or {"pads": [1, 1, 1, 1]}))]
    nodes += chain(middle)
    nodes.append(helper.make_node("GlobalAveragePool", [f"s{len(middle)}"], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "h", "b"], ["y"], transB=1))
    return assemble(nodes, constants, (3, 10, 8), opset=opset, constant_nodes=constant_nodes)


def sequence(middle: list[Step], constants: dict[str, np.ndarray] | None = None, opset: int = 20) -> bytes:
    """Embedding of 7 int64 tokens out of 20 in 8 dimensions → `middle` → mean over the tokens → MatMul."""
    constants = {"table": noise(20, 8), "head": noise(8, 4), "tokens": ints(1), **(constants or {})}
    nodes = [helper.make_node("Gather", ["table", "x"], ["s0"], name="first"), *chain(middle)]
    last = f"s{len(middle)}"
    mean = (
        helper.make_node("ReduceMean", [last, "tokens"], ["m"], keepdims=0)
        if opset >= 18
        else helper.make_node("ReduceMean", [last], ["m"], axes=[1], keepdims=0)
    )
    nodes += [mean, helper.make_node("MatMul", ["m", "head"], ["y"])]
    return assemble(nodes, constants, (7,), kind=TensorProto.INT64, opset=opset)


def chain(steps: list[Step]) -> list[onnx.NodeProto]:
    """Nodes s1, s2, … from s0 on; @ in an input stands for the step before."""
    nodes = []
    for index, (op, inputs, given) in enumerate(steps):
        names = [name.replace("@", f"s{index}") for name in inputs]
        nodes.append(helper.make_node(op, names, [f"s{index + 1}"], name=f"{op}_{index}", **given))
    return nodes


def assemble(
    nodes: list[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    shape: tuple[int, ...],
    kind: int = TensorProto.FLOAT,
    opset: int = 20,
    constant_nodes: bool = False,
) -> bytes:
    """A model from x (batch, *shape) to y, with the constants that its nodes read."""
    read = {name for node in nodes for name in node.input}
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items() if name in read]
    if constant_nodes:
        lifted = [helper.make_node("Constant", [], [t.name], value=t) for t in tensors]
        nodes, tensors = [*lifted, *nodes], []
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, ["n", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        tensors,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return made.SerializeToString()


def assert_same(data: bytes) -> None:
    """The model imports, trains, and agrees with ONNX Runtime."""
    imported = import_onnx(data)
    assert imported.tier <= 2, imported.tier_reasons
    assert imported.parity <= PARITY_LIMIT
