"""Which channels of a network are coupled: torch-pruning's dependency graph, with a walk that always ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch_pruning as tp
from torch import nn
from torch_pruning._helpers import _HybridIndex
from torch_pruning.dependency import Dependency, Group, index_mapping


class Coupling(Group):
    """The layers that lose channels together.

    entangled: some layer's channel hangs on several channels of the root, as in `x[:, 1:] + x[:, :-1]`.
    """

    entangled: bool = False


class CouplingGraph(tp.DependencyGraph):
    """torch-pruning follows entangled channels in circles, with ever larger numbers and without an end; here
    each channel of a layer is reached once, and a second root or a number beyond all layers ends the walk.
    """

    def get_pruning_group(
        self, module: nn.Module, pruning_fn: Callable[..., Any], idxs: Sequence[int]
    ) -> Coupling:
        """The coupling of these output channels of a layer."""
        if isinstance(module, (nn.Conv1d, nn.Conv2d)) and module.groups == module.out_channels > 1:
            pruning_fn = tp.prune_depthwise_conv_out_channels
        index_mapping.update_index_mapping(self)
        group = Coupling()
        reached: dict[tuple[Any, Any], tuple[Dependency, dict[int, int]]] = {}
        waiting: list[tuple[Dependency, list[_HybridIndex]]] = []

        # No tensor has more channels than all layers give together, or than the widest layer takes.
        shapes = [parameter.shape for parameter in self.model.parameters() if parameter.ndim]
        limit = sum(shape[0] for shape in shapes) + max(max(shape) for shape in shapes)

        def reach(dependency: Dependency, entries: list[_HybridIndex]) -> None:
            _, roots = reached.setdefault((dependency.target, dependency.handler), (dependency, {}))
            fresh = []
            for entry in entries:
                if not 0 <= entry.idx < limit:
                    group.entangled = True
                elif entry.idx not in roots:
                    roots[entry.idx] = entry.root_idx
                    fresh.append(entry)
                elif roots[entry.idx] != entry.root_idx:
                    group.entangled = True
            if fresh:
                waiting.append((dependency, fresh))

        root = self.module2node[module]
        reach(
            Dependency(pruning_fn, pruning_fn, source=root, target=root), [_HybridIndex(i, i) for i in idxs]
        )
        while waiting and not group.entangled:
            dependency, entries = waiting.pop()
            for following in dependency.target.dependencies:
                if following.is_triggered_by(dependency.handler):
                    mapped = entries
                    for mapping in filter(None, following.index_mapping):
                        mapped = mapping(mapped)
                    reach(following, mapped)
        for dependency, roots in reached.values():
            if roots:
                group.add_dep(dependency, list(roots))
                group[len(group) - 1].root_idxs = list(roots.values())
        return group
