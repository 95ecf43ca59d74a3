"""Removing whole channels: the structured dial."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from gpu_worker.importer import ChannelGroup, Imported, Unit, remove_channels, trace_groups


@dataclass(frozen=True)
class ChannelChange:
    """Output channels of one layer before and after."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class ChannelPruning:
    """A pruned module: the share of output channels asked for, the share that rounding allowed, and each
    layer.
    """

    module: fx.GraphModule
    asked: float
    achieved: float
    layers: list[ChannelChange]


class ChannelPruner:
    """Traces a model's channel groups once; each ratio then starts from the original weights.

    Every group loses the same share (uniform), least important channels first, and keeps the multiple of
    `round_to` nearest to what is asked, at least one: counts off the multiples of 16 make ONNX Runtime
    slower, not faster. Groups below two multiples stay whole. Attention heads are counted one by one, and
    their own width stays. The output layer's channels are never touched.
    """

    def __init__(self, imported: Imported, example: torch.Tensor) -> None:
        self._imported = imported
        self._groups = trace_groups(imported, example)
        self._orders = [torch.argsort(group.importance, stable=True) for group in self._groups]

    def kept(self, group: ChannelGroup, ratio: float, round_to: int) -> int:
        """How many of a group's channels stay."""
        round_to = 1 if group.unit == "heads" else round_to
        # Halves round up: when two multiples are equally near, the one that hurts less wins.
        nearest = int(group.channels * (1 - ratio) / round_to + 0.5) * round_to
        return min(group.channels, max(nearest, round_to))

    def units(self, round_to: int = 16) -> list[Unit]:
        """What can be removed: the kinds of groups that lose something when all is asked for."""
        lost = {g.unit for g in self._groups if self.kept(g, 1.0, round_to) < g.channels}
        kinds: tuple[Unit, ...] = ("channels", "heads", "neurons")
        return [kind for kind in kinds if kind in lost]

    def stops(self, round_to: int = 16, steps: int = 95) -> list[float]:
        """The smallest whole-percent ratios at which the network changes, 0 first: where the dial has an
        effect.
        """
        found, last = [0.0], [group.channels for group in self._groups]
        for percent in range(1, steps + 1):
            kept = [self.kept(group, percent / 100, round_to) for group in self._groups]
            if kept != last:
                found.append(percent / 100)
                last = kept
        return found

    def prune(self, ratio: float, round_to: int = 16) -> ChannelPruning:
        """The pruned module. Equal ratios give equal channels; a larger one removes a superset."""
        if not 0.0 <= ratio < 1.0:
            raise ValueError(f"The channel ratio is a share from 0 to below 1, not {ratio}.")
        removed = []
        for group, order in zip(self._groups, self._orders, strict=True):
            mask = torch.zeros(group.channels, dtype=torch.bool)
            mask[order[: group.channels - self.kept(group, ratio, round_to)]] = True
            if mask.any():
                removed.append((group, mask))
        module = remove_channels(self._imported.module, removed)
        layers = [
            ChannelChange(
                layer.name, layer.channels, module.get_parameter(layer.parameter).shape[layer.channel_dim]
            )
            for layer in self._imported.layers
        ]
        inner = layers[:-1]
        before = sum(layer.before for layer in inner)
        achieved = 1 - sum(layer.after for layer in inner) / before if before else 0.0
        return ChannelPruning(module, ratio, achieved, layers)


def prune_channels(
    imported: Imported, ratio: float, example: torch.Tensor, round_to: int = 16
) -> ChannelPruning:
    """One pruning without keeping the traced groups; see ChannelPruner."""
    return ChannelPruner(imported, example).prune(ratio, round_to)
