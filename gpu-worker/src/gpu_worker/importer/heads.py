"""Attention heads: following the axis that they lie on from an output projection back to queries, keys and
values.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from gpu_worker.importer.ops_plain import BINARY, UNARY, hard_sigmoid, leak
from gpu_worker.importer.ops_shape import reshape_features, take_slice

# fmt: off
ENTRYWISE = {
    *UNARY.values(), *BINARY.values(), F.leaky_relu, F.elu, F.celu, F.threshold, F.selu, F.gelu, hard_sigmoid,
    leak, torch.clamp, torch.full_like, torch.maximum, torch.minimum, torch.where, torch.Tensor.to,
}
# fmt: on
PRODUCTS = {torch.matmul, F.scaled_dot_product_attention}
RESHAPES = {reshape_features, torch.flatten}
ALONG_ONE_AXIS = {torch.softmax, F.softmax, F.log_softmax, torch.cat}
NORMS = (nn.LayerNorm, nn.RMSNorm)

Sizes = Mapping[Any, torch.Size]
"""By node."""


class Lost(Exception):
    """The graph does something with the heads that cannot be followed."""


@dataclass(frozen=True)
class Place:
    """Where the heads lie in a tensor: `axis`, counted from the last (-1), has `before` times as many entries
    as there are heads times `after`, in this order.
    """

    axis: int
    before: int
    after: int

    def owners(self, heads: int) -> torch.Tensor:
        """The head of each entry of the axis, int64."""
        return torch.arange(self.before * heads * self.after) // self.after % heads


@dataclass(frozen=True)
class Heads:
    """The heads of one attention block, and what of the graph has a share in them.

    projections: modules whose inputs are the heads. sources: modules whose outputs are. tensors: parameters
    and buffers with an entry for each. constants: nodes that name their number, by the place of it in what
    they give (for a split or a slice, in what they take).
    """

    count: int
    projections: dict[str, Place]
    sources: dict[str, Place]
    tensors: dict[str, Place]
    constants: dict[str, Place]


def find_heads(module: fx.GraphModule, example: torch.Tensor) -> list[Heads]:
    """The attention blocks whose heads can be taken out one by one, in the order of the graph."""
    recorder = _Recorder(module)
    with torch.no_grad():
        recorder.run(example)
    found: list[Heads] = []
    for node, heads in _merges(module, recorder.sizes):
        follower = _Follower(module, recorder.sizes, heads)
        try:
            found.append(follower.follow(node))
        except Lost:
            continue
    return found


def rescale(node: fx.Node, place: Place, heads: int, kept: int) -> None:
    """Lets a node name another number of heads."""
    source: Any = node.args[0]
    given: Any = node.args[1]
    if node.target is reshape_features:
        target = list(given)
        target[place.axis] = target[place.axis] // heads * kept
        node.args = (source, target)
    elif node.target is torch.split:
        node.args = (source, [size // heads * kept for size in given], *node.args[2:])
    else:
        ranges = list(given)
        start, end, step = ranges[place.axis]
        ranges[place.axis] = (start // heads * kept, end // heads * kept, step)
        node.args = (source, tuple(ranges))


class _Recorder(fx.Interpreter):
    """Notes the shape of everything that is computed."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.sizes: dict[fx.Node, torch.Size] = {}

    def run_node(self, n: fx.Node) -> Any:
        """As the interpreter does, noting the shape."""
        value = super().run_node(n)
        if isinstance(value, torch.Tensor):
            self.sizes[n] = value.shape
        return value


def _merges(module: fx.GraphModule, sizes: Sizes) -> Iterator[tuple[fx.Node, int]]:
    """Nodes that lay heads side by side for a linear layer, with the number of heads."""
    for node in module.graph.nodes:
        if node.op != "call_function" or node.target not in RESHAPES:
            continue
        before, after = sizes[node.args[0]], sizes[node]
        read = [user for user in node.users if user.op == "call_module"]
        linear = any(isinstance(module.get_submodule(str(user.target)), nn.Linear) for user in read)
        if linear and len(before) > 2 and before[-2] > 1 and before[-2] * before[-1] == after[-1]:
            yield node, before[-2]


