"""Where the time goes is told by layers of the file, fused kernels included."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from gpu_worker.compress import quantize_static
from gpu_worker.evaluate import node_times
from gpu_worker.evaluate.profile import RUNS
from gpu_worker.sandbox.layers import layer_names
from nets import onnx_of

X = np.random.default_rng(0).standard_normal((8, 1, 28, 28)).astype(np.float32)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_every_convolution_gets_time_and_most_of_it_is_accounted_for(precision: str) -> None:
    model = onnx_of("resnet")
    if precision == "int8":
        model = quantize_static(model, X)
    graph = onnx.load_model_from_string(model).graph
    found = node_times(model, X)
    assert found is not None
    assert (found.batch, found.runs) == (1, RUNS)
    computing = {node.output[0] for node in graph.node if node.op_type in ("Conv", "Gemm")}
    assert computing <= found.nodes.keys()
    assert computing <= layer_names(onnx.load_model_from_string(model)).keys()
    assert 0.8 * found.total_ms <= sum(found.nodes.values()) <= found.total_ms * (1 + 1e-9)


def test_a_stop_ends_it() -> None:
    assert node_times(onnx_of("resnet"), X, lambda: True) is None
