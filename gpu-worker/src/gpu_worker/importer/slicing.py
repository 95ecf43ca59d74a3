"""Which channels hang together, and taking channels out of a module.

torch-pruning's dependency graph (DepGraph, Fang et al., CVPR 2023) is traced once on the whole model; after
that a pruned module is only indexing: no tracing, and every ratio starts from the same original weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch_pruning as tp
from torch import fx, nn

from gpu_worker.importer.coupling import CouplingGraph
from gpu_worker.importer.heads import Heads, Place, find_heads, rescale
from gpu_worker.importer.types import PARITY_LIMIT, SMALLEST_REFERENCE, Imported

Axis = Literal["out", "in"]
Unit = Literal["channels", "neurons", "heads"]
"""What goes as one: a convolution's channel, a linear layer's neuron, an attention block's head."""

OUT = {
    tp.prune_conv_out_channels,
    tp.prune_linear_out_channels,
    tp.prune_batchnorm_out_channels,
    tp.prune_depthwise_conv_out_channels,
}
IN = {tp.prune_conv_in_channels, tp.prune_linear_in_channels}

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
ROOTS = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)


@dataclass(frozen=True)
class Member:
    """What a group touches of one layer: `index[k]` on `axis` goes when root channel `root[k]` goes."""

    module: str
    axis: Axis
    index: torch.Tensor
    root: torch.Tensor


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that must be removed together (a layer, what it feeds, and everything added to it).

    importance: float (channels,), larger is kept longer. unit: what a root channel is. heads: of an attention
    block, what else of its graph follows their number.
    """

    root: str
    channels: int
    members: list[Member]
    importance: torch.Tensor
    unit: Unit
    heads: Heads | None = None


def trace_groups(imported: Imported, example: torch.Tensor) -> list[ChannelGroup]:
    """The prunable channel groups of a model, with their L2 importance, in the order of the graph.

    Groups that reach the output layer's channels, a grouped (not depthwise) convolution, an embedding or a
    LayerNorm (the width of a transformer) are left out, and so are those that the rest of the graph cannot
    follow. The queries, keys and values of an attention block, and its output projection, are one group of
    heads. Importance is the mean over the group's layers of squared weights per channel, as torch-pruning's
    GroupMagnitudeImportance(p=2) has it.
    """
    module = imported.module
    names: dict[nn.Module, str] = {child: name for name, child in module.named_modules()}
    for parameter in module.parameters():
        parameter.requires_grad_(True)  # the graph is traced through autograd
    with torch.enable_grad():
        graph = CouplingGraph().build_dependency(module, (example[:1],), verbose=False)
    importance = tp.importance.GroupMagnitudeImportance(p=2)
    output = module.get_submodule(imported.output_layer.module)
    groups: list[ChannelGroup] = []
    found: Any = graph.get_all_groups(ignored_layers=[output], root_module_types=list(ROOTS))
    for group in found:
        items: list[Any] = [group[i] for i in range(len(group))]
        members = None if group.entangled else _members(items, names)
        score = None if members is None else importance(group)
        if members is not None and score is not None:
            root = items[0].dep.target.module
            unit: Unit = "neurons" if isinstance(root, nn.Linear) else "channels"
            found_score = score.detach().clone()
            groups.append(ChannelGroup(names[root], len(items[0].idxs), members, found_score, unit))
    heads = _followed(module, _head_groups(imported, example), example, _answers_as_with_zeros)
    # What lies in heads goes with them or stays.
    taken = {(member.module, member.axis) for group in heads for member in group.members}
    rest = [g for g in groups if not any((member.module, member.axis) in taken for member in g.members)]
    return [*_followed(module, rest, example[:1], _runs_without), *heads]


Trial = Callable[[fx.GraphModule, Sequence[ChannelGroup], torch.Tensor], bool]


def _followed(
    module: fx.GraphModule, groups: list[ChannelGroup], example: torch.Tensor, trial: Trial
) -> list[ChannelGroup]:
    """The groups whose removal passes a trial: all at once if they do, else one by one."""
    if not groups or trial(module, groups, example):
        return groups
    return [group for group in groups if trial(module, [group], example)]


def _head_groups(imported: Imported, example: torch.Tensor) -> list[ChannelGroup]:
    """The attention blocks of a model; importance as that of channels, a head's weights taken together."""
    groups: list[ChannelGroup] = []
    taken: set[tuple[str, Axis]] = set()
    for heads in find_heads(imported.module, example):
        sides: tuple[tuple[Axis, dict[str, Place]], ...] = (("out", heads.sources), ("in", heads.projections))
        members = [
            Member(name, axis, torch.arange(len(owners)), owners)
            for axis, places in sides
            for name, place in places.items()
            for owners in (place.owners(heads.count),)
        ]
        keys: set[tuple[str, Axis]] = {(member.module, member.axis) for member in members}
        if keys & taken or (imported.output_layer.module, "out") in keys:
            continue
        taken |= keys
        scores = torch.zeros(len(members), heads.count)
        for score, member in zip(scores, members, strict=True):
            layer = imported.module.get_submodule(member.module)
            weight = layer.get_parameter("weight").detach().movedim(_dim(layer, member.axis), 0)
            score.index_add_(0, member.root, weight.flatten(1).square().sum(1))
        root = next(iter(heads.projections))
        groups.append(ChannelGroup(root, heads.count, members, scores.mean(0), "heads", heads))
    return groups


