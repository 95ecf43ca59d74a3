"""Checks that a dataset passes before it is accepted, and what a person is shown of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from gpu_worker.data.balance import class_counts, label_problems, value_balances
from gpu_worker.data.dataset import Dataset, open_dataset
from gpu_worker.data.duplicates import blocks, find_duplicates
from gpu_worker.data.normalise import Moments, standardising
from gpu_worker.data.png import encode_png, sample_pixels
from gpu_worker.data.spec import (
    DatasetError,
    DatasetFile,
    DatasetReport,
    Leakage,
    Preview,
    Problem,
    Row,
    Split,
    TaskName,
    Transform,
)

PREVIEWS_PER_CLASS = 4
PREVIEWS = 16
"""Pictures of a dataset whose samples have no class of their own."""
ROWS, ROW_NUMBERS = 8, 8
"""Samples that are no pictures, and how many of their numbers are shown."""


def check_dataset(
    files: Sequence[DatasetFile],
    split: Split,
    transform: Transform | None = None,
    standardise: bool = False,
    task: TaskName | None = None,
) -> DatasetReport:
    """Reads every sample and reports sizes, balance, problems, equal samples, a fitting transform and
    previews.

    transform: what its owner asks for; None takes what fits: rows whose columns are to be standardised by
    their train part, else by the dtype. task: None takes what the labels look like. Never raises for bad
    data: what is wrong is in `problems`, errors first.
    """
    try:
        dataset = open_dataset(files, split, transform or Transform(), task)
    except DatasetError as error:
        return DatasetReport(problems=[error.problem])
    except ValueError as error:
        return DatasetReport(problems=[Problem("split", str(error), "Choose another split.")])
    counts = class_counts(dataset)
    problems = label_problems(dataset, counts) + _value_problems(dataset) + _slice_problems(dataset)
    leakage = None
    if not any(problem.level == "error" for problem in problems):
        leakage = find_duplicates(dataset)
        problems += _leakage_problems(leakage)
        if transform is None and standardise and len(dataset.x.shape) == 2:
            transform, constant = _standardise(dataset)
            problems += constant
    previews = _previews(dataset)
    return DatasetReport(
        n=len(dataset.x),
        train=len(dataset.train_ids),
        test=len(dataset.test_ids),
        shape=dataset.x.shape[1:],
        dtype=str(dataset.x.dtype),
        task=dataset.task,
        label_shape=dataset.y.shape[1:] if dataset.num_classes else (),
        classes=len(counts),
        counts=counts,
        values=value_balances(dataset),
        slices=dataset.slices.counts(dataset.train_ids, dataset.test_ids) if dataset.slices else [],
        transform=transform or default_transform(dataset.x.dtype),
        problems=sorted(problems, key=lambda problem: problem.level),
        previews=previews,
        rows=[] if previews else _rows(dataset),
        leakage=leakage,
    )


def default_transform(dtype: np.dtype) -> Transform:
    """uint8 pixels are scaled to 0..1; other values are taken as they are."""
    return Transform(scale=1 / 255) if dtype == np.uint8 else Transform()


def _value_problems(dataset: Dataset) -> list[Problem]:
    """NaN and constant input, looked for in blocks so that a large memory-mapped array is streamed."""
    low, high = np.inf, -np.inf
    for first, block in blocks(dataset.x):
        if block.dtype.kind == "f" and not np.isfinite(block).all():
            sample, *place = (int(i) for i in np.argwhere(~np.isfinite(block))[0])
            return [
                Problem(
                    "values.nan",
                    f"Sample {first + sample} holds NaN or infinity.",
                    "Remove or repair such samples.",
                    where=f"sample {first + sample}, value {', '.join(map(str, place))}",
                )
            ]
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    if low == high:
        return [
            Problem(
                "values.constant", f"Every value is {low:g}.", "Check how the file was written.", "warning"
            ),
        ]
    return []


def _slice_problems(dataset: Dataset) -> list[Problem]:
    """Slices that are named, but that no evaluation can tell of."""
    if dataset.slices is None:
        return []
    counts = dataset.slices.counts(dataset.train_ids, dataset.test_ids)
    untested = [count.name for count in counts if not count.test]
    if not untested and counts:
        return []
    what = f"Slice '{untested[0]}' has" if untested else "No slice is named, so none has"
    return [
        Problem(
            "slices.test",
            f"{what} no sample in the test part.",
            "Name slices of test samples: evaluations tell how a model does on those.",
            "warning",
            f"slice {', '.join(untested[:8])}{' …' if len(untested) > 8 else ''}" if untested else None,
        )
    ]


def _leakage_problems(found: Leakage) -> list[Problem]:
    problems: list[Problem] = []
    if found.between:
        pairs = ", ".join(f"{test} (as {train})" for train, test in found.pairs)
        more = " …" if found.between > len(found.pairs) else ""
        problems.append(
            Problem(
                "leakage.between",
                f"{found.between} test samples are in the train part too, byte for byte.",
                "Remove them from one part: accuracy on samples that were trained on says too much.",
                "warning",
                f"test samples {pairs}{more}",
            )
        )
    if found.repeated:
        problems.append(
            Problem(
                "leakage.repeated",
                f"{found.repeated} train samples repeat an earlier one.",
                "Keep one of each, unless they are meant to weigh more.",
                "warning",
            )
        )
    if found.conflicting:
        problems.append(
            Problem(
                "labels.conflict",
                f"{found.conflicting} samples have another label than their equal.",
                "Look at them again: no model can be right on both.",
                "warning",
            )
        )
    return problems


def _standardise(dataset: Dataset) -> tuple[Transform, list[Problem]]:
    """The transform from the columns of the train part, and a warning for those that never vary."""
    moments = Moments(dataset.x.shape[1])
    in_train = np.zeros(len(dataset.x), bool)
    in_train[dataset.train_ids] = True
    for first, block in blocks(dataset.x):
        moments.add(block[in_train[first : first + len(block)]])
    transform, constant = standardising(moments)
    if not len(constant):
        return transform, []
    shown = ", ".join(str(column + 1) for column in constant[:8])
    return transform, [
        Problem(
            "values.constant_column",
            f"{len(constant)} of {dataset.x.shape[1]} features never vary in the train part.",
            "Leave them out: a model can learn nothing from them.",
            "warning",
            f"feature {shown}{' …' if len(constant) > 8 else ''}",
        )
    ]


def _previews(dataset: Dataset) -> list[Preview]:
    previews: list[Preview] = []
    ids = dataset.train_ids if len(dataset.train_ids) else dataset.test_ids
    if dataset.task == "classification":
        labels = dataset.y[ids]
        shown = [
            (label, sample_id)
            for label in range(min(dataset.num_classes, 100))
            for sample_id in ids[np.flatnonzero(labels == label)[:PREVIEWS_PER_CLASS]]
        ]
    else:
        shown = [(0, sample_id) for sample_id in ids[:PREVIEWS]]
    for label, sample_id in shown:
        pixels = sample_pixels(dataset.x[int(sample_id)])
        if pixels is None:
            return []
        previews.append(Preview(int(sample_id), label, base64.b64encode(encode_png(pixels)).decode()))
    return previews


def _rows(dataset: Dataset) -> list[Row]:
    ids = dataset.train_ids if len(dataset.train_ids) else dataset.test_ids
    return [
        Row(
            int(sample_id),
            _first(dataset.x[int(sample_id)]),
            [] if dataset.task == "unlabelled" else _first(dataset.y[int(sample_id)]),
        )
        for sample_id in ids[:ROWS]
    ]


def _first(numbers: np.ndarray) -> list[float]:
    """The first finite numbers; none of a sample without labels."""
    flat = np.asarray(numbers, np.float64).ravel()[:ROW_NUMBERS]
    return [float(number) for number in flat if np.isfinite(number)]
