"""Small seeded networks and their ONNX exports, each made once a run."""

from __future__ import annotations

import io
import logging
import warnings
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from families import Bert, Mixer, MobileNetV2, MobileNetV3, Sensor, UNet, ViT

Exporter = Literal["dynamo", "dynamo_plain", "torchscript"]
"""`dynamo` folds BatchNorm (the default of torch.onnx.export), `dynamo_plain` keeps it (optimize=False)."""

logging.getLogger("torch.onnx").setLevel(logging.ERROR)


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(inner + self.short(x))


class ResNet(nn.Module):
    """Residual, BatchNorm, 1×28×28 → 10."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.body = nn.Sequential(Block(16, 32, 2), Block(32, 64, 2))
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(F.adaptive_avg_pool2d(self.body(self.stem(x)), 1).flatten(1))


class Plain(nn.Module):
    """No residuals, no BatchNorm, flattened through a linear layer, 1×20×12 → 5."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, padding=1), nn.Conv2d(32, 48, 3, padding=1)
        self.hidden, self.head = nn.Linear(48 * 5 * 3, 64), nn.Linear(64, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.head(F.relu(self.hidden(x.view(x.size(0), -1))))


class Depthwise(nn.Module):
    """Separable convolutions and concatenation, 3×16×16 → 4."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32)
        self.depth, self.point = nn.Conv2d(32, 32, 3, 1, 1, groups=32), nn.Conv2d(32, 48, 1)
        self.side, self.head = nn.Conv2d(32, 16, 1), nn.Linear(64, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu6(self.norm(self.stem(x)))
        x = torch.cat([F.hardswish(self.point(F.relu6(self.depth(x)))), torch.sigmoid(self.side(x))], 1)
        return self.head(x.mean((2, 3)))


class Dense(nn.Module):
    """A perceptron on vectors, 20 → 3."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Tagger(nn.Module):
    """Tokens to a class each, 12 → 12×5."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16)
        self.mixed, self.head = nn.Linear(16, 64), nn.Linear(64, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(F.relu(self.mixed(self.words(x))))


NETS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {
    "resnet": (ResNet, (1, 28, 28)),
    "plain": (Plain, (1, 20, 12)),
    "depthwise": (Depthwise, (3, 16, 16)),
    "dense": (Dense, (20,)),
    "mobilenet v2": (MobileNetV2, (3, 16, 16)),
    "mobilenet v3": (MobileNetV3, (3, 16, 16)),
    "unet": (UNet, (3, 16, 16)),
    "vit": (ViT, (3, 16, 16)),
    "bert": (Bert, (12,)),
    "mixer": (Mixer, (3, 16, 16)),
    "sensor": (Sensor, (6, 64)),
    "tagger": (Tagger, (12,)),
}
VOCABULARY = {"bert": 50, "tagger": 50}
"""Networks that read int64 tokens, and how many there are."""


@cache
def net(name: str) -> nn.Module:
    """A network in eval mode whose BatchNorm statistics are not those of a fresh one."""
    torch.manual_seed(sum(map(ord, name)))
    module = NETS[name][0]()
    for layer in module.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            for tensor, low in (
                (layer.weight, 0.5),
                (layer.bias, -0.5),
                (layer.running_mean, -0.5),
                (layer.running_var, 0.5),
            ):
                assert tensor is not None
                nn.init.uniform_(tensor, low, low + 1.0)
    return module.eval()


def example(name: str, batch: int = 4) -> torch.Tensor:
    """Seeded noise, or tokens, of a network's input shape."""
    shape, generator = (batch, *NETS[name][1]), torch.Generator().manual_seed(batch)
    if name in VOCABULARY:
        return torch.randint(VOCABULARY[name], shape, generator=generator)
    return torch.randn(shape, generator=generator)


@cache
def onnx_of(name: str, exporter: Exporter = "dynamo_plain") -> bytes:
    """A network as its ONNX file."""
    return exported(net(name), example(name), exporter)


def exported(module: nn.Module, sample: torch.Tensor, exporter: Exporter = "dynamo_plain") -> bytes:
    """A network as torch's exporter writes it, the batch open."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "torchscript":
            torch.onnx.export(
                module.eval(), (sample,), buffer, dynamo=False,
                input_names=["input"], output_names=["scores"],
                dynamic_axes={"input": {0: "batch"}, "scores": {0: "batch"}}, opset_version=17,
            )  # fmt: skip
            return buffer.getvalue()
        program = torch.onnx.export(
            module.eval(), (sample,), dynamo=True, optimize=exporter == "dynamo", verbose=False,
            input_names=["input"], output_names=["scores"], dynamic_shapes=({0: torch.export.Dim("batch")},),
        )  # fmt: skip
    assert program is not None
    return program.model_proto.SerializeToString()
