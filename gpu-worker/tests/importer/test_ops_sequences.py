"""What transformers are made of, on int64 tokens with an open batch, against ONNX Runtime."""

from __future__ import annotations

import pytest
from onnx import numpy_helper

from op_graphs import assert_same, floats, ints, noise, sequence

SEQUENCES: dict[str, bytes] = {
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
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence_matches_onnx_runtime(name: str) -> None:
    assert_same(SEQUENCES[name])
