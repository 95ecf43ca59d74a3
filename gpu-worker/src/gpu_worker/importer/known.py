"""What is known of a graph's tensors while its nodes are read in order."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from gpu_worker.importer.shapes import Length, Types


class Known:
    """Constants, shape vectors with the batch size in them, other names for a tensor, and types.

    folded: constants that were computed. vectors: by name, arrays of Length. aliases: another name for what a
    node without effect gives.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._stored = {tensor.name: tensor for tensor in model.graph.initializer}
        self.folded: dict[str, np.ndarray] = {}
        self.vectors: dict[str, np.ndarray] = {}
        self.aliases: dict[str, str] = {}
        self.types = Types(model)

    def value(self, name: str) -> np.ndarray | None:
        """A constant's value, or None when the tensor depends on the input."""
        name = self.aliases.get(name, name)
        if name not in self.folded and name in self._stored:
            self.folded[name] = numpy_helper.to_array(self._stored[name])
        return self.folded.get(name)

    def entries(self, name: str) -> np.ndarray | None:
        """A constant or a shape vector; None when the tensor depends on the input's values."""
        vector = self.vectors.get(name)
        return self.value(name) if vector is None else vector

    def lengths(self, name: str) -> tuple[Length, ...] | None:
        """The shape of a tensor; None when not even its rank is known."""
        entries = self.entries(name)
        return self.types.lengths(name) if entries is None else entries.shape

    def kind(self, name: str) -> int:
        """The ONNX element type of a tensor, 0 when unknown."""
        value = self.value(name)
        return self.types.kind(name) if value is None else helper.np_dtype_to_tensor_dtype(value.dtype)

    def learn(self, name: str, vector: np.ndarray) -> None:
        """Remembers a shape vector; without the batch in it, it is a constant like any other."""
        entries = vector.ravel().tolist()
        if all(isinstance(entry, bool) for entry in entries):
            self.folded[name] = vector.astype(bool)
        elif all(isinstance(entry, int) for entry in entries):
            self.folded[name] = vector.astype(np.int64)
        else:
            self.vectors[name] = vector

    def infer(self, node: onnx.NodeProto) -> tuple[Length, ...] | None:
        """Learns the types of a node's outputs; the shape of its first one, None when it cannot be told."""
        return self.types.infer(node, self.value)
