"""Peaks follow what a model must hold: its weights once it is open, its activations while it runs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from gpu_worker.evaluate import peak_memory
from hostile import model, value

MB = 1 << 20
WIDE = 4 << 18
"""Values of a row that the model widens to: 4 MB."""


def widening() -> bytes:
    """Four numbers become a million, are squared and summed: (n, 4) → (n, 1), with 16 MB of weights."""
    weights = numpy_helper.from_array(np.ones((4, WIDE), np.float32), "w")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["wide"]),
        helper.make_node("Sin", ["wide"], ["squared"]),
        helper.make_node("ReduceMax", ["squared"], ["y"], axes=[1]),
    ]
    return model(nodes, [weights], outputs=[value("y", ("n", 1))], opset=17).SerializeToString()


def test_a_batch_takes_its_activations_more() -> None:
    found = peak_memory(widening(), np.ones((1, 4), np.float32), batches=(1, 32))
    assert found[1].opened > 15 * MB
    assert all(row.peak >= row.opened for row in found.values())
    # 31 rows more of 4 MB, in one buffer or two and the arena's next power of two.
    assert 31 * 4 * MB * 0.95 < found[32].peak - found[1].peak < 4 * 32 * 4 * MB


def test_a_fixed_batch_is_measured_alone() -> None:
    fixed = onnx.load_model_from_string(widening())
    for end in (*fixed.graph.input, *fixed.graph.output):
        end.type.tensor_type.shape.dim[0].dim_value = 2
    assert list(peak_memory(fixed.SerializeToString(), np.ones((1, 4), np.float32), (1, 2, 64))) == [2]


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"failed: .*float"):
        peak_memory(widening(), np.ones((1, 4), np.float64), batches=(1,))