class _Follower:
    """Carries the place of the heads from tensor to tensor, forwards and backwards, until nothing is new.

    A node relates the places in what it takes and in what it gives, so one known place tells the others.
    """

    def __init__(self, module: fx.GraphModule, sizes: Sizes, heads: int) -> None:
        self._module = module
        self._sizes = sizes
        self._count = heads
        self._places: dict[Any, Place] = {}
        self._waiting: list[fx.Node] = []
        self._multiplied = False
        self._found = Heads(heads, {}, {}, {}, {})

    def follow(self, merged: fx.Node) -> Heads:
        """The block whose heads a node lays side by side. Raises Lost."""
        width = self._sizes[merged][-1]
        self._put(merged, Place(-1, 1, width // self._count))
        while self._waiting:
            node = self._waiting.pop()
            self._relate(node)
            for user in node.users:
                self._relate(user)
        found = self._found
        if not self._multiplied or not found.sources or not found.projections:
            raise Lost
        return found

    def _put(self, node: Any, place: Place) -> None:
        known = self._places.get(node)
        if known is None:
            sizes = self._sizes.get(node)
            if sizes is None or len(sizes) < -place.axis:
                raise Lost
            if sizes[place.axis] != place.before * self._count * place.after:
                raise Lost
            self._places[node] = place
            self._waiting.append(node)
        elif known != place:
            raise Lost

    def _relate(self, node: fx.Node) -> None:
        if node.op == "get_attr":
            self._found.tensors[str(node.target)] = self._places[node]
        elif node.op == "call_module":
            self._through_module(node)
        elif node.op == "call_function":
            self._through_function(node)
        else:
            raise Lost

    def _through_module(self, node: fx.Node) -> None:
        name, source = str(node.target), node.args[0]
        layer = self._module.get_submodule(name)
        given, taken = self._places.get(node), self._places.get(source)
        if isinstance(layer, nn.Linear):
            last = 1
            if given is not None and given.axis == -1:
                self._found.sources[name] = given
                given = None
            if taken is not None and taken.axis == -1:
                self._found.projections[name] = taken
                taken = None
        elif isinstance(layer, NORMS):
            last = len(layer.normalized_shape)
        else:
            raise Lost
        for place in filter(None, (given, taken)):
            if place.axis >= -last:
                raise Lost
            self._put(source, place)
            self._put(node, place)

    def _through_function(self, node: fx.Node) -> None:
        target, source = node.target, node.args[0]
        if target in ENTRYWISE:
            self._align(node)
        elif target in PRODUCTS:
            self._align(node, furthest=-3)
            self._multiplied = True
        elif target in ALONG_ONE_AXIS:
            self._align(node, but=self._from_last(node, node.args[1]))
        elif target in RESHAPES:
            self._reshape(node)
        elif target is torch.permute:
            order = [axis % len(self._sizes[node]) for axis in node.args[1]]  # type: ignore[union-attr]
            self._move(node, order)
        elif target in (torch.squeeze, torch.unsqueeze, torch.select):
            self._change_rank(node)
        elif target is take_slice:
            self._slice(node)
        elif target is torch.split:
            self._split(node)
        elif target is operator.getitem and isinstance(source, fx.Node) and source.target is torch.split:
            self._split(source)
        else:
            raise Lost

    def _from_last(self, node: fx.Node, axis: Any) -> int:
        rank = len(self._sizes[node])
        return axis % rank - rank

    def _align(self, node: fx.Node, furthest: int = -1, but: int | None = None) -> None:
        """Tensors whose axes are aligned from the last: what has more than one entry there has the heads."""
        tensors = [node, *node.all_input_nodes]
        place = next(self._places[tensor] for tensor in tensors if tensor in self._places)
        if place.axis > furthest or place.axis == but:
            raise Lost
        for tensor in tensors:
            sizes = self._sizes[tensor]
            if len(sizes) >= -place.axis and sizes[place.axis] > 1:
                self._put(tensor, place)

    def _exchange(self, node: fx.Node, forwards: Any, backwards: Any) -> None:
        """Puts the place on the other side of a node that takes one tensor."""
        source = node.args[0]
        if source in self._places:
            self._put(node, forwards(self._places[source]))
        if node in self._places:
            self._put(source, backwards(self._places[node]))

    def _reshape(self, node: fx.Node) -> None:
        before, after = self._sizes[node.args[0]], self._sizes[node]
        self._exchange(
            node,
            lambda place: carried(place, before, after, self._count),
            lambda place: carried(place, after, before, self._count),
        )
        place = self._places[node]
        if node.target is torch.flatten:
            return
        target: Any = node.args[1]
        entry = target[place.axis]
        if entry > 0:
            self._constant(node, place)
        elif entry == 0 and len(target) + place.axis != len(before) + self._places[node.args[0]].axis:
            raise Lost

    def _move(self, node: fx.Node, order: Sequence[int]) -> None:
        rank = len(order)
        self._exchange(
            node,
            lambda place: Place(order.index(place.axis + rank) - rank, place.before, place.after),
            lambda place: Place(order[place.axis] - rank, place.before, place.after),
        )

    def _change_rank(self, node: fx.Node) -> None:
        """An axis is dropped or comes in; the others keep their order."""
        given: Any = node.args[1]
        wide, narrow = len(self._sizes[node.args[0]]), len(self._sizes[node])
        adds = node.target is torch.unsqueeze
        rank = max(wide, narrow)
        gone = {axis % rank for axis in (given if isinstance(given, tuple) else (given,))}
        left = [axis for axis in range(rank) if axis not in gone]

        def drop(place: Place) -> Place:
            if place.axis + rank not in left:
                raise Lost
            return Place(left.index(place.axis + rank) - len(left), place.before, place.after)

        def add(place: Place) -> Place:
            return Place(left[place.axis] - rank, place.before, place.after)

        self._exchange(node, *((add, drop) if adds else (drop, add)))

    def _slice(self, node: fx.Node) -> None:
        ranges: Any = node.args[1]
        source = node.args[0]
        place = self._places.get(node) or self._places[source]
        start, end, step = ranges[place.axis]
        if start is None:
            self._exchange(node, lambda place: place, lambda place: place)
            return
        block = self._count * place.after
        if step != 1 or start < 0 or end < 0 or start % block or end % block:
            raise Lost
        whole = self._sizes[source][place.axis] // block
        self._put(source, Place(place.axis, whole, place.after))
        self._put(node, Place(place.axis, (end - start) // block, place.after))
        self._constant(node, place)

    def _split(self, node: fx.Node) -> None:
        """Parts of one tensor; where they are cut along the heads, each holds whole blocks of them."""
        source: Any = node.args[0]
        sizes: Any = node.args[1]
        axis = self._from_last(source, node.args[2])
        items = list(node.users)
        place = self._places.get(source) or next(self._places[i] for i in items if i in self._places)
        if place.axis != axis:
            for tensor in (source, *items):
                self._put(tensor, place)
            return
        block = self._count * place.after
        if any(size % block for size in sizes):
            raise Lost
        self._put(source, Place(axis, sum(sizes) // block, place.after))
        for item in items:
            number = item.args[1]
            assert isinstance(number, int)
            self._put(item, Place(axis, sizes[number] // block, place.after))
        self._constant(node, place)

    def _constant(self, node: fx.Node, place: Place) -> None:
        if "constants" not in node.meta:
            raise Lost
        self._found.constants[node.name] = place


def carried(place: Place, source: Sequence[int], target: Sequence[int], heads: int) -> Place:
    """Where heads lie after a reshape from one shape to another. Raises Lost when they are torn apart."""
    axis = len(source) + place.axis
    ahead = math.prod(source[:axis]) * place.before
    behind = place.after * math.prod(source[axis + 1 :])
    passed = 1
    for index, length in enumerate(target):
        before, rest = divmod(ahead, passed)
        if rest == 0 and length % (before * heads) == 0:
            after = length // (before * heads)
            if after * math.prod(target[index + 1 :]) == behind:
                return Place(index - len(target), before, after)
        passed *= length
    raise Lost
