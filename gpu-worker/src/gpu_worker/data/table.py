"""A table becomes samples: one pass to learn its columns, one to write features and labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpu_worker.data.arrays import Sink, check_prepared
from gpu_worker.data.columns import (
    Profile,
    class_names,
    label_task,
    numbers_of,
    resolve_mapping,
    shown_names,
)
from gpu_worker.data.slices import MAX_NAME
from gpu_worker.data.spec import Mapping, Prepared, TaskName, refuse

MAX_COLUMNS = 4096
SHOWN_ROWS = 8
SHOWN_COLUMNS = 64
SHOWN_CHARACTERS = 60
WHOLE_LIMIT = 1 << 31
"""Whole numbers beyond it do not keep their value in int32."""

STEPS = 1000


class Table(Protocol):
    """A file of rows that is read in batches, as often as asked."""

    name: str
    columns: list[str]

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[float, pa.RecordBatch]]:
        """These columns in batches of rows, each with the share of the file read so far (0..1)."""
        ...

    def place(self, row: int) -> str:
        """Where the row with this index stands, in words."""
        ...


def check_columns(names: Sequence[str], name: str) -> None:
    """Raises DatasetError unless the names can be told apart, and are enough but not too many."""
    if len(names) > MAX_COLUMNS:
        raise refuse(
            "table.columns",
            f"{name} has {len(names)} columns; at most {MAX_COLUMNS} are accepted.",
            "Leave some out.",
        )
    for position, column in enumerate(names):
        if not column.strip():
            raise refuse(
                "table.header",
                f"Column {position + 1} of {name} has no name.",
                "Give each column a name in the first line.",
                f"column {position + 1}",
            )
        if column in names[:position]:
            raise refuse(
                "table.header",
                f"Two columns of {name} are named '{column[:60]}'.",
                "Give each column a name of its own.",
                f"column {position + 1}",
            )
    if len(names) < 2:
        raise refuse(
            "table.columns",
            f"{name} has {len(names)} column.",
            "A table needs a column of features and a column of labels; a CSV parts them by comma, semicolon"
            " or tab.",
        )


@dataclass(frozen=True)
class _Plan:
    """What the second pass writes. Without labels the label column is neither fed nor kept."""

    features: tuple[str, ...]
    label: Profile
    classes: list[str]
    dtype: np.dtype
    largest: int
    task: TaskName


def prepare_table(tables: Sequence[Table], mapping: Mapping, labels: Sequence[str], sink: Sink) -> Prepared:
    """Writes x and y of the first table, and x_test and y_test of a second one, to the sink.

    labels: names of the classes that the owner gave, or none. Raises DatasetError with rule, place and remedy
    for whatever is no table of numbers with a label.
    """
    for table in tables[1:]:
        missing = [column for column in tables[0].columns if column not in table.columns]
        if missing:
            raise refuse(
                "table.test_columns",
                f"{table.name} lacks the column {shown_names(missing)} of {tables[0].name}.",
                "Train and test files need the same columns.",
            )
    profiles, counts, rows = _profile(tables, sink)

    def place(row: int) -> str:
        return tables[0].place(row) if row < counts[0] else tables[1].place(row - counts[0])

    found, problems = resolve_mapping(list(profiles.values()), mapping, tables[0].name, place)
    assert found.label is not None
    assert found.features is not None
    label = profiles[found.label]
    task = label_task(label, found.task)
    classes = class_names(label, labels) if task == "classification" else []
    dtype = _dtype([profiles[feature] for feature in found.features])
    plan = _Plan(found.features, label, classes, dtype, (len(labels) or 1 << 20) - 1, task)
    for table, count in zip(tables, counts, strict=True):
        check_prepared(count, (len(plan.features),), dtype, table.name)
    for index, (table, count) in enumerate(zip(tables, counts, strict=True)):
        part = "_test" if index else ""
        sink.begin(f"x{part}", dtype.name, (count, len(plan.features)))
        y = np.empty(count, np.float64 if task == "regression" else np.int32)
        slices = np.empty(count if found.slice else 0, f"<U{MAX_NAME}")
        done = 0
        for share, batch in table.batches([*plan.features, found.label, *filter(None, [found.slice])]):
            here = slice(done, done + len(batch))
            y[here] = _write_batch(table, batch, done, plan, sink)
            if found.slice:
                slices[here] = pc.fill_null(pc.cast(batch.column(-1), pa.string()), "").to_pylist()
            done += len(batch)
            sink.progress(round(STEPS * (1 + (index + share) / len(tables)) / 2), STEPS)
        if task != "unlabelled":
            sink.begin(f"y{part}", y.dtype.name, (count,))
            sink.write(y)
        if found.slice:
            sink.begin(f"slice{part}", slices.dtype.str, (count,))
            sink.write(slices)
    return Prepared(
        columns=[profile.summary() for profile in profiles.values()],
        rows=rows,
        mapping=replace(found, task=task),
        labels=classes or list(labels),
        split="files" if len(tables) == 2 else "seeded",
        problems=problems,
    )


def _profile(tables: Sequence[Table], sink: Sink) -> tuple[dict[str, Profile], list[int], list[list[str]]]:
    """(profiles by column, rows of each table, the first rows as text)."""
    names = tables[0].columns
    profiles = {name: Profile(name) for name in names}
    counts: list[int] = []
    rows: list[list[str]] = []
    for index, table in enumerate(tables):
        count = 0
        for share, batch in table.batches(names):
            count += len(batch)
            for position, name in enumerate(names):
                profiles[name].add(batch.column(position))
            if len(rows) < SHOWN_ROWS and index == 0:
                rows += _shown(batch.slice(0, SHOWN_ROWS - len(rows)))
            sink.progress(round(STEPS * (index + share) / len(tables) / 2), STEPS)
        if not count:
            raise refuse(
                "table.empty", f"{table.name} has a header and no rows.", "Upload a file with samples."
            )
        counts.append(count)
    return profiles, counts, rows


def _shown(batch: pa.RecordBatch) -> list[list[str]]:
    columns = [column.to_pylist() for column in batch.columns[:SHOWN_COLUMNS]]
    return [
        ["" if value is None else str(value)[:SHOWN_CHARACTERS] for value in row]
        for row in zip(*columns, strict=True)
    ]


def _dtype(features: Sequence[Profile]) -> np.dtype:
    """int32 where every feature is a whole number that fits, else float32."""
    whole = all(
        profile.kind in ("int", "bool") and profile.low >= -WHOLE_LIMIT and profile.high < WHOLE_LIMIT
        for profile in features
    )
    return np.dtype(np.int32 if whole else np.float32)


def _write_batch(table: Table, batch: pa.RecordBatch, first: int, plan: _Plan, sink: Sink) -> np.ndarray:
    """Writes the features of a batch and returns its labels, int32 (n,), or float64 to be predicted."""
    x = np.empty((len(batch), len(plan.features)), plan.dtype)
    for position, name in enumerate(plan.features):
        numbers = numbers_of(batch.column(position))
        assert numbers is not None, "the first pass saw numbers"
        if not (abs(numbers) <= np.finfo(np.float32).max).all():
            row = int(np.flatnonzero(~(abs(numbers) <= np.finfo(np.float32).max))[0])
            raise _bad_value(table, first + row, name, batch.column(position)[row].as_py())
        x[:, position] = numbers
    sink.write(x)
    if plan.task == "unlabelled":
        return np.zeros(len(batch), np.int32)
    return _labels(table, batch.column(len(plan.features)), first, plan)


def _bad_value(table: Table, row: int, column: str, value: object) -> Exception:
    where = f"{table.place(row)}, column '{column}'"
    if value is None or value != value:
        return refuse(
            "values.missing",
            f"A value of the feature '{column}' is missing or NaN.",
            "Fill it in, remove the row, or leave the column out of the features.",
            where,
        )
    return refuse(
        "values.range",
        f"The feature '{column}' holds {str(value)[:40]}, which float32 cannot hold.",
        "Scale the column, or remove the row.",
        where,
    )


def _labels(table: Table, values: pa.Array, first: int, plan: _Plan) -> np.ndarray:
    column = plan.label.name
    numbers = None if plan.label.kind in ("text", "bool") else numbers_of(values)
    missing = np.isnan(numbers) if numbers is not None else values.is_null().to_numpy(zero_copy_only=False)
    if missing.any():
        raise refuse(
            "labels.missing",
            f"A label is missing in column '{column}'.",
            "Fill it in, or remove the row.",
            f"{table.place(first + int(np.flatnonzero(missing)[0]))}, column '{column}'",
        )
    if plan.task == "regression":
        assert numbers is not None, "the first pass saw numbers"
        return numbers
    if numbers is None:
        found = pc.call_function(
            "index_in",
            [pc.cast(values, pa.string())],
            pc.SetLookupOptions(pa.array(plan.classes, pa.string())),
        )
        return found.to_numpy(zero_copy_only=False).astype(np.int32)
    if plan.classes:
        ordered = np.array([float(name) for name in plan.classes])
        return np.searchsorted(ordered, numbers).astype(np.int32)
    if numbers.max(initial=0) > plan.largest or numbers.min(initial=0) < 0:
        row = int(np.flatnonzero((numbers > plan.largest) | (numbers < 0))[0])
        raise refuse(
            "labels.range",
            f"The label {numbers[row]:g} lies outside 0 to {plan.largest}.",
            "Correct it, or give a name to each class.",
            f"{table.place(first + row)}, column '{column}'",
        )
    return numbers.astype(np.int32)
