"""Zeroing the smallest weights of the whole network (global magnitude pruning, Han et al., NeurIPS 2015), or
of each layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import onnx
import torch
from torch import nn

from gpu_worker.compress.allocate import MAX_RATIO, check_layers, zeros_of
from gpu_worker.compress.pattern import SHARE, Pattern, fits, pattern_zeros
from gpu_worker.importer import Imported, export_proto
from gpu_worker.importer.export import write_tensor

Masks = dict[str, torch.Tensor]
"""Torch parameter name to a bool tensor of its shape; False marks a weight held at zero."""


class SortedWeights:
    """All convolution and linear weights of a model in order of magnitude: sorted once, masked many times.

    Biases and BatchNorm are never zeroed. Ties keep the order of the graph, so a ratio always gives the same
    mask.
    """

    def __init__(self, imported: Imported) -> None:
        self._weights = {
            layer.parameter: imported.module.get_parameter(layer.parameter).detach()
            for layer in imported.layers
        }
        magnitudes = torch.cat([weight.abs().flatten() for weight in self._weights.values()])
        self._order = torch.from_numpy(magnitude_order(magnitudes.numpy()))
        self._proto = export_proto(imported)
        self._targets = {layer.parameter: imported.weights[layer.parameter] for layer in imported.layers}
        self.sizes = {layer.name: self._weights[layer.parameter].numel() for layer in imported.layers}
        """Weights of each layer by name, in the order of the graph."""
        self._layers = imported.layers

    @property
    def total(self) -> int:
        """Number of weights that may become zero."""
        return len(self._order)

    def fitting(self, pattern: Pattern) -> list[str]:
        """The layers by name that a pattern fits; the others stay as they are."""
        return [] if pattern == "none" else list(self._pattern_zeros)

    def mask_for(
        self, sparsity: float, layers: Mapping[str, float] | None = None, pattern: Pattern = "none"
    ) -> Masks:
        """The masks that zero the `sparsity` share of smallest weights, exact to one weight.

        layers: by name, layers that lose just this share of their own smallest weights; the others give what
        is then left to reach `sparsity`, at most MAX_RATIO of theirs. pattern: its zeros come first and count
        towards both shares; a layer that is locked below the pattern's share has none. Raises ValueError for
        an unknown layer.
        """
        if not 0.0 <= sparsity < 1.0:
            raise ValueError(f"Sparsity is a share from 0 to below 1, not {sparsity}.")
        flat = torch.ones(self.total, dtype=torch.bool)
        order, wanted = self._order, round(sparsity * self.total)
        patterned = {} if pattern == "none" else self._pattern_zeros
        if layers or patterned:
            layers = layers or {}
            check_layers(layers, self.sizes)
            fixed = torch.zeros(self.total, dtype=torch.bool)
            most = zeros_of(MAX_RATIO, self.total - sum(self.sizes[name] for name in layers))
            for name, own in self._layer_orders.items():
                first = patterned.get(name) if layers.get(name, SHARE) >= SHARE else None
                if first is not None:
                    flat[first] = False
                if name in layers:
                    fixed[own] = True
                    rest = own if first is None else own[flat[own]]
                    more = zeros_of(layers[name], len(own)) - (len(own) - len(rest))
                    flat[rest[:more]] = False
                elif first is not None:
                    fixed[first] = True
                    most -= len(first)
            order = order[~fixed[order]]
            wanted = min(max(0, wanted - int((~flat).sum())), max(0, most))
        flat[order[:wanted]] = False
        parts = flat.split(list(self.sizes.values()))
        return {
            name: part.view(w.shape) for part, (name, w) in zip(parts, self._weights.items(), strict=True)
        }

    @cached_property
    def _layer_orders(self) -> dict[str, torch.Tensor]:
        """Each layer's own weights, as places among all, in order of magnitude."""
        sizes = list(self.sizes.values())
        owner = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))[self._order]
        parts = self._order[torch.argsort(owner, stable=True)].split(sizes)
        return dict(zip(self.sizes, parts, strict=True))

    @cached_property
    def _pattern_zeros(self) -> dict[str, torch.Tensor]:
        """By layer that 2:4 fits, the places of its zeros among all weights."""
        found, start = {}, 0
        for layer in self._layers:
            weight, inputs = self._weights[layer.parameter], layer.input_dim
            if fits(weight, inputs):
                found[layer.name] = start + pattern_zeros(weight, inputs)
            start += weight.numel()
        return found

    def export(self, masks: Masks) -> onnx.ModelProto:
        """The model with masked weights as an ONNX graph that the caller may keep."""
        model = onnx.ModelProto()
        model.CopyFrom(self._proto)
        self.write(model, masks)
        return model

    def write(self, model: onnx.ModelProto, masks: Masks) -> None:
        """Writes the masked weights of the layers in `masks` into a graph (or part of one) that has them."""
        tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        for name, mask in masks.items():
            value, target = self._weights[name] * mask, self._targets[name]
            write_tensor(tensors[target.initializer], value.T if target.transposed else value)


def magnitude_order(magnitudes: np.ndarray) -> np.ndarray:
    """The indices (int64) that sort non-negative float32 values, ties by index: the same on every machine.

    Bits of non-negative floats sort as integers do; with the index below them each key is unique, and numpy's
    vectorised sort (2 ms for 174k, a stable argsort takes 17) has only one answer.
    """
    keys = magnitudes.view(np.uint32).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def apply_masks(module: nn.Module, masks: Masks) -> None:
    """Zeroes the masked weights of a module in place (after every optimizer step, to keep them zero)."""
    with torch.no_grad():
        for name, mask in masks.items():
            parameter = module.get_parameter(name)
            parameter.mul_(mask.to(parameter.device))


def zero_share(masks: Masks) -> float:
    """The share of weights that masks hold at zero."""
    total = sum(mask.numel() for mask in masks.values())
    return 1 - sum(int(mask.sum()) for mask in masks.values()) / total if total else 0.0
