"""The words of a dataset: its files, how they are split and how values become model input."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Role = Literal["data", "x", "y", "x_test", "y_test"]


@dataclass(frozen=True)
class DatasetFile:
    """One uploaded file. `data` is an NPZ with arrays `x` and `y`; the other roles hold one array each."""

    role: Role
    format: Literal["npz", "idx"]
    path: Path


@dataclass(frozen=True)
class Split:
    """Where the test part comes from: files of their own, or a seeded, stratified part of the samples."""

    kind: Literal["files", "seeded"]
    seed: int = 0
    test_fraction: float = 0.2


@dataclass(frozen=True)
class Transform:
    """Model input is `(x * scale - mean) / std`, in float32."""

    scale: float = 1.0
    mean: float = 0.0
    std: float = 1.0


@dataclass(frozen=True)
class InputSpec:
    """What a model wants as input: tensor name, shape with None for a dynamic dimension, numpy dtype name."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"

    @property
    def batch(self) -> int | None:
        """The fixed batch size, or None when any batch is accepted."""
        return self.shape[0] if self.shape else None


@dataclass(frozen=True)
class Problem:
    """Something wrong with a dataset: the rule it breaks, what was found, and how to mend it."""

    rule: str
    message: str
    remedy: str
    level: Literal["error", "warning"] = "error"


class DatasetError(ValueError):
    """A dataset that cannot be opened. `problem` says which rule it breaks and how to mend it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.message} {problem.remedy}")
        self.problem = problem


def refuse(rule: str, message: str, remedy: str) -> DatasetError:
    """The error for one broken rule."""
    return DatasetError(Problem(rule, message, remedy))


@dataclass(frozen=True)
class ClassCount:
    """Samples of one label in both parts."""

    label: int
    train: int
    test: int


@dataclass(frozen=True)
class Preview:
    """One sample as a picture: its global sample id, label and a base64 PNG (empty when it is no image)."""

    sample_id: int
    label: int
    png: str


@dataclass(frozen=True)
class DatasetReport:
    """What `check_dataset` found. Unless a problem is an error, `open_dataset` accepts the same files."""

    n: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = ""
    classes: int = 0
    counts: list[ClassCount] = field(default_factory=list)
    transform: Transform = Transform()
    problems: list[Problem] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when no problem is an error; warnings do not refuse a dataset."""
        return not any(problem.level == "error" for problem in self.problems)
