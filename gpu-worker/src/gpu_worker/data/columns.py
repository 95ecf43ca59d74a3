"""What a table's columns hold: a profile of each, gathered batch by batch, and the mapping that follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpu_worker.data.slices import MAX_NAME, MAX_SLICES
from gpu_worker.data.spec import Column, ColumnType, Mapping, Problem, TaskName, refuse

MAX_CLASSES = 1000
LABEL_NAMES = ("label", "target", "class", "y")
"""Names that mark a label column when nobody names one."""


ODD_SHARE = 0.9
"""A column of text with at least this share of numbers was meant to hold numbers."""


@dataclass(frozen=True)
class Odd:
    """The first value that is no number in a column of numbers: its row, counted from 0 over all files."""

    row: int
    value: str


@dataclass
class Profile:
    """One column so far. distinct: values as text, None once there are more than a label may have."""

    name: str
    kind: ColumnType | None = None
    n: int = 0
    missing: int = 0
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    whole: bool = True
    distinct: set[str] | None = field(default_factory=set)
    odd: Odd | None = None

    def add(self, values: pa.Array) -> None:
        """The column's next values: text of a CSV, or typed ones."""
        first = self.n
        self.n += len(values)
        self.missing += values.null_count
        present = values.drop_null()
        if not len(present):
            return
        numbers = numbers_of(present)
        if numbers is None and not _is_text(present.type):
            self.kind = "other"
        if self.kind == "other":
            return
        if self.distinct is not None:
            self.distinct.update(_text(present.unique()).to_pylist())
            if len(self.distinct) > MAX_CLASSES:
                self.distinct = None
        if self.kind == "text":
            return
        if numbers is None:
            self._turn_to_text(values, first)
            return
        if pa.types.is_boolean(present.type):
            self.kind = "bool"
        elif self.kind != "float":
            self.kind = "int" if _is_written_whole(present) else "float"
        self.whole = self.whole and bool((np.isfinite(numbers) & (numbers == np.floor(numbers))).all())
        self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))
        self.total += float(numbers.sum())

    def _turn_to_text(self, values: pa.Array, first: int) -> None:
        was_number = self.kind is not None
        self.kind = "text"
        texts = _text(values).to_pylist()
        odd = [row for row, text in enumerate(texts) if text is not None and not _reads_as_number(text)]
        present = sum(text is not None for text in texts)
        if was_number or present - len(odd) >= ODD_SHARE * present:
            self.odd = Odd(first + odd[0], str(texts[odd[0]]))

    @property
    def is_number(self) -> bool:
        """Whether the column can be fed to a model."""
        return self.kind in ("int", "float", "bool")

    def summary(self) -> Column:
        """What a person is shown of it."""
        seen = self.n - self.missing
        is_number = self.is_number and seen > 0
        finite = is_number and bool(np.isfinite([self.low, self.high, self.total]).all())
        return Column(
            self.name,
            self.kind or "text",
            self.low if finite else None,
            self.high if finite else None,
            self.total / seen if finite else None,
            None if self.distinct is None or self.kind == "other" else len(self.distinct),
            self.missing,
        )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_written_whole(values: pa.Array) -> bool:
    if _is_text(values.type):
        return _cast(_text(values), pa.int64()) is not None
    return pa.types.is_integer(values.type)


def _reads_as_number(text: str) -> bool:
    return _cast(pa.array([text]), pa.float64()) is not None


def _text(values: pa.Array) -> pa.Array:
    return pc.cast(values, pa.string())


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        return pc.cast(values, kind)
    except pa.ArrowInvalid:
        return None


