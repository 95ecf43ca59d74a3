"""Architectures that can be trained from scratch. Plain modules, so that the importer, torch-pruning and DDP
see nothing but `nn.Conv2d`, `nn.BatchNorm2d` and `nn.Linear`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al., arXiv:1512.03385, option B: 1×1 where shapes
    differ).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class SmallResNet(nn.Module):
    """Three stages of 16, 32 and 64 channels with two blocks each: 174,970 parameters for (1, 28, 28) → 10.

    forward: (N, C, H, W) float32 → logits (N, classes).
    """

    WIDTHS = (16, 32, 64)
    BLOCKS = 2

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, self.WIDTHS[0], 3, 1, 1, bias=False),
            nn.BatchNorm2d(self.WIDTHS[0]),
            nn.ReLU(),
        )
        stages: list[nn.Module] = []
        width = self.WIDTHS[0]
        for stage, out in enumerate(self.WIDTHS):
            for block in range(self.BLOCKS):
                stages.append(ResidualBlock(width, out, stride=2 if stage > 0 and block == 0 else 1))
                width = out
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)).mean(dim=(2, 3)))


def build(name: str, input_shape: Sequence[int], classes: int, seed: int) -> nn.Module:
    """A freshly initialised architecture: the same seed gives the same weights.

    input_shape: (C, H, W). Raises ValueError for a name, shape or class count that cannot be built.
    """
    if name != "resnet-small":
        raise ValueError(f"There is no architecture '{name}'. Known: resnet-small.")
    if len(input_shape) != 3 or min(input_shape) < 1 or min(input_shape[1:]) < 4:
        raise ValueError(
            f"resnet-small takes (channels, height, width) of at least 4×4 pixels, not {tuple(input_shape)}."
        )
    if classes < 2:
        raise ValueError(f"A classifier needs at least 2 classes, not {classes}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SmallResNet(input_shape[0], classes)
