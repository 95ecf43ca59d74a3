"""What an imported model is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import onnx
from torch import fx, nn

from gpu_worker.data.spec import InputSpec

Tier = Literal[1, 2, 3, 4]
"""1 prune channels, fine-tune, quantize; 2 fine-tune and zero weights; 3 edit weights: it cannot be rebuilt
in PyTorch, but Conv, Gemm, MatMul, LSTM, GRU or RNN nodes have float32 initializers; 4 inspect and serve.
"""

PARITY_LIMIT = 1e-4
"""Largest relative difference from ONNX Runtime at which an imported model counts as the same function."""

SMALLEST_REFERENCE = 1e-6
"""What a difference is relative to where the largest output is smaller than this."""


class ImportRefused(ValueError):
    """A model that cannot become PyTorch modules: the node that stopped it, its op, and why.

    tier: what is left to do with it, 3 or 4.
    """

    def __init__(self, node: str, op: str, reason: str) -> None:
        super().__init__(f"{op} node '{node}': {reason}" if op else reason)
        self.node = node
        self.op = op
        self.reason = reason
        self.tier: Tier = 4

    @classmethod
    def at(cls, node: onnx.NodeProto, reason: str) -> ImportRefused:
        """The refusal of a node, which has a name or at least an output."""
        return cls(node.name or node.output[0], node.op_type, reason)


@dataclass(frozen=True)
class Weight:
    """Where a torch tensor lives in the ONNX graph; ONNX keeps MatMul weights transposed."""

    initializer: str
    transposed: bool = False


@dataclass(frozen=True)
class Layer:
    """A layer with prunable weights, in the order of the graph.

    name: for people, made from the ONNX names. module: its name in the torch module; its weight is
    `module + ".weight"`. shape: of the torch weight.
    """

    name: str
    kind: Literal["Conv", "ConvTranspose", "Linear", "Recurrent"]
    module: str
    shape: tuple[int, ...]
    initializer: str

    @property
    def channel_dim(self) -> int:
        """The dimension of the weight that holds the output channels: of a recurrent layer, its gates."""
        if self.kind == "Recurrent":
            return len(self.shape) - 2
        return 1 if self.kind == "ConvTranspose" else 0

    @property
    def input_dim(self) -> int:
        """The dimension of the weight that holds the inputs."""
        return len(self.shape) - 1 if self.kind == "Recurrent" else 1 - self.channel_dim

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return self.shape[self.channel_dim]

    @property
    def parameter(self) -> str:
        """The torch parameter's name."""
        return f"{self.module}.weight"


@dataclass(frozen=True)
class Imported:
    """An ONNX model as a trainable torch module, with the way back.

    module: fx GraphModule of real nn.Conv/Linear/BatchNorm, in eval mode; at tier 3 it holds weights and
    computes nothing. model: the normalised ONNX graph
    that `export_onnx` writes weights into. weights: torch state name to ONNX initializer. parity: largest
    difference from ONNX Runtime relative to the largest output.
    """

    module: fx.GraphModule
    model: onnx.ModelProto
    input: InputSpec
    output: str
    layers: list[Layer]
    weights: dict[str, Weight]
    parity: float
    tier: Tier
    tier_reasons: list[str]

    @property
    def output_layer(self) -> Layer:
        """The last layer with weights: its outputs are the classes, so its channels are never pruned."""
        return self.layers[-1]

    def with_module(self, module: nn.Module) -> Imported:
        """The same model with another module of the same names (pruned or trained)."""
        if not isinstance(module, fx.GraphModule):
            raise TypeError("An imported module stays an fx GraphModule; unwrap it from DDP first.")
        return replace(self, module=module)
