"""Two versions of one ancestor made into one: their weights joined, tensor by tensor of the same graph.

Soup: Wortsman et al. 2022 (arXiv:2203.05482). SLERP: Shoemake, SIGGRAPH 1985. Task arithmetic: Ilharco et al.
2023 (arXiv:2212.04089). TIES: Yadav et al. 2023 (arXiv:2306.01708).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import fx, nn

from gpu_worker.compress.recipe import Merge
from gpu_worker.importer import (
    Imported,
    ImportRefused,
    InputSpec,
    export_proto,
    import_onnx,
    plain_form,
    reinsert_batchnorm,
)

Tensors = Mapping[str, np.ndarray]

STATISTICS = ("running_mean", "running_var")
"""What BatchNorm knows of its inputs: always interpolated, so that no variance turns negative."""

PARALLEL = 1e-6
"""Below this sine of their angle two tensors have no arc between them, and SLERP goes straight."""

RELATIVES_KEPT = 4
"""Partners and ancestors whose weights stay at hand."""

RECALIBRATION_SAMPLES = 256
"""Train samples that BatchNorm is measured on, in one batch; a hand on the dial waits for them."""


@dataclass(frozen=True)
class Merged:
    """imported: with the joined weights; BatchNorm's statistics are interpolated only. is_parent: it is one
    of the two as it was, so that its statistics are right.
    """

    imported: Imported
    is_parent: bool


@dataclass(frozen=True)
class _Form:
    """A version's own graph, as it is or with the BatchNorm put back that an export folded away."""

    imported: Imported
    plain: onnx.ModelProto
    names: set[str]
    arrays: Tensors
    has_put_back: bool


class Merger:
    """Merges one version with others. What was compared stays known: only the weight moves with a dial.

    Training puts back the BatchNorm that an export folded into convolutions. Where one of the graphs has it
    and another does not, it is put back there too, as training began: the function stays, and weights are
    joined in the form in which they were learnt.
    """

    def __init__(
        self, imported: Imported, model: Callable[[str], bytes], samples: Callable[[], np.ndarray]
    ) -> None:
        """model: gives the float graph behind a digest. samples: of the model's input, which BatchNorm that
        is put back takes its statistics from.
        """
        self._imported = imported
        self._model = model
        self._samples = samples
        self._forms: dict[bool, _Form] = {}
        self._norms: dict[str, int] = {}
        self._known: dict[tuple[str, bool], Tensors] = {}

    def merge(self, merge: Merge) -> Merged:
        """The merged model; the imported one stays as it is.

        Raises ValueError naming the first node or tensor in which the graphs differ.
        """
        relatives = {"The other version": merge.partner}
        if merge.ancestor is not None:
            relatives["The shared ancestor"] = merge.ancestor
        graphs = {
            digest: self._graph(name, digest)
            for name, digest in relatives.items()
            if digest not in self._norms
        }
        self._norms |= {digest: _norms(graph) for digest, graph in graphs.items()}
        counts = {_norms(self._imported.model), *(self._norms[digest] for digest in relatives.values())}
        mine = self._form(len(counts) > 1)
        others, *rest = (
            self._weights(name, digest, mine, graphs.get(digest)) for name, digest in relatives.items()
        )
        before = rest[0] if rest else None
        weights = mine.imported.weights
        statistics = {weight.initializer for name, weight in weights.items() if name.endswith(STATISTICS)}
        merged = merge_tensors(merge, mine.arrays, others, before, statistics)
        module = copy.deepcopy(mine.imported.module)
        state = module.state_dict()
        with torch.no_grad():
            for name, weight in weights.items():
                value = torch.from_numpy(merged[weight.initializer])
                state[name].copy_(value.T if weight.transposed else value)
        is_parent = _equal(merged, mine.arrays) or _equal(merged, others)
        return Merged(mine.imported.with_module(module), is_parent)

    def _form(self, has_put_back: bool) -> _Form:
        if has_put_back not in self._forms:
            imported = self._put_back("This version", self._imported) if has_put_back else self._imported
            plain = export_proto(imported)
            names = {weight.initializer for weight in imported.weights.values()}
            self._forms[has_put_back] = _Form(imported, plain, names, _arrays(plain, names), has_put_back)
        return self._forms[has_put_back]

    def _weights(self, name: str, digest: str, mine: _Form, graph: onnx.ModelProto | None) -> Tensors:
        """Of a relative in the form that this version's have. graph: its plain form, where it is at hand."""
        found = self._known.pop((digest, mine.has_put_back), None)
        if found is None:
            if mine.has_put_back:
                other = export_proto(self._put_back(name, self._imported_of(name, digest)))
            else:
                other = graph or self._graph(name, digest)
            difference = first_difference(mine.plain, other, mine.names)
            if difference is not None:
                raise ValueError(f"{name} cannot be merged: {difference}")
            found = _arrays(other, mine.names)
        self._known[digest, mine.has_put_back] = found
        while len(self._known) > RELATIVES_KEPT:
            del self._known[next(iter(self._known))]
        return found

    def _graph(self, name: str, digest: str) -> onnx.ModelProto:
        with _naming(name):
            return plain_form(self._model(digest))

    def _imported_of(self, name: str, digest: str) -> Imported:
        with _naming(name):
            return import_onnx(self._model(digest))

    def _put_back(self, name: str, imported: Imported) -> Imported:
        taken = [_taken(version.input) for version in (self._imported, imported)]
        if taken[0] != taken[1]:
            raise ValueError(f"{name} cannot be merged: samples are {taken[0]} here and {taken[1]} there.")
        with _naming(name):
            return reinsert_batchnorm(imported, [torch.from_numpy(self._samples())])


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except ImportRefused as refusal:
        raise ValueError(f"{name} cannot be merged: {refusal}") from refusal


