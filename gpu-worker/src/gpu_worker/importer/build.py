"""Walking a normalised graph into an fx GraphModule of real torch modules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import chain, count
from keyword import iskeyword
from typing import Any, Literal

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import fx, nn

from gpu_worker.importer.shapes import Dims, Types, opset_of
from gpu_worker.importer.types import ImportRefused, Layer, Weight
from gpu_worker.importer.values import BATCH, FOLDABLE, Batch, attributes, move

Handler = Callable[["Builder", onnx.NodeProto, dict[str, Any]], fx.Node]
HANDLERS: dict[str, Handler] = {}

# fmt: off
QUANTIZING = frozenset({
    "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv",
    "QLinearMatMul", "QuantizeLinear",
})
# fmt: on


DOMAINS = ("", "ai.onnx")
NO_TRANSLATION = "this operator has no PyTorch translation"


def untranslatable(node: onnx.NodeProto) -> str | None:
    """Why a node cannot become PyTorch whatever its inputs are; None when it may."""
    if node.op_type in QUANTIZING:
        return "the model is quantized; import the float version that it was made from"
    folded = node.op_type in FOLDABLE | {"Constant", "Shape"}
    return None if node.domain in DOMAINS and (folded or node.op_type in HANDLERS) else NO_TRANSLATION


def handles(*ops: str) -> Callable[[Handler], Handler]:
    """Registers the translation of these ONNX ops."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(ops, handler))
        return handler

    return register


