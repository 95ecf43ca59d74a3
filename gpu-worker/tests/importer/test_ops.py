"""Each operator, in the forms that old and new opsets write it, against ONNX Runtime."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.importer import PARITY_LIMIT, ImportRefused, import_onnx
from op_graphs import RNG, assert_same, floats, ints, model, noise

UNARY = [
    "Relu",
    "Sigmoid",
    "Tanh",
    "HardSwish",
    "Exp",
    "Abs",
    "Neg",
    "Erf",
    "Softplus",
    "Softsign",
    "Mish",
    "Ceil",
    "Floor",
    "Round",
    "Sign",
    "ThresholdedRelu",
    "Celu",
]
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
    "Split": model([("Split", ["@", "parts"], {"axis": 2}), ("Relu", ["@"], {})], {"parts": ints(10)}),
    "Split 11": model([("Split", ["@"], {"axis": 1, "split": [6]})], opset=11),
    "Identity": model([("Identity", ["@"], {})]),
    "Sqrt and Log": model([("Exp", ["@"], {}), ("Sqrt", ["@"], {}), ("Log", ["@"], {})]),
    "Reciprocal": model([("Exp", ["@"], {}), ("Reciprocal", ["@"], {})]),
    "Pow": model([("Pow", ["@", "two"], {})], {"two": floats(2.0)}),
    "Max": model([("Relu", ["@"], {}), ("Max", ["s0", "@", "c"], {})], {"c": floats(0.1)}),
    "Min": model([("Relu", ["@"], {}), ("Min", ["s0", "@", "c"], {})], {"c": noise(1, 6, 1, 1)}),
    "Mean": model([("Relu", ["@"], {}), ("Mean", ["s0", "@"], {})]),
    "Sum": model([("Relu", ["@"], {}), ("Sum", ["s0", "@", "@"], {})]),
    **{
        f"{op} and Where": model(
            [(op, ["@", "c"], {}), ("Where", ["@", "s0", "z"], {})], {"c": floats(0.1), "z": floats(0.0)}
        )
        for op in ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
    },
    **{
        op: model(
            [
                ("Greater", ["@", "c"], {}),
                ("Less", ["s0", "z"], {}),
                (op, ["s1", "s2"], {}),
                ("Not", ["@"], {}),
                ("Cast", ["@"], {"to": 1}),
            ],
            {"c": floats(0.1), "z": floats(0.5)},
        )
        for op in ("And", "Or", "Xor")
    },
    "integer Div": model(
        [
            ("Mul", ["@", "ten"], {}),
            ("Cast", ["@"], {"to": 7}),
            ("Div", ["@", "three"], {}),
            ("Cast", ["@"], {"to": 1}),
        ],
        {"ten": floats(10.0), "three": np.asarray(3, np.int64)},
    ),
    "CastLike": model([("Greater", ["@", "c"], {}), ("CastLike", ["@", "s0"], {})], {"c": floats(0.1)}),
    **{
        op: model([(op, ["@", "axes"], {"keepdims": 1}), ("Mul", ["s0", "@"], {})], {"axes": ints(2, 3)})
        for op in (
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSumExp",
            "ReduceMax",
            "ReduceMin",
            "ReduceSum",
            "ReduceSumSquare",
        )
    },
    "ReduceLogSum": model([("Exp", ["@"], {}), ("ReduceLogSum", ["@", "axes"], {})], {"axes": ints(2, 3)}),
    "ReduceL2 11": model([("ReduceL2", ["@"], {"axes": [2]})], opset=11),
    "DepthToSpace": model(
        [
            ("Concat", ["@", "@"], {"axis": 1}),
            ("Concat", ["@", "@"], {"axis": 1}),
            ("DepthToSpace", ["@"], {"blocksize": 2}),
        ]
    ),
    "DepthToSpace CRD": model(
        [
            ("Concat", ["@", "@"], {"axis": 1}),
            ("Concat", ["@", "@"], {"axis": 1}),
            ("DepthToSpace", ["@"], {"blocksize": 2, "mode": "CRD"}),
        ]
    ),
    "SpaceToDepth": model(
        [("SpaceToDepth", ["@"], {"blocksize": 2}), ("DepthToSpace", ["@"], {"blocksize": 2})]
    ),
    "Tile": model([("Tile", ["@", "r"], {})], {"r": ints(1, 1, 2, 3)}),
    "Expand": model(
        [("ReduceMean", ["@", "a"], {}), ("Expand", ["@", "e"], {})], {"a": ints(2), "e": ints(1, 6, 10, 8)}
    ),
    "Gather one": model(
        [("Gather", ["@", "i"], {"axis": 2}), ("Unsqueeze", ["@", "a"], {})],
        {"i": np.asarray(-1, np.int64), "a": ints(2)},
    ),
    "Gather some": model([("Gather", ["@", "i"], {"axis": 3})], {"i": ints(0, 3, -2)}),
    "Trilu": model([("Trilu", ["@", "k"], {"upper": 0})], {"k": np.asarray(1, np.int64)}),
    "Split in two": model([("Split", ["@"], {"axis": 1, "num_outputs": 1}), ("Relu", ["@"], {})]),
    "Flatten and back": model(
        [("Reshape", ["@", "r"], {}), ("Relu", ["@"], {}), ("Reshape", ["@", "q"], {})],
        {"r": ints(0, 0, -1), "q": ints(0, 0, 10, 8)},
    ),
    "Reshape of a transposed batch": model(
        [("Transpose", ["@"], {"perm": [2, 0, 1, 3]}), ("Transpose", ["@"], {"perm": [1, 2, 0, 3]})]
    ),
    "Softmax 9 over channels": model([("GlobalAveragePool", ["@"], {}), ("Softmax", ["@"], {})], opset=9),
    "weights in Constant nodes": model([("Relu", ["@"], {})], constant_nodes=True),
    **{f"opset {version}": model([("Relu", ["@"], {})], opset=version) for version in range(9, 24)},
}


@pytest.mark.parametrize("name", SINGLE)
def test_operator_matches_onnx_runtime(name: str) -> None:
    assert_same(SINGLE[name])


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
