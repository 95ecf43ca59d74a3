"""An attention block loses whole heads, however exporters write it; what cannot be followed stays."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from families import Attention, ViTBlock
from gpu_worker.compress import ChannelPruner
from gpu_worker.evaluate import open_session, predict
from gpu_worker.importer import (
    PARITY_LIMIT,
    ChannelGroup,
    Imported,
    example_input,
    export_onnx,
    import_onnx,
    remove_channels,
    trace_groups,
)
from nets import example, exported, onnx_of

WIDTH, HEADS, LENGTH = 24, 3, 10


class Cut(Attention):
    """Queries, keys and values cut out of one projection before they are split into heads; causal."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class Sliced(Attention):
    """As above, by slices, with a bias for each head and a norm for queries and keys."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.near = nn.Parameter(torch.randn(heads, LENGTH, LENGTH))
        self.norm = nn.LayerNorm(width // heads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        width = x.shape[-1]
        q, k, v = (
            self.qkv(x)[..., start : start + width].unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for start in (0, width, 2 * width)
        )
        scores = self.norm(q) @ self.norm(k).transpose(-1, -2) + self.near
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Grouped(Attention):
    """Three heads of queries share one of keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.kv = nn.Linear(width, 2 * (width // heads))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q = self.qkv(x)[..., : x.shape[-1]].unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.kv(x).unsqueeze(1).chunk(2, -1)
        return self.proj(((q @ k.transpose(-1, -2)).softmax(-1) @ v).transpose(1, 2).flatten(2))


class Averaged(Attention):
    """The heads vote: removing one changes what the others count."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        shared = (q @ k.transpose(-1, -2)).mean(1, keepdim=True).softmax(-1)
        return self.proj((shared @ v).transpose(1, 2).flatten(2))


class Sequence(nn.Module):
    """One block of a transformer around an attention, 10×24 → 5."""

    def __init__(self, attention: type[Attention]) -> None:
        super().__init__()
        self.block, self.head = ViTBlock(WIDTH, HEADS), nn.Linear(WIDTH, 5)
        self.block.attention = attention(WIDTH, HEADS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(x).mean(1))


VARIANTS: dict[str, type[Attention]] = {"cut": Cut, "sliced": Sliced, "grouped": Grouped}
NAMES = ["vit", "bert", *VARIANTS]


@cache
def model(name: str) -> tuple[Imported, list[ChannelGroup]]:
    if name in VARIANTS:
        torch.manual_seed(1)
        data = exported(Sequence(VARIANTS[name]), torch.zeros(2, LENGTH, WIDTH), "torchscript")
    else:
        data = onnx_of(name, "torchscript" if name == "bert" else "dynamo_plain")
    imported = import_onnx(data)
    groups = trace_groups(imported, example_input(imported.input))
    return imported, [group for group in groups if group.unit == "heads"]


@pytest.mark.parametrize("name", NAMES)
@given(chosen=st.data())
@settings(max_examples=4)
def test_a_removed_head_is_one_whose_projection_is_zero(name: str, chosen: st.DataObject) -> None:
    imported, groups = model(name)
    assert len(groups) == (1 if name in VARIANTS else 2)
    removed = []
    zeroed = imported.with_module(remove_channels(imported.module, []))
    for group in groups:
        mask = torch.tensor(
            chosen.draw(st.lists(st.booleans(), min_size=group.channels, max_size=group.channels))
        )
        mask[int(chosen.draw(st.integers(0, group.channels - 1)))] = False
        removed.append((group, mask))
        with torch.no_grad():
            for member in group.members:
                if member.axis == "in":
                    zeroed.module.get_parameter(f"{member.module}.weight")[:, mask[member.root]] = 0
    data = export_onnx(imported, remove_channels(imported.module, removed))
    shape = tuple(length or 1 for length in imported.input.shape[1:])
    inputs = example(name) if name not in VARIANTS else torch.randn(4, *shape)
    found = predict(open_session(data), inputs.numpy())
    expected = predict(open_session(export_onnx(zeroed)), inputs.numpy())
    assert np.abs(found - expected).max() <= PARITY_LIMIT * np.abs(expected).max()


@pytest.mark.parametrize(
    ("name", "exporter"), [("vit", "dynamo_plain"), ("vit", "torchscript"), ("bert", "torchscript")]
)
def test_the_channels_dial_takes_heads_and_neurons(name: str, exporter: str) -> None:
    imported = import_onnx(onnx_of(name, exporter))  # type: ignore[arg-type]
    assert imported.tier == 1
    pruner = ChannelPruner(imported, example_input(imported.input))
    pruned = pruner.prune(0.5)
    changed = {
        layer.name: (layer.before, layer.after) for layer in pruned.layers if layer.after < layer.before
    }
    attention = {96: 48} if name == "vit" else {32: 16}
    assert {before: after for before, after in changed.values()} == {64: 32} | attention
    assert len(changed) == (4 if name == "vit" else 8)
    inner = [layer for layer in pruned.layers[:-1]]
    left = sum(layer.after for layer in inner) / sum(layer.before for layer in inner)
    assert pruned.achieved == pytest.approx(1 - left)
    # What is left is as open to another round as before, down to one head in each block.
    again = import_onnx(export_onnx(imported, pruned.module))
    groups = [group for group in trace_groups(again, example_input(again.input)) if group.unit == "heads"]
    assert (again.tier, [group.channels for group in groups]) == (1, [2, 2])
    least = ChannelPruner(again, example_input(again.input)).prune(0.9)
    assert {layer.after for layer in least.layers} & {8, 24} == {8 if name == "bert" else 24}


def test_the_weakest_head_goes_first() -> None:
    imported, _ = model("vit")
    weak = imported.with_module(remove_channels(imported.module, []))
    projection = weak.module.get_parameter("blocks_0_attention_proj.weight")
    sources = weak.module.get_parameter("blocks_0_attention_qkv.weight")
    with torch.no_grad():
        projection[:, 16:24] *= 1e-3
        for part in range(3):
            sources[32 * part + 16 : 32 * part + 24] *= 1e-3
    pruned = ChannelPruner(weak, example_input(weak.input)).prune(0.25).module
    kept = [*range(16), *range(24, 32)]
    torch.testing.assert_close(
        pruned.get_parameter("blocks_0_attention_proj.weight"), projection[:, kept].detach()
    )


def test_heads_that_depend_on_one_another_stay() -> None:
    imported = import_onnx(exported(Sequence(Averaged), torch.zeros(2, LENGTH, WIDTH), "torchscript"))
    units = {group.unit for group in trace_groups(imported, example_input(imported.input))}
    assert units == {"neurons"}
