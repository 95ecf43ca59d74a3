"""Layers with weights, normalisation, pooling and resizing, against ONNX Runtime."""

from __future__ import annotations

import pytest

from op_graphs import RNG, assert_same, floats, ints, model, noise

LAYERS: dict[str, bytes] = {
    "MaxPool": model([("MaxPool", ["@"], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})]),
    "MaxPool uneven": model([("MaxPool", ["@"], {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]})]),
    "MaxPool ceil": model([("MaxPool", ["@"], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1})]),
    "AveragePool": model([("AveragePool", ["@"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]})]),
    "AveragePool counting pads": model(
        [("AveragePool", ["@"], {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1], "count_include_pad": 1})]
    ),
    "PRelu": model([("PRelu", ["@", "slope"], {})], {"slope": floats(RNG.uniform(0, 1, (6, 1, 1)))}),
    "LayerNormalization": model(
        [("LayerNormalization", ["@", "scale", "shift"], {})],
        {"scale": floats(RNG.uniform(1, 2, 8)), "shift": floats(RNG.uniform(-1, 1, 8))},
    ),
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
    "MatMul with weights": model(
        [("MatMul", ["@", "a"], {}), ("Add", ["@", "c"], {})], {"a": noise(8, 4), "c": noise(4)}
    ),
    "MatMul of weights": model([("MatMul", ["a", "@"], {})], {"a": noise(12, 10)}),
    "MatMul batched weights": model([("MatMul", ["@", "a"], {})], {"a": noise(6, 8, 8)}),
    "LRN": model([("LRN", ["@"], {"size": 3, "alpha": 0.5, "beta": 0.6, "bias": 2.0})]),
    "Conv uneven pads": model([], conv={"pads": [0, 1, 2, 1]}),
    "Conv SAME_UPPER": model([], conv={"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "Conv dilated": model([], conv={"dilations": [2, 2], "pads": [2, 2, 2, 2]}),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_matches_onnx_runtime(name: str) -> None:
    assert_same(LAYERS[name])