class Builder:
    """Translates one graph; handlers call its methods.

    The ONNX nodes may be merged on the way (MatMul + Add becomes Linear); `weights` remembers which
    initializer each torch tensor came from.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.opset = opset_of(model)
        self.tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self.types = Types(model)
        for node in model.graph.node:
            self.types.infer(node, self.constant)
        self.shapes: dict[str, Dims] = self.types.dims()
        self.uses = Counter(name for node in model.graph.node for name in node.input)
        self.uses.update(value.name for value in model.graph.output)
        self.consumers = {name: node for node in model.graph.node for name in node.input}
        self.graph = fx.Graph()
        self.modules = nn.Module()
        self.layers: list[Layer] = []
        self.weights: dict[str, Weight] = {}
        self.env: dict[str, fx.Node] = {}
        self.merged: set[str] = set()
        self.vectors: dict[str, np.ndarray] = {}
        self.tables: list[int] = []

    def build(self) -> fx.GraphModule:
        """The module in eval mode. Raises ImportRefused at the first node that has no translation."""
        graph = self.model.graph
        self.input = self.env[graph.input[0].name] = self.graph.placeholder("input")
        for node in graph.node:
            if node.output[0] in self.merged or self._is_vector(node):
                continue
            if node.op_type not in HANDLERS or node.domain not in DOMAINS:
                raise ImportRefused.at(node, untranslatable(node) or NO_TRANSLATION)
            try:
                self.env[node.output[0]] = HANDLERS[node.op_type](self, node, attributes(node))
            except (KeyError, IndexError, TypeError, RuntimeError) as error:
                raise ImportRefused.at(node, f"it cannot be translated ({error})") from error
        self.graph.output(self.env[graph.output[0].name])
        module = fx.GraphModule(self.modules, self.graph)
        return module.eval()

    def _is_vector(self, node: onnx.NodeProto) -> bool:
        """Follows shape vectors with the batch size in them; they never become tensors."""
        if node.op_type == "Shape":
            self.vectors[node.output[0]] = np.asarray([BATCH, *self.shapes[node.input[0]][1:]], dtype=object)
        elif node.op_type in ("Concat", "Gather", "Mul") and any(name in self.vectors for name in node.input):
            parts = [
                self.vectors[name] if name in self.vectors else self.weight(node, index).astype(object)
                for index, name in enumerate(node.input)
            ]
            moved = move(node, parts)
            if moved is not None:
                self.vectors[node.output[0]] = moved
        return node.output[0] in self.vectors

    def lengths(self, node: onnx.NodeProto, index: int) -> list[int]:
        """A shape that a node takes as an input; a multiple k of the batch size is written as -k."""
        vector = self.vectors.get(node.input[index])
        entries = self.weight(node, index).tolist() if vector is None else vector.tolist()
        return [-entry.factor if isinstance(entry, Batch) else int(entry) for entry in entries]

    @property
    def tokens(self) -> int:
        """How many different whole numbers the input may hold: what the smallest table it indexes has."""
        return min(self.tables, default=2)

    def constant(self, name: str) -> np.ndarray | None:
        """The value of an initializer, None for a tensor that depends on the input."""
        tensor = self.tensors.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def weight(self, node: onnx.NodeProto, index: int) -> np.ndarray:
        """A constant input that must be there. Raises ImportRefused otherwise."""
        value = self.constant(node.input[index])
        if value is None:
            raise ImportRefused.at(node, f"its input '{node.input[index]}' is computed, not constant")
        return value

    def list_input(
        self, node: onnx.NodeProto, index: int, given: dict[str, Any], name: str
    ) -> list[Any] | None:
        """A small list that newer opsets pass as an input and older ones as an attribute."""
        if name in given:
            value = given[name]
            return list(value) if isinstance(value, (list, tuple)) else [value]
        if len(node.input) > index and node.input[index]:
            return self.weight(node, index).reshape(-1).tolist()
        return None

    def operand(self, name: str) -> fx.Node | float:
        """As `tensor`, but a constant without axes becomes a Python number."""
        value = None if name in self.env else self.constant(name)
        return self.tensor(name) if value is None or value.ndim else value.item()

    def tensor(self, name: str) -> fx.Node:
        """A tensor of the graph; a constant becomes a parameter or a buffer."""
        if name in self.env:
            return self.env[name]
        value = self.constant(name)
        if value is None:
            raise ImportRefused(name, "", f"The tensor '{name}' is used before it is computed.")
        attribute = self.unique(name)
        data = torch.from_numpy(value.copy())
        # Position embeddings, class tokens and scales learn; a mask of infinities does not.
        if value.dtype == np.float32 and value.size > 1 and np.isfinite(value).all():
            self.modules.register_parameter(attribute, nn.Parameter(data))
        else:
            self.modules.register_buffer(attribute, data)
        self.weights[attribute] = Weight(name)
        return self.graph.get_attr(attribute)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> fx.Node:
        """A function call in the fx graph."""
        return self.graph.call_function(function, args, kwargs)

    def module(self, name: str, module: nn.Module, source: Any) -> fx.Node:
        """A submodule and its call."""
        self.modules.add_module(name, module)
        return self.graph.call_module(name, (source,))

    def layer(
        self,
        kind: Literal["Conv", "ConvTranspose", "Linear"],
        node: onnx.NodeProto,
        module: nn.Module,
        source: Any,
        weight: Weight,
        bias: str | None = None,
    ) -> tuple[str, fx.Node]:
        """A layer with weights: (its module name, its call)."""
        label = self.label(layer_name(weight.initializer, node, bias or ""))
        name = self.unique(label)
        self.weights[f"{name}.weight"] = weight
        shape = tuple(module.get_parameter("weight").shape)
        self.layers.append(Layer(label, kind, name, shape, weight.initializer))
        return name, self.module(name, module, source)

    def label(self, wanted: str) -> str:
        """The name of a layer: nodes of one scope may share theirs, and recipes tell layers apart by name."""
        taken = {layer.name for layer in self.layers}
        names = chain([wanted], (f"{wanted}.{number}" for number in count(2)))
        return next(name for name in names if name not in taken)

    def unique(self, label: str) -> str:
        """An attribute name for a torch module, made from an ONNX name."""
        base = re.sub(r"\W+", "_", label).strip("_") or "tensor"
        base = f"n{base}" if base[0].isdigit() else base
        name, number = base[:80], 1
        while hasattr(self.modules, name) or iskeyword(name):
            name, number = f"{base[:80]}_{number}", number + 1
        return name

    def sole_consumer(self, name: str) -> onnx.NodeProto | None:
        """The only node that reads a tensor, or None."""
        return self.consumers.get(name) if self.uses[name] == 1 else None


def load(module: nn.Module, field: str, value: np.ndarray) -> None:
    """Fills a module's parameter or buffer. Raises TypeError for anything but float32."""
    if value.dtype != np.float32:
        raise TypeError(f"{field} is {value.dtype}; only float32 weights are trained")
    with torch.no_grad():
        getattr(module, field).copy_(torch.from_numpy(np.array(value)))


def layer_name(initializer: str, node: onnx.NodeProto, bias: str = "") -> str:
    """A readable layer name: its weight's or bias's own where the exporter kept it, else the node's path."""
    for name, field in ((initializer, ".weight"), (bias, ".bias")):
        if name.endswith(field) and "::" not in name:
            return name.removesuffix(field)
    path = [part for part in node.name.split("/") if part]
    if len(path) > 1 and path[-1].startswith(node.op_type):
        path.pop()
    # TorchScript repeats the path so far in each step: /layer1/layer1.0/conv1
    following = [*path[1:], ""][: len(path)]
    steps = [step for step, after in zip(path, following, strict=True) if not after.startswith(f"{step}.")]
    return ".".join(steps) or initializer
