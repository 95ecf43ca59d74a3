"""Each operator, in the forms that old and new opsets write it, against ONNX Runtime."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.importer import PARITY_LIMIT, ImportRefused, import_onnx

RNG = np.random.default_rng(0)
CONV = RNG.standard_normal((6, 3, 3, 3)).astype(np.float32) * 0.3
HEAD = RNG.standard_normal((5, 6)).astype(np.float32)
BIAS = RNG.standard_normal(5).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.asarray(values, np.int64)


def floats(value: Any) -> np.ndarray:
    return np.asarray(value, np.float32)


def model(
    middle: list[tuple[str, list[str], dict[str, Any]]],
    constants: dict[str, np.ndarray] | None = None,
    opset: int = 20,
    conv: dict[str, Any] | None = None,
    constant_nodes: bool = False,
) -> bytes:
    """Conv → `middle` (its first input is the step before) → mean over space → Gemm, on 3×10×8."""
    constants = {"w": CONV, "h": HEAD, "b": BIAS, **(constants or {})}
    nodes = [helper.make_node("Conv", ["x", "w"], ["s0"], name="first", **(conv or {"pads": [1, 1, 1, 1]}))]
    for index, (op, inputs, attributes) in enumerate(middle):
        names = [name.replace("@", f"s{index}") for name in inputs]
        nodes.append(helper.make_node(op, names, [f"s{index + 1}"], name=f"{op}_{index}", **attributes))
    nodes.append(helper.make_node("GlobalAveragePool", [f"s{len(middle)}"], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "h", "b"], ["y"], transB=1))
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    if constant_nodes:
        lifted = [helper.make_node("Constant", [], [t.name], value=t) for t in tensors]
        nodes, tensors = [*lifted, *nodes], []
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 10, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])],
        tensors,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return made.SerializeToString()


UNARY = ["Relu", "Sigmoid", "Tanh", "HardSwish", "Exp", "Abs", "Neg", "Erf", "Softplus", "Softsign", "Mish"]
SINGLE: dict[str, bytes] = {op: model([(op, ["@"], {})]) for op in UNARY} | {
    "LeakyRelu": model([("LeakyRelu", ["@"], {"alpha": 0.2})]),
    "Elu": model([("Elu", ["@"], {})]),
    "Selu": model([("Selu", ["@"], {})]),
    "Gelu": model([("Gelu", ["@"], {})]),
    "Gelu tanh": model([("Gelu", ["@"], {"approximate": "tanh"})]),
    "HardSigmoid": model([("HardSigmoid", ["@"], {"alpha": 0.3, "beta": 0.4})]),
    "Clip 11": model([("Clip", ["@", "a", "c"], {})], {"a": floats(-0.1), "c": floats(0.4)}),
    "Clip upper only": model([("Clip", ["@", "", "c"], {})], {"c": floats(0.4)}),
    "Clip 6": model([("Clip", ["@"], {"min": -0.1, "max": 0.4})], opset=9),
    "Softmax": model([("Softmax", ["@"], {"axis": 1})]),
    "LogSoftmax": model([("LogSoftmax", ["@"], {"axis": -1})]),
    "MaxPool": model([("MaxPool", ["@"], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})]),
    "MaxPool uneven": model([("MaxPool", ["@"], {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]})]),
    "MaxPool ceil": model([("MaxPool", ["@"], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1})]),
    "AveragePool": model([("AveragePool", ["@"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]})]),
    "AveragePool counting pads": model(
        [("AveragePool", ["@"], {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1], "count_include_pad": 1})]
    ),
    "ReduceMean 18": model([("ReduceMean", ["@", "axes"], {"keepdims": 1})], {"axes": ints(2, 3)}),
    "ReduceMean 13": model([("ReduceMean", ["@"], {"axes": [-1], "keepdims": 1})], opset=13),
    "Add constant": model([("Add", ["@", "c"], {})], {"c": floats(RNG.standard_normal((1, 6, 1, 1)))}),
    "Sub from number": model([("Sub", ["one", "@"], {})], {"one": floats(1.0)}),
    "Mul self": model([("Mul", ["@", "@"], {})]),
    "Div": model([("Div", ["@", "two"], {})], {"two": floats(2.0)}),
    "Concat": model([("Relu", ["@"], {}), ("Concat", ["s0", "@"], {"axis": 2})]),
    "Pad 11": model([("Pad", ["@", "p"], {})], {"p": ints(0, 0, 1, 0, 0, 0, 2, 1)}),
    "Pad value": model([("Pad", ["@", "p", "v"], {})], {"p": ints(0, 0, 1, 0, 0, 0, 2, 1), "v": floats(0.5)}),
    "Pad reflect": model([("Pad", ["@", "p"], {"mode": "reflect"})], {"p": ints(0, 0, 1, 2, 0, 0, 1, 2)}),
    "Pad 2": model([("Pad", ["@"], {"pads": [0, 0, 1, 1, 0, 0, 1, 1]})], opset=10),
    "Transpose": model([("Transpose", ["@"], {"perm": [0, 1, 3, 2]})]),
    "Squeeze": model([("Unsqueeze", ["@", "a"], {}), ("Squeeze", ["@", "a"], {})], {"a": ints(2)}),
    "Squeeze 11": model([("Unsqueeze", ["@"], {"axes": [2]}), ("Squeeze", ["@"], {"axes": [2]})], opset=11),
    "Slice": model(
        [("Slice", ["@", "from", "to", "axis"], {})], {"from": ints(1), "to": ints(9), "axis": ints(2)}
    ),
    "Slice 9": model([("Slice", ["@"], {"starts": [1], "ends": [9], "axes": [2]})], opset=9),
    "Reshape": model([("Reshape", ["@", "r"], {})], {"r": ints(-1, 6, 8, 10)}),
    "Dropout 7": model([("Dropout", ["@"], {"ratio": 0.5})], opset=9),
    "Dropout 13": model([("Dropout", ["@"], {})], opset=13),
    "PRelu": model([("PRelu", ["@", "slope"], {})], {"slope": floats(RNG.uniform(0, 1, (6, 1, 1)))}),
    "Split": model([("Split", ["@", "parts"], {"axis": 2}), ("Relu", ["@"], {})], {"parts": ints(10)}),
    "Split 11": model([("Split", ["@"], {"axis": 1, "split": [6]})], opset=11),
    "LayerNormalization": model(
        [("LayerNormalization", ["@", "scale", "shift"], {})],
        {"scale": floats(RNG.uniform(1, 2, 8)), "shift": floats(RNG.uniform(-1, 1, 8))},
    ),
    "Identity": model([("Identity", ["@"], {})]),
    "Conv uneven pads": model([], conv={"pads": [0, 1, 2, 1]}),
    "Conv SAME_UPPER": model([], conv={"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "Conv dilated": model([], conv={"dilations": [2, 2], "pads": [2, 2, 2, 2]}),
    "weights in Constant nodes": model([("Relu", ["@"], {})], constant_nodes=True),
    **{f"opset {version}": model([("Relu", ["@"], {})], opset=version) for version in range(9, 24)},
}


@pytest.mark.parametrize("name", SINGLE)
def test_operator_matches_onnx_runtime(name: str) -> None:
    imported = import_onnx(SINGLE[name])
    assert imported.tier <= 2, imported.tier_reasons
    assert imported.parity <= PARITY_LIMIT


def test_channel_shuffle_follows_the_shape_arithmetic_around_it() -> None:
    """A view of (n, 2, c // 2, h, w) is written as a chain of Shape, Gather, Div, Unsqueeze and Concat."""

    class Shuffle(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = torch.nn.Conv2d(3, 32, 1), torch.nn.Linear(32, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            n, c, h, w = x.shape
            return self.head(x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w).mean((2, 3)))

    buffer = io.BytesIO()
    torch.onnx.export(
        Shuffle().eval(), (torch.zeros(2, 3, 8, 8),), buffer, dynamo=False, input_names=["x"],
        dynamic_axes={"x": {0: "n"}}, opset_version=17,
    )  # fmt: skip
    imported = import_onnx(buffer.getvalue())
    assert imported.parity <= PARITY_LIMIT


def test_matmul_and_add_become_one_linear_layer() -> None:
    weights = {
        "a": RNG.standard_normal((20, 8)),
        "b": RNG.standard_normal(8),
        "c": RNG.standard_normal((8, 3)),
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "a"], ["m"]),
            helper.make_node("Add", ["b", "m"], ["s"]),
            helper.make_node("Relu", ["s"], ["r"]),
            helper.make_node("MatMul", ["r", "c"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 20])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    imported = import_onnx(made.SerializeToString())
    assert [(layer.kind, layer.shape) for layer in imported.layers] == [
        ("Linear", (8, 20)),
        ("Linear", (3, 8)),
    ]
    assert imported.tier == 1, imported.tier_reasons


def test_scaled_gemm_is_folded() -> None:
    data = onnx.load_model_from_string(model([]))
    data.graph.node[-1].attribute.extend(
        [helper.make_attribute("alpha", 0.5), helper.make_attribute("beta", 2.0)]
    )
    imported = import_onnx(data.SerializeToString())
    assert imported.parity <= PARITY_LIMIT


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "unknown operator": (model([("Sin", ["@"], {})]), "Sin", "Sin_0"),
    "quantized": (
        model([("QuantizeLinear", ["@", "q"], {}), ("DequantizeLinear", ["@", "q"], {})], {"q": floats(0.1)}),
        "QuantizeLinear",
        "QuantizeLinear_0",
    ),
    "computed weights": (
        model([("Conv", ["@", "s0"], {})]),
        "Conv",
        "Conv_0",
    ),
    "softmax over several axes": (model([("Softmax", ["@"], {"axis": 1})], opset=11), "Softmax", "Softmax_0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_names_the_node_and_its_operator(name: str) -> None:
    data, op, node = REFUSED[name]
    with pytest.raises(ImportRefused) as refused:
        import_onnx(data)
    assert (refused.value.op, refused.value.node) == (op, node)


def test_a_grouped_convolution_trains_but_keeps_its_channels() -> None:
    grouped = RNG.standard_normal((6, 3, 3, 3)).astype(np.float32)
    data = model([("Conv", ["@", "g"], {"group": 2, "pads": [1, 1, 1, 1]})], {"g": grouped})
    imported = import_onnx(data)
    assert imported.tier == 2
    assert "channel" in imported.tier_reasons[0].lower()
