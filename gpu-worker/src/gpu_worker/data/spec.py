"""The words of a dataset: its files, how they are split and how values become model input."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Role = Literal["data", "data_test", "x", "y", "x_test", "y_test"]
Format = Literal["npz", "idx", "csv", "parquet", "images"]
ColumnType = Literal["int", "float", "bool", "text", "other"]
TaskName = Literal["classification", "multilabel", "regression", "tokens", "unlabelled"]
"""What a dataset asks of a model: one class, any of several labels, numbers, a class for each token, or,
without labels, to answer as its parent does.
"""


@dataclass(frozen=True)
class DatasetFile:
    """One uploaded file. `data` holds samples and labels (NPZ, table, pictures), `data_test` those of the
    test part; the other roles hold one array each. name: what its owner calls it, for messages.
    """

    role: Role
    format: Format
    path: Path
    name: str = ""

    @property
    def shown(self) -> str:
        """The file's name in messages."""
        return self.name or self.path.name


@dataclass(frozen=True)
class Split:
    """Where the test part comes from: files of their own, or a seeded, stratified part of the samples."""

    kind: Literal["files", "seeded"]
    seed: int = 0
    test_fraction: float = 0.2


@dataclass(frozen=True)
class Transform:
    """Model input is `(x * scale - mean) / std`, in float32.

    mean, std: one number, or one for each column of a row or each channel of a picture.
    """

    scale: float = 1.0
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0


@dataclass(frozen=True)
class Mapping:
    """How a table's columns become samples. label, features: names of columns; None leaves the choice to the
    check. standardise: scale each column by the mean and deviation of the train part. task: None takes
    what the label column looks like. slice: the column that names slices, never fed; None for none.
    """

    label: str | None = None
    features: tuple[str, ...] | None = None
    standardise: bool = True
    task: TaskName | None = None
    slice: str | None = None


@dataclass(frozen=True)
class Column:
    """A table's column. mean is None where the values are no numbers, distinct where there are too many
    different values to count.
    """

    name: str
    type: ColumnType
    min: float | None
    max: float | None
    mean: float | None
    distinct: int | None
    missing: int


@dataclass(frozen=True)
class Leakage:
    """Samples that are equal byte for byte. between: test samples that occur in the train part too, pairs:
    the first of them as (train id, test id). repeated: train samples that repeat an earlier one.
    conflicting: samples of either kind whose label differs from that of their equal.
    """

    between: int
    pairs: list[tuple[int, int]]
    repeated: int
    conflicting: int


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
    """Something wrong with a dataset: the rule it breaks, what was found, how to mend it, and where it is."""

    rule: str
    message: str
    remedy: str
    level: Literal["error", "warning"] = "error"
    where: str | None = None


class DatasetError(ValueError):
    """A dataset that cannot be opened. `problem` says which rule it breaks and how to mend it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.message} {problem.remedy}")
        self.problem = problem


def refuse(rule: str, message: str, remedy: str, where: str | None = None) -> DatasetError:
    """The error for one broken rule."""
    return DatasetError(Problem(rule, message, remedy, where=where))


@dataclass(frozen=True)
class ClassCount:
    """Samples, or tokens, of one label in both parts."""

    label: int
    train: int
    test: int


@dataclass(frozen=True)
class SliceCount:
    """Samples of one slice in both parts."""

    name: str
    train: int
    test: int


@dataclass(frozen=True)
class ValueBalance:
    """How one value to be predicted is distributed. train, test: samples in bins of equal width from min to
    max.
    """

    min: float
    max: float
    mean: float
    std: float
    train: list[int]
    test: list[int]


@dataclass(frozen=True)
class Preview:
    """One sample as a picture: its global sample id, class (0 where it has none) and a base64 PNG (empty when
    it is no image).
    """

    sample_id: int
    label: int
    png: str


@dataclass(frozen=True)
class Row:
    """The first numbers of a sample that is no picture, and of its labels, as they stand in the file."""

    sample_id: int
    values: list[float]
    label: list[float]


@dataclass(frozen=True)
class DatasetReport:
    """What `check_dataset` found. Unless a problem is an error, `open_dataset` accepts the same files.

    label_shape: of the labels of one sample; empty for single classes and without labels.
    """

    n: int = 0
    train: int = 0
    test: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = ""
    task: TaskName = "classification"
    label_shape: tuple[int, ...] = ()
    classes: int = 0
    counts: list[ClassCount] = field(default_factory=list)
    values: list[ValueBalance] = field(default_factory=list)
    slices: list[SliceCount] = field(default_factory=list)
    transform: Transform = Transform()
    problems: list[Problem] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    leakage: Leakage | None = None

    @property
    def ok(self) -> bool:
        """True when no problem is an error; warnings do not refuse a dataset."""
        return not any(problem.level == "error" for problem in self.problems)


@dataclass(frozen=True)
class Prepared:
    """What a table or an archive of pictures was before its arrays: columns and first rows of a table, the
    mapping in force, names of the classes 0, 1, …, and the split where the files decide it.
    """

    columns: list[Column] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    mapping: Mapping | None = None
    labels: list[str] = field(default_factory=list)
    split: Literal["files", "seeded"] = "seeded"
    problems: list[Problem] = field(default_factory=list)
