"""Tensors by name: each is made once, before it is read. That also rules out cycles.

ONNX Runtime sorts nodes that are out of order and runs duplicates, so whoever draws or edits such a graph
sees another one than what runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gpu_worker.sandbox.report import Refused

MAX_NAME = 1024
"""Bytes of a name; models in the wild have some of several hundred."""

MAX_EDGES = 200_000
"""Inputs and outputs of all nodes together."""

REEXPORT = "Export the model again with torch.onnx.export(..., external_data=False)."


@dataclass
class Names:
    """What a graph names, collected in the order of the file and judged when all of it is known."""

    initializers: set[bytes] = field(default_factory=set)
    inputs: set[bytes] = field(default_factory=set)
    outputs: set[bytes] = field(default_factory=set)
    _labels: set[str] = field(default_factory=set)
    _nodes: list[tuple[str, list[bytes], list[bytes]]] = field(default_factory=list)
    _edges: int = 0

    def initializer(self, name: bytes, where: str) -> None:
        """A stored tensor. It may have the name of an input, whose default it then is."""
        self._add(self.initializers, name, where, "Two initializers are")

    def graph_input(self, name: bytes, where: str) -> None:
        """An input of the graph."""
        self._add(self.inputs, name, where, "Two inputs are")

    def graph_output(self, name: bytes, where: str) -> None:
        """An output of the graph."""
        self._add(self.outputs, name, where, "Two outputs are")

    def node(self, label: str, inputs: list[bytes], outputs: list[bytes]) -> None:
        """A node and the names of the tensors at its edges; empty ones stand for what it does without.

        label: its name, or its place where it has none. ONNX Runtime opens no model where two have one name.
        """
        if label in self._labels:
            remedy = "Give each node a name of its own, or none."
            raise Refused("structure.duplicate", f"Two nodes are called {label}.", remedy, label)
        self._labels.add(label)
        for name in (*inputs, *outputs):
            check_length(name, label)
        self._edges += len(inputs) + len(outputs)
        if self._edges > MAX_EDGES:
            message = f"The nodes have more than {MAX_EDGES} inputs and outputs together."
            raise Refused("structure.edges", message, "Upload a smaller model.", label)
        self._nodes.append((label, inputs, outputs))

    def check(self) -> None:
        """Raises Refused for a tensor that two nodes make, that none makes, or that is read before that."""
        makers: dict[bytes, str] = {}
        for label, _, outputs in self._nodes:
            for name in filter(None, outputs):
                if name in makers or name in self.initializers or name in self.inputs:
                    other = makers.get(name, "the graph itself")
                    message = f"The tensor '{shown(name)}' comes from {label} and from {other}."
                    raise Refused("structure.duplicate", message, REEXPORT, label)
                makers[name] = label
        known = self.initializers | self.inputs
        for label, inputs, outputs in self._nodes:
            for name in filter(None, inputs):
                if name not in known:
                    raise _unready(label, name, makers.get(name))
            known.update(outputs)
        for name in self.outputs - known:
            message = f"The output '{shown(name)}' is made by no node."
            raise Refused("structure.unknown_name", message, REEXPORT, f"output {shown(name)}")

    def _add(self, names: set[bytes], name: bytes, where: str, several: str) -> None:
        check_length(name, where)
        if name in names:
            message = f"{several} named '{shown(name)}'."
            raise Refused("structure.duplicate", message, REEXPORT, where)
        names.add(name)


def check_length(name: bytes, where: str) -> None:
    """Raises Refused for a name that no page could show."""
    if len(name) > MAX_NAME:
        message = (
            f"A name has {len(name)} bytes; at most {MAX_NAME} are accepted. It begins '{shown(name, 40)}'."
        )
        raise Refused("structure.name_length", message, "Shorten the name and export again.", where)


def shown(name: bytes, limit: int = 200) -> str:
    """A name as it may stand in a message."""
    return name[:limit].decode("utf-8", "replace")


def _unready(label: str, name: bytes, maker: str | None) -> Refused:
    if maker is None:
        message = f"{label} reads '{shown(name)}', which is no input, weight or output of another node."
        return Refused("structure.unknown_name", message, REEXPORT, label)
    message = f"{label} reads '{shown(name)}' before {maker} makes it: out of order, or a cycle."
    return Refused(
        "structure.order", message, "Sort the nodes (onnx_ir's Graph.sort), or remove the cycle.", label
    )
