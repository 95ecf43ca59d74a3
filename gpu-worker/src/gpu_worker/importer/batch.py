"""Shape vectors that hold the batch size, computed from the input in one plain way."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from gpu_worker.importer.shapes import Length
from gpu_worker.importer.types import ImportRefused
from gpu_worker.importer.values import Batch


class BatchVectors:
    """Makes the nodes that compute such vectors: Shape of the input, Gather of its first entry, Mul by a
    factor, Concat with the known lengths.
    """

    def __init__(self, source: str, constants: dict[str, np.ndarray]) -> None:
        self._source = source
        self._constants = constants
        self._made: dict[tuple[Length, ...], str] = {}
        self.nodes: list[onnx.NodeProto] = []

    def compute(self, reader: onnx.NodeProto, vector: list[Length]) -> str:
        """The name of an int64 tensor with these lengths. Raises ImportRefused, naming its reader, for an
        unknown one.
        """
        key = tuple(vector)
        if key not in self._made:
            if None in key:
                reason = (
                    "it needs a length that the model leaves open; export the model with a fixed input size"
                )
                raise ImportRefused.at(reader, reason)
            parts = [self._part(entry) for entry in vector]
            name = f"{self._source}.lengths.{len(self._made)}"
            self.nodes.append(helper.make_node("Concat", parts, [name], axis=0))
            self._made[key] = name
        return self._made[key]

    def _part(self, entry: Length) -> str:
        if not isinstance(entry, Batch):
            return self._constant(entry)
        if not self.nodes:
            self.nodes += [
                helper.make_node("Shape", [self._source], [f"{self._source}.shape"]),
                helper.make_node(
                    "Gather", [f"{self._source}.shape", self._constant(0)], [f"{self._source}.batch"], axis=0
                ),
            ]
        name = f"{self._source}.batch"
        if entry.factor != 1:
            product = f"{name}.{entry.factor}.{len(self.nodes)}"
            self.nodes.append(helper.make_node("Mul", [name, self._constant(entry.factor)], [product]))
            name = product
        return name

    def _constant(self, value: Length) -> str:
        name = f"{self._source}.length.{value}"
        self._constants[name] = np.asarray([value], np.int64)
        return name
