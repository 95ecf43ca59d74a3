"""Each operator, in the forms that old and new opsets write it, against ONNX Runtime."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.importer import PARITY_LIMIT, ImportRefused, import_onnx
from op_graphs import RNG, floats, ints, model, noise, sequence

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
    "GlobalMaxPool": model([("GlobalMaxPool", ["@"], {})]),
    "ConvTranspose": model([("ConvTranspose", ["@", "t"], {"strides": [2, 2]})], {"t": noise(6, 6, 2, 2)}),
    "ConvTranspose with pads": model(
        [
            (
                "ConvTranspose",
                ["@", "t", "u"],
                {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
            )
        ],
        {"t": noise(6, 6, 3, 3), "u": noise(6)},
    ),
    "ConvTranspose uneven": model(
        [("ConvTranspose", ["@", "t"], {"strides": [2, 2], "pads": [1, 1, 0, 0]})], {"t": noise(6, 6, 3, 3)}
    ),
    "ConvTranspose grouped": model([("ConvTranspose", ["@", "t"], {"group": 2})], {"t": noise(6, 3, 2, 2)}),
    "BatchNormalization": model(
        [("BatchNormalization", ["@", "s", "o", "m", "v"], {})],
        {"s": noise(6), "o": noise(6), "m": noise(6), "v": noise(6, low=0.5)},
    ),
    "InstanceNormalization": model(
        [("InstanceNormalization", ["@", "s", "o"], {}), ("Relu", ["@"], {})], {"s": noise(6), "o": noise(6)}
    ),
    "GroupNormalization 21": model(
        [("GroupNormalization", ["@", "s", "o"], {"num_groups": 2}), ("Relu", ["@"], {})],
        {"s": noise(6), "o": noise(6)},
        opset=21,
    ),
    "LayerNormalization over two axes": model(
        [("LayerNormalization", ["@", "s", "o"], {"axis": 2}), ("Relu", ["@"], {})],
        {"s": noise(10, 8), "o": noise(10, 8)},
    ),
    "RMSNormalization": model([("RMSNormalization", ["@", "s"], {})], {"s": noise(8)}, opset=23),
    "LpNormalization": model([("LpNormalization", ["@"], {"axis": 1, "p": 2})]),
    **{
        f"Resize {name}": model([("Resize", ["@", "", "f"], given)], {"f": floats([1, 1, *factors])})
        for name, given, factors in [
            (
                "nearest floor",
                {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
                (1.7, 0.6),
            ),
            ("nearest by 2", {"coordinate_transformation_mode": "asymmetric"}, (2, 2)),
            ("nearest half pixel", {}, (3, 2)),
            ("nearest exact", {"nearest_mode": "round_prefer_ceil"}, (0.5, 1.5)),
            ("linear", {"mode": "linear"}, (2, 1.5)),
            ("linear smaller", {"mode": "linear"}, (0.6, 0.7)),
            ("corners", {"mode": "linear", "coordinate_transformation_mode": "align_corners"}, (2, 1.5)),
            ("cubic", {"mode": "cubic"}, (2, 2)),
        ]
    },
    "Resize to sizes": model(
        [
            ("Shape", ["s0"], {}),
            ("Slice", ["@", "zero", "two"], {}),
            ("Concat", ["@", "size"], {"axis": 0}),
            ("Resize", ["s0", "", "", "@"], {"mode": "linear"}),
        ],
        {"zero": ints(0), "two": ints(2), "size": ints(13, 7)},
    ),
    "Resize axes": model(
        [("Resize", ["@", "", "", "f"], {"mode": "linear", "axes": [2, 3]})], {"f": ints(13, 7)}
    ),
    "Resize 10": model([("Resize", ["@", "f"], {"mode": "nearest"})], {"f": floats([1, 1, 2, 2])}, opset=10),
    "Upsample 9": model(
        [("Upsample", ["@", "f"], {"mode": "nearest"})], {"f": floats([1, 1, 2, 3])}, opset=9
    ),
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
    "MatMul with weights": model(
        [("MatMul", ["@", "a"], {}), ("Add", ["@", "c"], {})], {"a": noise(8, 4), "c": noise(4)}
    ),
    "MatMul of weights": model([("MatMul", ["a", "@"], {})], {"a": noise(12, 10)}),
    "MatMul batched weights": model([("MatMul", ["@", "a"], {})], {"a": noise(6, 8, 8)}),
    "LRN": model([("LRN", ["@"], {"size": 3, "alpha": 0.5, "beta": 0.6, "bias": 2.0})]),
    "Softmax 9 over channels": model([("GlobalAveragePool", ["@"], {}), ("Softmax", ["@"], {})], opset=9),
    "embedding": sequence([("Relu", ["@"], {})]),
    **{
        f"positions {opset}": sequence(
            [
                ("Shape", ["x"], {}),
                ("Expand", ["p", "@"], {}),
                ("Gather", ["places", "@"], {}),
                ("Add", ["s0", "@"], {}),
            ],
            {"p": ints(*range(7))[None], "places": noise(7, 8)},
            opset=opset,
        )
        for opset in (9, 13, 20)
    },
    "ConstantOfShape": sequence(
        [
            ("Shape", ["s0"], {}),
            ("ConstantOfShape", ["@"], {"value": numpy_helper.from_array(floats([0.5]))}),
            ("Add", ["s0", "@"], {}),
        ]
    ),
    "class token": sequence(
        [
            ("Shape", ["x"], {}),
            ("Slice", ["@", "zero", "one"], {}),
            ("Concat", ["@", "rest"], {"axis": 0}),
            ("Expand", ["class", "@"], {}),
            ("Concat", ["@", "s0"], {"axis": 1}),
        ],
        {"zero": ints(0), "one": ints(1), "rest": ints(1, 8), "class": noise(1, 1, 8)},
    ),
    "class token by -1": sequence(
        [
            ("Shape", ["x"], {}),
            ("Gather", ["@", "zero"], {}),
            ("Concat", ["@", "rest"], {"axis": 0}),
            ("Equal", ["@", "open"], {}),
            ("Where", ["@", "ones", "s3"], {}),
            ("Expand", ["class", "@"], {}),
            ("Concat", ["@", "s0"], {"axis": 1}),
        ],
        {
            "zero": ints(0),
            "rest": ints(-1, -1),
            "open": ints(-1, -1, -1),
            "ones": ints(1, 1, 1),
            "class": noise(1, 1, 8),
        },
    ),
    "attention by heads folded into the batch": sequence(
        [
            ("Reshape", ["@", "split"], {}),
            ("Transpose", ["@"], {"perm": [0, 2, 1, 3]}),
            ("Reshape", ["@", "fold"], {}),
            ("Transpose", ["@"], {"perm": [0, 2, 1]}),
            ("MatMul", ["s3", "@"], {}),
            ("Softmax", ["@"], {"axis": -1}),
            ("MatMul", ["@", "s3"], {}),
            ("Reshape", ["@", "unfold"], {}),
            ("Transpose", ["@"], {"perm": [0, 2, 1, 3]}),
            ("Reshape", ["@", "join"], {}),
        ],
        {
            "split": ints(0, 7, 2, 4),
            "fold": ints(-1, 7, 4),
            "unfold": ints(-1, 2, 7, 4),
            "join": ints(0, 7, 8),
        },
    ),
    "Attention 23": sequence(
        [
            ("Reshape", ["@", "split"], {}),
            ("Transpose", ["@"], {"perm": [0, 2, 1, 3]}),
            ("Attention", ["@", "@", "@"], {"is_causal": 1}),
            ("Transpose", ["@"], {"perm": [0, 2, 1, 3]}),
            ("Reshape", ["@", "join"], {}),
        ],
        {"split": ints(0, 7, 2, 4), "join": ints(0, 7, 8)},
        opset=23,
    ),
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