def merge_tensors(
    merge: Merge, a: Tensors, b: Tensors, ancestor: Tensors | None, interpolated: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """Each tensor of `a` merged with the same of `b`, computed in float64, in the dtype of `a`.

    weight 0 gives `a`, 1 gives `b` (exactly so for soup and SLERP). interpolated: names that take the soup's
    way whatever the method. Raises ValueError when the method needs an ancestor and there is none.
    """
    t = merge.weight
    wide = {name: (a[name].astype(np.float64), b[name].astype(np.float64)) for name in a}
    result = {name: _between(x, y, t) for name, (x, y) in wide.items()}
    rest = {name: pair for name, pair in wide.items() if name not in interpolated}
    if merge.method == "slerp":
        result |= {name: _along_arc(x, y, t) for name, (x, y) in rest.items()}
    elif merge.method != "soup":
        if ancestor is None:
            raise ValueError(f"A merge by {merge.method} needs the weights of the shared ancestor.")
        start = {name: ancestor[name].astype(np.float64) for name in rest}
        mine = {name: x - start[name] for name, (x, _) in rest.items()}
        others = {name: y - start[name] for name, (_, y) in rest.items()}
        if merge.method == "arithmetic":
            change = {name: _between(mine[name], others[name], t) for name in rest}
        else:
            mine, others = trim(mine, merge.density), trim(others, merge.density)
            change = {name: elect(mine[name], others[name], t) for name in rest}
        result |= {name: start[name] + merge.scale * change[name] for name in rest}
    return {name: result[name].astype(a[name].dtype) for name in a}


def trim(change: Tensors, density: float) -> dict[str, np.ndarray]:
    """The largest share `density` of all values of a change; the others become zero. Equal values stay
    together.
    """
    sizes = np.concatenate([np.abs(value).ravel() for value in change.values()])
    kept = math.ceil(density * len(sizes))
    if kept == 0:
        return {name: np.zeros_like(value) for name, value in change.items()}
    least = np.partition(sizes, len(sizes) - kept)[len(sizes) - kept]
    return {name: np.where(np.abs(value) >= least, value, 0.0) for name, value in change.items()}


def elect(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """TIES: the sign of the weighted sum wins, and the weighted mean of the values that have it is taken."""
    mean = _between(a, b, t)
    sign = np.sign(mean)
    has_a, has_b = np.sign(a) == sign, np.sign(b) == sign
    return np.where(has_a & has_b, mean, np.where(has_a, a, np.where(has_b, b, 0.0)))


def norms_of(module: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d]:
    """The layers with statistics of their inputs."""
    return [part for part in module.modules() if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d))]


