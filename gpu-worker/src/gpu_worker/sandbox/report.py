"""What an inspection says. Standard library only: the child imports this before it trusts anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

CHECKLIST = ("received", "magic", "structure", "checker", "shapes", "test_inference", "importable")
"""Ids of the checks in their order."""


@dataclass(frozen=True)
class ChecklistItem:
    """The state of one check. detail: what was found, in words."""

    id: str
    state: Literal["pending", "running", "ok", "failed", "warning"]
    detail: str | None = None


OnItem = Callable[[ChecklistItem], None]


@dataclass(frozen=True)
class Refusal:
    """Why a file is refused: the rule, what was found, where (byte or node), and how to mend it."""

    rule: str
    message: str
    remedy: str
    where: str | None = None


class Refused(Exception):
    """Ends an inspection with its refusal."""

    def __init__(self, rule: str, message: str, remedy: str, where: str | None = None) -> None:
        super().__init__(message)
        self.refusal = Refusal(rule, message, remedy, where)


@dataclass(frozen=True)
class Limits:
    """What one inspection may use.

    file_bytes: largest file. memory_bytes: what parsing and running may take beyond the loaded libraries.
    cpu_s, wall_s: processor and clock seconds of the whole child.
    """

    file_bytes: int = 512 << 20
    memory_bytes: int = 3 << 30
    cpu_s: int = 120
    wall_s: float = 120.0


@dataclass(frozen=True)
class TensorSpec:
    """An input or output; None is an open dimension."""

    name: str
    dtype: str
    shape: list[int | None]


@dataclass(frozen=True)
class OpCount:
    """Nodes of one operator."""

    op: str
    count: int


@dataclass(frozen=True)
class WeightHistogram:
    """Finite values of a weight in bins of equal width from min to max; zeros are exactly zero."""

    n: int
    min: float
    max: float
    mean: float
    std: float
    zeros: int
    bins: list[int]


@dataclass(frozen=True)
class LayerRow:
    """One node with weights: shape and distribution of its first weight, values and bytes of all, and
    multiply-accumulates of one sample.
    """

    name: str
    op: str
    shape: list[int]
    parameters: int
    bytes: int
    macs: int | None
    weights: WeightHistogram | None


@dataclass(frozen=True)
class GraphNode:
    """A node that computes from the input: its layer, the tensors it reads and makes, its first output's
    shape.
    """

    name: str
    op: str
    layer: str | None
    inputs: list[str]
    outputs: list[str]
    shape: list[int | None] | None


@dataclass(frozen=True)
class GraphView:
    """The first nodes of a graph, and how many it has."""

    nodes: list[GraphNode]
    total: int


@dataclass(frozen=True)
class TestRun:
    """One inference at batch 1 on random input: milliseconds, and the outputs as they came."""

    ms: float
    outputs: list[TensorSpec]


@dataclass(frozen=True)
class FileSizes:
    """The four sizes in bytes; see gpu_worker.compress.sizes."""

    file: int
    zstd19: int | None
    sparse: int
    packed: int


@dataclass(frozen=True)
class Inspection:
    """What an accepted model is. isolation: the walls that held while it was looked at, in words."""

    ir_version: int
    opset: int
    producer: str
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    parameters: int
    ops: list[OpCount]
    layers: list[LayerRow]
    test_inference: TestRun
    tier: int
    tier_reasons: list[str]
    tier_node: str | None
    parity: float | None
    sizes: FileSizes
    macs: int
    isolation: str
    graph: GraphView


def shown(name: str) -> str:
    """A stranger's name as it may be stored and shown: 120 printable characters."""
    clean = "".join(c if c.isprintable() else "\ufffd" for c in name[:121])
    return clean if len(clean) <= 120 else f"{clean[:119]}…"