def _answers_as_with_zeros(
    module: fx.GraphModule, groups: Sequence[ChannelGroup], example: torch.Tensor
) -> bool:
    """Whether the module without half of its heads answers as it does with the projections of these at zero:
    then nothing else of the graph depends on them.
    """
    zeroed = {}
    for group in groups:
        for member in group.members:
            if member.axis == "in":
                weight = module.get_parameter(f"{member.module}.weight").detach().clone()
                weight[:, _second_half(group)[member.root]] = 0
                zeroed[f"{member.module}.weight"] = weight
    try:
        with torch.no_grad():
            found = fx.Interpreter(halve(module, groups)).run(example)
            expected = torch.func.functional_call(module, zeroed, (example,))
    except (RuntimeError, IndexError, ValueError):
        return False
    scale = max(float(expected.abs().max()), SMALLEST_REFERENCE)
    return found.shape == expected.shape and bool((found - expected).abs().max() <= PARITY_LIMIT * scale)


def _runs_without(module: fx.GraphModule, groups: Sequence[ChannelGroup], example: torch.Tensor) -> bool:
    try:
        with torch.no_grad():
            # A GraphModule called directly prints where it fails; here failing is an answer.
            found = fx.Interpreter(halve(module, groups)).run(example)
            return found.shape == module(example).shape
    # torch raises kinds of its own for shapes that do not fit.
    except (RuntimeError, IndexError, ValueError):
        return False


def _members(items: list[Any], names: dict[nn.Module, str]) -> list[Member] | None:
    members: list[Member] = []
    for item in items:
        layer, handler = item.dep.target.module, item.dep.handler
        if isinstance(layer, nn.Parameter):
            return None
        if layer not in names or not list(layer.parameters()):
            continue
        if not isinstance(layer, (*ROOTS, *NORMS)) or not _separable(layer):
            return None
        axis: Axis = "out" if handler in OUT or isinstance(layer, NORMS) else "in"
        # Behind a transposition the graph confuses channels with places.
        if max(item.idxs) >= _width(layer, axis):
            return None
        members.append(Member(names[layer], axis, torch.tensor(item.idxs), torch.tensor(item.root_idxs)))
    return members


def remove_channels(
    module: fx.GraphModule, removed: Iterable[tuple[ChannelGroup, torch.Tensor]]
) -> fx.GraphModule:
    """A copy of the module without the given root channels (bool mask, True goes) of each group."""
    gone: dict[tuple[str, Axis], torch.Tensor] = {}
    removed = list(removed)
    for group, mask in removed:
        for member in group.members:
            layer = module.get_submodule(member.module)
            axis = "out" if _is_depthwise(layer) else member.axis
            flags = gone.setdefault((member.module, axis), torch.zeros(_width(layer, axis), dtype=torch.bool))
            flags[member.index[mask[member.root]]] = True
    result = copy.deepcopy(module)
    for (name, axis), flags in gone.items():
        _slice(result.get_submodule(name), axis, torch.nonzero(~flags).flatten())
    for group, mask in removed:
        if group.heads is not None:
            _follow(result, group.heads, ~mask)
    return result


def _follow(module: fx.GraphModule, heads: Heads, keep: torch.Tensor) -> None:
    """Lets the rest of a graph follow the heads that are kept (bool mask)."""
    for name, place in heads.tensors.items():
        places = torch.nonzero(keep[place.owners(heads.count)]).flatten()
        value = getattr(module, name)
        kept = value.detach().index_select(value.ndim + place.axis, places)
        if isinstance(value, nn.Parameter):
            setattr(module, name, nn.Parameter(kept))
        else:
            module.register_buffer(name, kept)
    for node in module.graph.nodes:
        if node.name in heads.constants:
            rescale(node, heads.constants[node.name], heads.count, int(keep.sum()))
    module.recompile()


def _separable(layer: nn.Module) -> bool:
    """Whether single channels can be taken out: not from a convolution whose groups have several."""
    if isinstance(layer, TRANSPOSED):
        return layer.groups == 1
    return not isinstance(layer, CONVOLUTIONS) or layer.groups in (1, layer.out_channels)


def _is_depthwise(layer: nn.Module) -> bool:
    return isinstance(layer, CONVOLUTIONS) and layer.groups > 1


def _dim(layer: nn.Module, axis: Axis) -> int:
    """The dimension of the weight that holds these channels; ConvTranspose has its inputs first."""
    return int((axis == "out") == isinstance(layer, TRANSPOSED))


def _width(layer: nn.Module, axis: Axis) -> int:
    return layer.get_parameter("weight").shape[_dim(layer, axis)]


def _slice(layer: nn.Module, axis: Axis, keep: torch.Tensor) -> None:
    """Keeps these channels of a layer, its declared widths included."""
    weight = layer.get_parameter("weight").detach()
    layer.weight = nn.Parameter(weight.index_select(_dim(layer, axis), keep))
    if axis == "out":
        if getattr(layer, "bias", None) is not None:
            layer.bias = nn.Parameter(layer.get_parameter("bias").detach()[keep])
        for name in ("running_mean", "running_var"):
            if name in layer._buffers:
                layer.register_buffer(name, layer.get_buffer(name)[keep])
    match layer:
        case nn.Conv1d() | nn.Conv2d() | nn.ConvTranspose1d() | nn.ConvTranspose2d():
            if layer.groups > 1:
                layer.groups = layer.in_channels = layer.out_channels = len(keep)
            elif axis == "out":
                layer.out_channels = len(keep)
            else:
                layer.in_channels = len(keep)
        case nn.Linear():
            setattr(layer, "out_features" if axis == "out" else "in_features", len(keep))
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            layer.num_features = len(keep)


def halve(module: fx.GraphModule, groups: Sequence[ChannelGroup]) -> fx.GraphModule:
    """The module with the second half of every given group removed: a trial, not a recipe."""
    return remove_channels(module, [(group, _second_half(group)) for group in groups])


def _second_half(group: ChannelGroup) -> torch.Tensor:
    return torch.arange(group.channels) >= max(1, group.channels // 2)
