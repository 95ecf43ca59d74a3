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
from onnx import numpy_helper, shape_inference

from gpu_worker.importer.types import ImportRefused
from gpu_worker.importer.values import BATCH, MOVES, attributes, constant_of, fold, move

Dims = tuple[int | None, ...]

SUPPORTED_OPSETS = range(9, 24)


def normalise(data: bytes) -> onnx.ModelProto:
    """The plain form of a serialised model: same function, same input and output names, open batch size.

    Raises ImportRefused for models without exactly one float input and one output.
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
    _open_batch(graph.input[0])
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    # Shapes behind a computed axis are only known once constants are folded: fold, then infer again.
    for settle in (False, True):
        del graph.value_info[:]
        shapes = dimensions(shape_inference.infer_shapes(model, data_prop=True))
        Normaliser(model, shapes, opset, settle).run()
    return model


def declare_output(model: onnx.ModelProto) -> None:
    """Gives the output its inferred shape: a model without one is not valid ONNX."""
    output = model.graph.output[0]
    known = dimensions(shape_inference.infer_shapes(model)).get(output.name)
    if known is None:
        raise ImportRefused(output.name, "", f"The shape of the output '{output.name}' cannot be inferred.")
    output.type.tensor_type.ClearField("shape")
    shape = output.type.tensor_type.shape
    for axis, length in enumerate(known):
        dim = shape.dim.add()
        if axis == 0:
            dim.dim_param = "batch"
        elif length is not None:
            dim.dim_value = length
    if not shape.dim:
        raise ImportRefused(output.name, "", f"The output '{output.name}' is a single number, not scores.")


def opset_of(model: onnx.ModelProto) -> int:
    """The version of the default operator set."""
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)


def dimensions(model: onnx.ModelProto) -> dict[str, Dims]:
    """Known shapes by tensor name after shape inference, None for an open dimension."""
    graph = model.graph
    return {
        value.name: tuple(
            d.dim_value if d.HasField("dim_value") else None for d in value.type.tensor_type.shape.dim
        )
        for value in [*graph.input, *graph.value_info, *graph.output]
        if value.type.tensor_type.HasField("shape")
    }


def _open_batch(value: onnx.ValueInfoProto) -> None:
    shape = value.type.tensor_type.shape
    if not shape.dim:
        raise ImportRefused("", "", f"The input '{value.name}' has no shape with a batch dimension.")
    shape.dim[0].Clear()
    shape.dim[0].dim_param = "batch"


class Normaliser:
    """One pass over the nodes in order; `constants` and `vectors` hold what is known so far.

    settle: also follow shape vectors with an open batch and give every Reshape a constant target.
    """

    def __init__(self, model: onnx.ModelProto, shapes: dict[str, Dims], opset: int, settle: bool) -> None:
        self.settle = settle
        self.graph = model.graph
        self.shapes = shapes
        self.opset = opset
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        self.vectors: dict[str, np.ndarray] = {}
        self.folded: dict[str, np.ndarray] = {}
        self.aliases: dict[str, str] = {}
        self.used: set[str] = set()

    def run(self) -> None:
        """Rewrites the graph in place."""
        outputs = {value.name for value in self.graph.output}
        kept: list[onnx.NodeProto] = []
        for node in self.graph.node:
            for index, name in enumerate(node.input):
                node.input[index] = self.aliases.get(name, name)
            if self._known(node) or self._skipped(node, outputs):
                continue
            if self.settle and node.op_type == "Reshape":
                self._settle_reshape(node)
            kept.append(node)
        needed = _needed(kept, outputs)
        del self.graph.node[:]
        self.graph.node.extend(needed)
        self._own_initializers()

    def _known(self, node: onnx.NodeProto) -> bool:
        """Evaluates what does not depend on the input."""
        if node.op_type == "Constant":
            self.folded[node.output[0]] = constant_of(node)
            return True
        if node.op_type == "Shape":
            return self._shape(node)
        names = [name for name in node.input if name]
        values = [self.value(name) for name in names]
        if node.op_type == "CastLike" and values[0] is not None and values[1] is None:
            # Every float tensor here is float32 (the input's dtype was checked), so this cast is known.
            self.folded[node.output[0]] = values[0].astype(np.float32)
            return True
        if names and all(value is not None for value in values):
            result = fold(node, [value for value in values if value is not None], self.opset)
            if result is not None:
                self.folded[node.output[0]] = result
                return True
        if (node.op_type in MOVES and names and names[0] in self.vectors) or self._joins_vectors(node):
            parts = [self.vectors.get(name, value) for name, value in zip(names, values, strict=True)]
            if all(part is not None for part in parts):
                moved = move(node, [part for part in parts if part is not None])
                if moved is not None:
                    self._learn(node.output[0], moved)
                    return True
        return False

    def _learn(self, name: str, vector: np.ndarray) -> None:
        """Remembers a shape vector; without the batch in it, it is a constant like any other."""
        if any(entry is BATCH for entry in vector.ravel()):
            self.vectors[name] = vector
        else:
            self.folded[name] = vector.astype(np.int64)

    def _joins_vectors(self, node: onnx.NodeProto) -> bool:
        return node.op_type == "Concat" and any(name in self.vectors for name in node.input)

    def _shape(self, node: onnx.NodeProto) -> bool:
        constant = self.value(node.input[0])
        dims: Dims | None = tuple(constant.shape) if constant is not None else self.shapes.get(node.input[0])
        if dims is None:
            return False
        given = attributes(node)
        dims = dims[given.get("start", 0) : given.get("end", len(dims))]
        if all(length is not None for length in dims):
            self.folded[node.output[0]] = np.asarray(dims, np.int64)
        elif self.settle and dims.count(None) == 1 and dims[0] is None and given.get("start", 0) == 0:
            self.vectors[node.output[0]] = np.asarray([BATCH, *dims[1:]], dtype=object)
        else:
            return False
        return True

    def _skipped(self, node: onnx.NodeProto, outputs: set[str]) -> bool:
        """Identity and Dropout do nothing at inference; their output is another name for their input."""
        if node.op_type not in ("Identity", "Dropout") or node.output[0] in outputs:
            return False
        self.aliases[node.output[0]] = node.input[0]
        if node.input[0] in self.vectors:
            self.vectors[node.output[0]] = self.vectors[node.input[0]]
        return True

    def _settle_reshape(self, node: onnx.NodeProto) -> None:
        """A constant target that copies the batch (0) and, where it flattens, leaves the rest to -1.

        So it stays right for every batch size and for pruned channel counts.
        """
        vector = self.vectors.get(node.input[1])
        value = self.value(node.input[1]) if vector is None else vector
        if value is None or (vector is not None and vector[0] is not BATCH):
            raise ImportRefused(node.name, node.op_type, "its target shape depends on the input's values")
        target = [0 if entry is BATCH else int(entry) for entry in value.tolist()]
        dims = self.shapes.get(node.input[0])
        tail: list[int | None] = list(target[1:])
        if dims is not None and None not in dims[1:]:
            tail = self._checked_tail(node, target, dims)
        elif vector is None:
            return  # Nothing is known to improve it; the parity check has the last word.
        target = [0, -1] if len(target) == 2 else [0, *(int(entry or 0) for entry in tail)]
        name = f"{node.output[0]}.shape"
        self.folded[name] = np.asarray(target, np.int64)
        node.input[1] = name
        for attribute in [a for a in node.attribute if a.name == "allowzero"]:
            node.attribute.remove(attribute)

    def _checked_tail(self, node: onnx.NodeProto, target: list[int], dims: Dims) -> list[int | None]:
        """The target behind the batch, copies resolved. Raises ImportRefused if it tears samples apart."""
        known = [length for length in dims[1:] if length is not None]
        tail = [
            dims[axis] if length == 0 and axis < len(dims) else length
            for axis, length in enumerate(target)
            if axis > 0
        ]
        rest, size = (
            math.prod(known),
            math.prod(length for length in tail if length is not None and length != -1),
        )
        open_entries = tail.count(-1)
        if open_entries > 1 or (size != rest if not open_entries else size == 0 or rest % size):
            reason = f"it moves samples between batch and features ({target})"
            raise ImportRefused(node.name, node.op_type, reason)
        return tail

    def value(self, name: str) -> np.ndarray | None:
        """A constant's value, or None when the tensor depends on the input."""
        name = self.aliases.get(name, name)
        if name not in self.folded and name in self.constants:
            self.folded[name] = numpy_helper.to_array(self.constants[name])
        return self.folded.get(name)

    def _own_initializers(self) -> None:
        """Each use of a constant gets an initializer of its own: layers that share one are pruned apart."""
        tensors: list[onnx.TensorProto] = []
        for node in self.graph.node:
            for index, name in enumerate(node.input):
                value = self.value(name) if name else None
                if value is None:
                    continue
                own = name if name not in self.used else f"{name}.{len(tensors)}"
                self.used.add(own)
                node.input[index] = own
                tensors.append(numpy_helper.from_array(np.array(value, order="C"), own))
        del self.graph.initializer[:]
        self.graph.initializer.extend(tensors)


def _needed(nodes: list[onnx.NodeProto], outputs: set[str]) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, in order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]
