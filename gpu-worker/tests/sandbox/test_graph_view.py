"""What an inspection keeps of a graph: its edges, its layers, how their weights are distributed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.compress import macs_by_node, quantize_static
from gpu_worker.jobs.inspection import to_inspection
from gpu_worker.sandbox import Inspection, inspect_model
from gpu_worker.sandbox.graph import MAX_NODES, graph_view
from gpu_worker.sandbox.layers import BINS, histogram, layer_names, layers
from nets import onnx_of


def look(folder: Path, data: bytes) -> Inspection:
    path = folder / "blob"
    path.write_bytes(data)
    found = inspect_model(path, "model.onnx")
    assert isinstance(found, Inspection), found
    return found


def chain(length: int, first: str = "") -> onnx.ModelProto:
    nodes = [
        helper.make_node("Relu", [f"t{k}"], [f"t{k + 1}"], name=first if k < 2 else "") for k in range(length)
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("t0", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info(f"t{length}", TensorProto.FLOAT, ["n", 4])],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_a_residual_graph_keeps_both_branches_and_its_layers(tmp_path: Path) -> None:
    found = look(tmp_path, onnx_of("resnet"))
    nodes = found.graph.nodes
    assert found.graph.total == len(nodes)
    makers = {tensor: node for node in nodes for tensor in node.outputs}
    assert all(tensor in makers or tensor == "input" for node in nodes for tensor in node.inputs)
    adds = [node for node in nodes if node.op == "Add" and len(node.inputs) == 2]
    assert adds
    assert all(len({makers[tensor].name for tensor in node.inputs}) == 2 for node in adds)
    assert [node.layer for node in nodes if node.layer is not None] == [layer.name for layer in found.layers]
    assert next(node.shape for node in nodes if node.layer == "stem.0") == [None, 16, 28, 28]
    assert found.tier_node is None


def test_histograms_hold_every_weight_and_macs_add_up(tmp_path: Path) -> None:
    data = onnx_of("resnet")
    found = look(tmp_path, data)
    assert sum(layer.macs or 0 for layer in found.layers) == found.macs
    tensors = {t.name: numpy_helper.to_array(t) for t in onnx.load_model_from_string(data).graph.initializer}
    stem, weights = found.layers[0], tensors["stem.0.weight"]
    assert stem.weights is not None
    assert (stem.weights.n, sum(stem.weights.bins), len(stem.weights.bins)) == (144, 144, BINS)
    assert (stem.weights.min, stem.weights.max) == (float(weights.min()), float(weights.max()))
    assert stem.weights.std == pytest.approx(float(weights.std()), rel=1e-5)
    stored = to_inspection(found)
    assert stored.layers[0].weights is not None
    assert stored.graph is not None
    assert stored.graph.nodes[0].outputs == found.graph.nodes[0].outputs


def test_int8_weights_are_counted_as_they_are_computed_with() -> None:
    data = onnx_of("plain")
    int8 = quantize_static(data, np.random.default_rng(0).standard_normal((8, 1, 20, 12)).astype(np.float32))
    exact, rounded = (onnx.load_model_from_string(model) for model in (data, int8))
    before = {row.name: row.weights for row in layers(exact, macs_by_node(data)).values() if row.op == "Conv"}
    after = {
        row.name: row.weights for row in layers(rounded, macs_by_node(int8)).values() if row.op == "Conv"
    }
    assert before
    assert before.keys() == after.keys()
    for name, weights in before.items():
        other = after[name]
        assert weights is not None
        assert other is not None
        step = (weights.max - weights.min) / 127
        assert other.max == pytest.approx(weights.max, abs=step)
        assert other.min == pytest.approx(weights.min, abs=step)
    assert set(layer_names(rounded).values()) >= before.keys()


def test_histograms_of_odd_values_are_finite_or_left_out() -> None:
    one = histogram(np.full(7, 0.0, np.float32))
    assert one is not None
    assert (one.bins, one.zeros, one.std) == ([7], 7, 0.0)
    some = histogram(np.array([1.0, np.nan, 3.0, np.inf], np.float32))
    assert some is not None
    assert (some.n, some.min, some.max, sum(some.bins)) == (2, 1.0, 3.0, 2)
    assert histogram(np.array([np.nan], np.float32)) is None
    assert histogram(np.array([-1.7e308, 1.7e308])) is None


def test_a_long_graph_is_cut_and_says_so_and_equal_names_stay_apart() -> None:
    view = graph_view(chain(MAX_NODES + 5, "same\0name" + "x" * 200), {})
    assert (len(view.nodes), view.total) == (MAX_NODES, MAX_NODES + 5)
    names = [node.name for node in view.nodes]
    assert len(set(names)) == len(names)
    assert names[1] == f"{names[0]}#2"
    assert all(name.isprintable() and len(name) <= 123 for name in names)


def test_what_follows_from_constants_alone_is_left_out() -> None:
    model = chain(2)
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 4), np.float32), "c"))
    model.graph.node.insert(0, helper.make_node("Neg", ["c"], ["minus"]))
    model.graph.node[1].input[0] = "t0"
    model.graph.node.append(helper.make_node("Add", ["t2", "minus"], ["t3"]))
    view = graph_view(model, {})
    assert [node.op for node in view.nodes] == ["Relu", "Relu", "Add"]
    assert view.nodes[2].inputs == ["t2"]


def test_the_node_that_limits_the_tier_is_in_the_graph(tmp_path: Path) -> None:
    model = chain(2)
    model.graph.node[1].op_type = "Erf"
    model.graph.node[1].name = "odd"
    model.graph.node.append(helper.make_node("CumSum", ["t2", "axis"], ["t3"], name="limit"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "axis"))
    model.graph.output[0].name = "t3"
    found = look(tmp_path, model.SerializeToString())
    assert found.tier_node == "limit", found.tier_reasons
    assert "limit" in found.tier_reasons[0]
