"""Running a graph piece by piece: what lies behind a node, from the values that reach it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

Values = dict[str, np.ndarray]
"""Values of a graph by name, for one batch."""


def reaching(graph: onnx.GraphProto, at: int) -> list[str]:
    """The values, the graph's input among them, that nodes from `at` on read and nodes before it made."""
    made = {graph.input[0].name, *(name for node in graph.node[:at] for name in node.output if name)}
    wanted = (name for node in graph.node[at:] for name in node.input)
    return list(dict.fromkeys(name for name in wanted if name in made))


def section(
    model: onnx.ModelProto, start: int, end: int, values: Mapping[str, np.ndarray], outputs: Sequence[str]
) -> onnx.ModelProto:
    """A model of the nodes from `start` to before `end`.

    values: a batch of what reaches them, which become its inputs, open in every dimension: recurrent layers
    have the batch second. outputs: the names of its outputs.
    """
    graph = helper.make_graph(
        model.graph.node[start:end],
        model.graph.name,
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), [None] * value.ndim
            )
            for name, value in values.items()
        ],
        [onnx.ValueInfoProto(name=name) for name in outputs],
    )
    used = {name for node in graph.node for name in node.input}
    graph.initializer.extend(tensor for tensor in model.graph.initializer if tensor.name in used)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
