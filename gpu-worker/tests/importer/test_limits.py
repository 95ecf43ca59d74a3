"""A model that cannot become PyTorch says which node limits it, and what is left to do with it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from families import Recurrent
from gpu_worker.importer import ImportRefused, import_onnx, open_model
from gpu_worker.importer.limits import editable_weights
from nets import Exporter, exported


@pytest.mark.parametrize("exporter", ["dynamo_plain", "torchscript"])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_recurrent_network_keeps_its_weights_open_to_edits(
    kind: type[nn.LSTM] | type[nn.GRU], exporter: Exporter
) -> None:
    data = exported(Recurrent(kind), torch.zeros(2, 12, 6), exporter)
    with pytest.raises(ImportRefused) as refused:
        import_onnx(data)
    assert (refused.value.tier, refused.value.op) == (3, kind.__name__)
    assert refused.value.node in str(refused.value)
    model = onnx.load_model_from_string(data)
    counts = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
    gates = 4 if kind is nn.LSTM else 3
    assert sum(counts[name] for name in editable_weights(model)) == gates * 16 * (6 + 16) + 4 * 16
    names = [layer.name for layer in open_model(data).layers]
    weights = ["cells.weight_ih_l0", "cells.weight_hh_l0"]
    assert names == [*(["cells.W", "cells.R"] if exporter == "torchscript" else weights), "head"]


def test_a_tree_ensemble_is_only_served() -> None:
    tree = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], name="forest", domain="ai.onnx.ml", n_targets=1,
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values=[0.5, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0], nodes_missing_value_tracks_true=[0, 0, 0],
        target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[1.0, 2.0],
    )  # fmt: skip
    graph = helper.make_graph(
        [tree],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    with pytest.raises(ImportRefused) as refused:
        import_onnx(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())
    assert (refused.value.tier, refused.value.node) == (4, "forest")
    assert refused.value.op == "TreeEnsembleRegressor"


def test_the_limiting_node_is_named_even_where_the_graph_has_several_inputs() -> None:
    weight = numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    nodes = [
        helper.make_node("Add", ["a", "b"], ["s"]),
        helper.make_node("MatMul", ["s", "w"], ["m"]),
        helper.make_node("Hardmax", ["m"], ["y"], name="choice"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [weight],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ImportRefused) as refused:
        import_onnx(made.SerializeToString())
    assert (refused.value.tier, refused.value.op, refused.value.node) == (3, "Hardmax", "choice")