def recalibrate_norms(module: fx.GraphModule, samples: np.ndarray) -> None:
    """Measures BatchNorm's mean and variance anew, in place, on samples of the model's input.

    Merged weights give activations that neither parent's statistics describe (Jordan et al. 2023,
    arXiv:2211.08403). One batch on one thread: the same samples give the same bits.
    """
    norms = norms_of(module)
    threads = torch.get_num_threads()
    momenta = [norm.momentum for norm in norms]
    module.eval()
    for norm in norms:
        # The batch's own statistics, and nothing of older ones.
        norm.momentum = 1.0
        norm.train()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            module(torch.from_numpy(samples))
    finally:
        torch.set_num_threads(threads)
        module.eval()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def _between(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    return np.where(a == b, a, (1 - t) * a + t * b)


def _along_arc(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    lengths = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    if lengths == 0:
        return _between(a, b, t)
    angle = math.acos(max(-1.0, min(1.0, float(np.vdot(a, b)) / lengths)))
    if math.sin(angle) < PARALLEL:
        return _between(a, b, t)
    return (math.sin((1 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)


def _arrays(model: onnx.ModelProto, names: set[str]) -> dict[str, np.ndarray]:
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.name in names
    }


def _norms(model: onnx.ModelProto) -> int:
    return sum(node.op_type == "BatchNormalization" for node in model.graph.node)


def _equal(a: Tensors, b: Tensors) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in a)


def first_difference(a: onnx.ModelProto, b: onnx.ModelProto, weights: set[str]) -> str | None:
    """What first keeps two graphs in the plain form from being merged, in words; None when nothing does.

    weights: names of the tensors whose values may differ.
    """
    for place, (mine, other) in enumerate(zip(a.graph.node, b.graph.node, strict=False)):
        kinds = [(node.domain, node.op_type, [*node.input], [*node.output]) for node in (mine, other)]
        if kinds[0] != kinds[1]:
            return f"node {place} is {_spelled(mine)} here and {_spelled(other)} there."
    if len(a.graph.node) != len(b.graph.node):
        return f"the graph has {len(a.graph.node)} nodes here and {len(b.graph.node)} there."
    others = {tensor.name: tensor for tensor in b.graph.initializer}
    for tensor in a.graph.initializer:
        other = others.pop(tensor.name, None)
        if other is None:
            return f"it has no tensor '{tensor.name}'."
        kinds = [f"{_times(found.dims)} {_dtype(found)}" for found in (tensor, other)]
        if kinds[0] != kinds[1]:
            return f"the tensor '{tensor.name}' is {kinds[0]} here and {kinds[1]} there."
        if tensor.name not in weights and not np.array_equal(
            numpy_helper.to_array(tensor), numpy_helper.to_array(other), equal_nan=tensor.data_type == 1
        ):
            return f"the constant '{tensor.name}' has other values there."
    if others:
        return f"it has the tensor '{next(iter(others))}', which is not here."
    for mine, other in zip(a.graph.node, b.graph.node, strict=True):
        attributes = [
            sorted(found.SerializeToString(deterministic=True) for found in node.attribute)
            for node in (mine, other)
        ]
        if attributes[0] != attributes[1]:
            return f"{_spelled(mine)} has other attributes there."
    return None


def _spelled(node: onnx.NodeProto) -> str:
    return f"{node.op_type} '{node.name or node.output[0]}'"


def _taken(spec: InputSpec) -> str:
    return f"{'×'.join('any' if n is None else str(n) for n in spec.shape[1:])} {spec.dtype}"


def _times(dims: Iterable[int]) -> str:
    return "×".join(str(n) for n in dims) or "scalar"


def _dtype(tensor: onnx.TensorProto) -> str:
    return onnx.TensorProto.DataType.Name(tensor.data_type).lower()
