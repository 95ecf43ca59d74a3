"""Bringing an ONNX graph to one plain form before it is walked.

Exporters write the same network in many ways: weights as Constant nodes, flattening as a chain of Shape,
Gather and Concat, zero biases as Expand nodes, one initializer shared by many layers, a fixed batch of 1.
Here all of these become initializers of their own, reshapes that copy the batch dimension, and nothing else
changes.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import numpy_helper

from gpu_worker.importer.batch import BatchVectors
from gpu_worker.importer.interface import open_batch
from gpu_worker.importer.known import Known
from gpu_worker.importer.settle import settle, settle_type
from gpu_worker.importer.shapes import opset_of
from gpu_worker.importer.types import ImportRefused
from gpu_worker.importer.values import FOLDABLE, MAX_FOLDED, attributes, constant_of, fold, move

SUPPORTED_OPSETS = range(9, 24)


def normalise(data: bytes) -> onnx.ModelProto:
    """The plain form of a serialised model: same function, same input and output names, open batch size.

    Raises ImportRefused for models without exactly one input and one output.
    """
    model = onnx.load_model_from_string(data)
    graph = model.graph
    opset = opset_of(model)
    if opset not in SUPPORTED_OPSETS:
        raise ImportRefused("", "", f"Opset {opset} is not supported; export with opset 9 to 23.")
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ImportRefused(
            "", "", f"The model has {len(inputs)} inputs and {len(graph.output)} outputs, not one each."
        )
    del graph.input[:]
    graph.input.append(inputs[0])
    # Before IR version 4 an initializer had to be an input too, or inference does not see it.
    model.ir_version = max(model.ir_version, 4)
    fixed_batch = open_batch(graph.input[0])
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    del graph.value_info[:]
    Normaliser(model, fixed_batch).run()
    # What was replaced keeps its memory for as long as the message lives: only a copy is free of it.
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    return plain


class Normaliser:
    """One pass over the nodes in order."""

    def __init__(self, model: onnx.ModelProto, fixed_batch: int | None) -> None:
        self._graph = model.graph
        self._opset = opset_of(model)
        self._fixed_batch = fixed_batch
        self._known = Known(model)
        self._used: set[str] = set()

    def run(self) -> None:
        """Rewrites the graph in place."""
        known, outputs = self._known, {value.name for value in self._graph.output}
        batch = BatchVectors(self._graph.input[0].name, known.folded)
        kept: list[onnx.NodeProto] = []
        for node in self._graph.node:
            for index, name in enumerate(node.input):
                node.input[index] = known.aliases.get(name, name)
            settle_type(node, known)
            if self._evaluated(node) or self._skipped(node, outputs):
                continue
            settle(node, known, self._fixed_batch)
            for index, name in enumerate(node.input):
                if name in known.vectors:
                    node.input[index] = batch.compute(node, known.vectors[name].ravel().tolist())
            kept.append(node)
        needed = _needed([*batch.nodes, *kept], outputs)
        del self._graph.node[:]
        self._graph.node.extend(needed)
        self._own_initializers()

    def _evaluated(self, node: onnx.NodeProto) -> bool:
        """Works out what does not depend on the input's values."""
        known = self._known
        if node.op_type == "Constant":
            known.folded[node.output[0]] = constant_of(node)
            return True
        if node.op_type == "Shape":
            return self._shape(node)
        names = [name for name in node.input if name]
        parts = [part for part in map(known.entries, names) if part is not None]
        if not names or len(parts) < len(names):
            return False
        if not any(name in known.vectors for name in names):
            return self._fold(node, parts)
        moved = move(node, [part.astype(object) for part in parts])
        if moved is not None:
            known.learn(node.output[0], moved)
        return moved is not None

    def _fold(self, node: onnx.NodeProto, inputs: list[np.ndarray]) -> bool:
        # A lookup in a float table is an embedding of constant places, which is trained.
        table = node.op_type == "Gather" and inputs[0].dtype == np.float32 and inputs[0].ndim == 2
        if node.op_type not in FOLDABLE or len(node.output) != 1 or table:
            return False
        lengths = self._known.infer(node)
        sizes = [length for length in lengths or () if isinstance(length, int)]
        if lengths is None or len(sizes) < len(lengths) or math.prod(sizes) > MAX_FOLDED:
            return False
        self._known.folded[node.output[0]] = fold(node, inputs, self._opset)
        return True

    def _shape(self, node: onnx.NodeProto) -> bool:
        lengths = self._known.lengths(node.input[0])
        if lengths is None:
            return False
        given = attributes(node)
        lengths = lengths[given.get("start", 0) : given.get("end", len(lengths))]
        self._known.learn(node.output[0], np.asarray(lengths, dtype=object))
        return True

    def _skipped(self, node: onnx.NodeProto, outputs: set[str]) -> bool:
        """What does nothing at inference (Identity, Dropout, a cast to the same type) is another name for its
        input.
        """
        if node.op_type == "Cast":
            same = self._known.kind(node.input[0]) == attributes(node)["to"]
        else:
            same = node.op_type in ("Identity", "Dropout")
        if not same or node.output[0] in outputs:
            return False
        self._known.aliases[node.output[0]] = node.input[0]
        return True

    def _own_initializers(self) -> None:
        """Each use of a constant gets an initializer of its own: layers that share one are pruned apart."""
        tensors: list[onnx.TensorProto] = []
        for node in self._graph.node:
            for index, name in enumerate(node.input):
                value = self._known.value(name) if name else None
                if value is None:
                    continue
                own = name if name not in self._used else f"{name}.{len(tensors)}"
                self._used.add(own)
                node.input[index] = own
                tensors.append(numpy_helper.from_array(np.array(value, order="C"), own))
        del self._graph.initializer[:]
        self._graph.initializer.extend(tensors)


def _needed(nodes: list[onnx.NodeProto], outputs: set[str]) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, in order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]
