"""The graph of an accepted model, compact enough to be stored and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu_worker.sandbox.report import GraphNode, GraphView, LayerRow, shown

if TYPE_CHECKING:
    import onnx

MAX_NODES = 2000
"""Nodes that are kept, first ones first."""


def graph_view(model: onnx.ModelProto, layers: dict[str, LayerRow]) -> GraphView:
    """The nodes that follow from the model's inputs, with the tensors between them.

    model: with inferred shapes. layers: by their node's first output.
    """
    from gpu_worker.importer.shapes import dimensions

    shapes = dimensions(model)
    stored = {tensor.name for tensor in model.graph.initializer}
    reached = {value.name for value in model.graph.input if value.name not in stored}
    tensor_names, node_names = Names(), Names()
    nodes: list[GraphNode] = []
    total = 0
    for node in model.graph.node:
        read = [name for name in node.input if name in reached]
        # Noise and the like read nothing, and are no constants either.
        if not read and (node.input or node.op_type in ("Constant", "ConstantOfShape")):
            continue
        reached.update(name for name in node.output if name)
        total += 1
        if len(nodes) == MAX_NODES:
            continue
        made = [name for name in node.output if name]
        layer = layers.get(node.output[0])
        nodes.append(
            GraphNode(
                node_names.fresh(node_label(node)),
                shown(node.op_type),
                None if layer is None else layer.name,
                [tensor_names.of(name) for name in dict.fromkeys(read)],
                [tensor_names.of(name) for name in made],
                list(shapes[node.output[0]]) if node.output[0] in shapes else None,
            )
        )
    return GraphView(nodes, total)


def node_label(node: onnx.NodeProto) -> str:
    """What messages call a node: its name, or its first output."""
    return node.name or node.output[0]


class Names:
    """Names as they are shown, shortened, and still apart."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._used: set[str] = set()

    def of(self, name: str) -> str:
        """The same name for the same thing."""
        if name not in self._given:
            self._given[name] = self.fresh(name)
        return self._given[name]

    def fresh(self, name: str) -> str:
        """A name that none before it has."""
        text, number = shown(name), 2
        while text in self._used:
            text = f"{shown(name)}#{number}"
            number += 1
        self._used.add(text)
        return text
