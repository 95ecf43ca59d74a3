"""Channels go where it hurts least, in multiples of 16, and the graph computes what the module does."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_worker.compress import ChannelPruner, prune_channels
from gpu_worker.importer import PARITY_LIMIT, Imported, example_input, export_onnx, import_onnx, parity
from nets import NETS, example, onnx_of


@cache
def pruner(name: str) -> tuple[Imported, ChannelPruner]:
    imported = import_onnx(onnx_of(name))
    return imported, ChannelPruner(imported, example_input(imported.input))


@pytest.mark.parametrize("name", NETS)
@given(ratio=st.floats(0.05, 0.9))
@settings(max_examples=8)
def test_the_pruned_graph_computes_what_the_pruned_module_does(name: str, ratio: float) -> None:
    imported, channels = pruner(name)
    pruning = channels.prune(ratio)
    assert parity(pruning.module, export_onnx(imported, pruning.module), example(name)) <= PARITY_LIMIT
    for layer, original in zip(pruning.layers, imported.layers, strict=True):
        in_heads = layer.name.endswith(("query", "key", "value", "qkv"))
        assert layer.after == original.shape[0] or layer.after % (8 if in_heads else 16) == 0
    assert pruning.layers[-1].after == pruning.layers[-1].before


@pytest.mark.parametrize("round_to", [1, 4, 16])
def test_a_larger_ratio_removes_a_superset(round_to: int) -> None:
    imported, channels = pruner("plain")
    weight = imported.layers[0].parameter

    def kept(ratio: float) -> set[bytes]:
        rows = channels.prune(ratio, round_to).module.get_parameter(weight).detach().numpy()
        return {row.tobytes() for row in rows}

    ratios = [0.0, 0.2, 0.4, 0.6, 0.8]
    sets = [kept(ratio) for ratio in ratios]
    assert all(later <= earlier for earlier, later in pairwise(sets))
    assert len(sets[-1]) < len(sets[0]) == 32


def test_counts_are_the_nearest_multiples() -> None:
    """Reference: 32-64 pruned by 30 % becomes 16-48 (22.4 is nearer to 16, 44.8 to 48)."""
    _, channels = pruner("resnet")
    after = {layer.name: layer.after for layer in channels.prune(0.3).layers}
    assert after["body.0.conv1"] == 16
    assert after["body.1.conv1"] == 48
    assert after["stem.0"] == 16


def test_the_weakest_channels_go() -> None:
    imported = import_onnx(onnx_of("plain"))
    weak = torch.arange(0, 32, 2)
    with torch.no_grad():
        imported.module.get_parameter(imported.layers[0].parameter)[weak] *= 1e-3
        imported.module.get_parameter(imported.layers[1].parameter)[:, weak] *= 1e-3
    strong = imported.module.get_parameter(imported.layers[0].parameter)[1::2].clone()
    pruned = prune_channels(imported, 0.5, example_input(imported.input)).module
    torch.testing.assert_close(pruned.get_parameter(imported.layers[0].parameter), strong)


def test_stops_are_where_the_network_changes() -> None:
    _, channels = pruner("depthwise")
    stops = channels.stops()
    assert stops[0] == 0.0

    def shape(ratio: float) -> list[int]:
        return [layer.after for layer in channels.prune(ratio).layers]

    for stop, following in zip(stops, [*stops[1:], 0.96], strict=True):
        assert shape(stop) == shape(following - 0.01)
        if stop:
            assert shape(stop) != shape(stop - 0.01)


def test_pruning_leaves_the_original_alone() -> None:
    imported, channels = pruner("resnet")
    before = export_onnx(imported)
    first = export_onnx(imported, channels.prune(0.5).module)
    channels.prune(0.8)
    assert export_onnx(imported) == before
    assert export_onnx(imported, channels.prune(0.5).module) == first