def numbers_of(values: pa.Array) -> np.ndarray | None:
    """float64 (n,) with NaN for what is missing; None when the values are no numbers."""
    kind = values.type
    if pa.types.is_boolean(kind):
        values = pc.cast(values, pa.uint8())
    elif not (_is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    found = _cast(_text(values) if pa.types.is_dictionary(kind) else values, pa.float64())
    return None if found is None else found.to_numpy(zero_copy_only=False)


def resolve_mapping(
    profiles: Sequence[Profile], asked: Mapping, name: str, place: Callable[[int], str]
) -> tuple[Mapping, list[Problem]]:
    """The mapping in force, with label and features named. place: says in words where a row is.

    Raises DatasetError for a column that is not there, or that cannot be what it is asked to be.
    """
    known = {profile.name: profile for profile in profiles}
    for column in [*filter(None, (asked.label, asked.slice)), *(asked.features or ())]:
        if column not in known:
            raise refuse(
                "mapping.column",
                f"{name} has no column '{column}'; it has {shown_names(list(known))}.",
                "Name one of these.",
            )
    label = asked.label or next(
        (p.name for wanted in LABEL_NAMES for p in profiles if p.name.lower() == wanted), profiles[-1].name
    )
    if asked.slice is not None:
        _check_slice(known[asked.slice], label, asked.features or ())
    others = [p for p in profiles if p.name not in (label, asked.slice)]
    left_out = [p.name for p in others if not p.is_number]
    features = asked.features
    if features is None:
        features = tuple(p.name for p in others if p.is_number)
    problems: list[Problem] = []
    for profile in profiles:
        is_wanted = (asked.features is None and profile in others) or profile.name in features
        if profile.odd is not None and is_wanted:
            raise refuse(
                "table.number",
                f"Column '{profile.name}' holds numbers, but '{profile.odd.value[:60]}' is none.",
                "Correct the value, or leave the column out of the features.",
                f"{place(profile.odd.row)}, column '{profile.name}'",
            )
    if asked.features is None and left_out:
        problems.append(
            Problem(
                "mapping.text",
                f"{len(left_out)} columns hold no numbers and are not fed to models.",
                "Write them as numbers, one column for each category, if a model shall see them.",
                "warning",
                f"column {shown_names(left_out)}",
            )
        )
    for feature in features:
        if feature == label:
            raise refuse(
                "mapping.label",
                f"Column '{label}' is both the label and a feature.",
                "Take it out of the features.",
                f"column '{label}'",
            )
        if not known[feature].is_number:
            raise refuse(
                "mapping.text",
                f"Column '{feature}' holds no numbers, so it cannot be a feature.",
                "Write it as numbers, one column for each category, or leave it out.",
                f"column '{feature}'",
            )
    if len(set(features)) < len(features):
        raise refuse("mapping.twice", "A column is named twice among the features.", "Name each once.")
    if not features:
        raise refuse(
            "mapping.features",
            f"No column of numbers is left beside the label '{label}'.",
            "A table needs a feature column with numbers and a label column.",
        )
    return Mapping(label, features, asked.standardise, asked.task, asked.slice), problems


def _check_slice(profile: Profile, label: str, features: Sequence[str]) -> None:
    """Raises DatasetError for a column that cannot name slices."""
    where = f"column '{profile.name}'"
    if profile.name == label or profile.name in features:
        raise refuse(
            "mapping.slice",
            f"Column '{profile.name}' names the slices, and is the label or a feature too.",
            "Choose another column for one of them; the label's values are told apart anyway.",
            where,
        )
    if profile.kind in ("float", "other"):
        raise refuse(
            "slices.kind",
            f"Column '{profile.name}' holds neither words nor whole numbers.",
            "Choose a column whose values name groups of samples.",
            where,
        )
    if profile.distinct is None or len(profile.distinct) > MAX_SLICES:
        raise refuse(
            "slices.many",
            f"Column '{profile.name}' has more than {MAX_SLICES} different values.",
            "Choose a column whose values name groups of samples.",
            where,
        )
    if any(len(name) > MAX_NAME for name in profile.distinct):
        raise refuse(
            "slices.name",
            f"A value of column '{profile.name}' is longer than {MAX_NAME} characters.",
            "Give slices shorter names.",
            where,
        )


def label_task(profile: Profile, asked: TaskName | None) -> TaskName:
    """What a label column asks: numbers with a fraction are to be predicted, all else are classes, unless its
    owner says so. Raises DatasetError for what one column cannot be.
    """
    where = f"column '{profile.name}'"
    if asked in ("multilabel", "tokens"):
        raise refuse(
            "mapping.task",
            "A table has one label for each row.",
            "Save rows of labels as an NPZ file with x and y.",
            where,
        )
    if asked == "regression" and profile.kind not in ("int", "float"):
        raise refuse(
            "labels.number",
            f"The label column '{profile.name}' holds no numbers to be predicted.",
            "Choose another column, or let its values be classes.",
            where,
        )
    whole = profile.kind != "float" or profile.whole
    return asked or ("classification" if whole else "regression")


def class_names(profile: Profile, given: Sequence[str]) -> list[str]:
    """Names of the classes 0, 1, … by the values of the label column; empty when the labels are the numbers 0
    to K−1 already. given: names that its owner gave, which fix the order of text labels.

    Raises DatasetError when the column is no label.
    """
    where = f"column '{profile.name}'"
    if profile.kind == "other":
        raise refuse(
            "labels.type", "The label column holds neither numbers nor text.", "Choose another column.", where
        )
    if profile.kind == "float" and not profile.whole:
        raise refuse(
            "labels.integer",
            f"The label column '{profile.name}' holds numbers with a fraction.",
            "Choose the column with the classes; each class is a whole number or a word.",
            where,
        )
    if profile.distinct is None:
        raise refuse(
            "labels.many",
            f"The label column '{profile.name}' has more than {MAX_CLASSES} different values.",
            "Choose the column with the classes, or say that its numbers are to be predicted.",
            where,
        )
    if profile.kind == "text":
        if given and profile.distinct <= set(given):
            return list(given)
        if given:
            odd = sorted(profile.distinct - set(given))
            raise refuse(
                "labels.unknown",
                f"The label column holds '{odd[0]}', which is none of the {len(given)} class names given.",
                "Correct the names, or leave them out: then they are taken from the column.",
                where,
            )
        return sorted(profile.distinct)
    if profile.kind == "bool":
        return sorted(profile.distinct)
    values = sorted({int(float(value)) for value in profile.distinct})
    if values == list(range(len(values))):
        return []
    if given and values and values[0] >= 0 and values[-1] < len(given):
        return []
    return [str(value) for value in values]


def shown_names(names: Sequence[str]) -> str:
    """Some names for a message."""
    return ", ".join(f"'{name[:60]}'" for name in names[:8]) + (" …" if len(names) > 8 else "")
