"""Checks that a dataset passes before it is accepted, and what a person is shown of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from gpu_worker.data.dataset import Dataset, open_dataset
from gpu_worker.data.duplicates import blocks, find_duplicates
from gpu_worker.data.normalise import Moments, standardising
from gpu_worker.data.png import encode_png, sample_pixels
from gpu_worker.data.spec import (
    ClassCount,
    DatasetError,
    DatasetFile,
    DatasetReport,
    Leakage,
    Preview,
    Problem,
    Split,
    Transform,
)

IMBALANCE = 20
"""A class this many times rarer than the commonest one is worth a warning."""

PREVIEWS_PER_CLASS = 4


def check_dataset(
    files: Sequence[DatasetFile],
    split: Split,
    transform: Transform | None = None,
    standardise: bool = False,
) -> DatasetReport:
    """Reads every sample and reports sizes, class balance, problems, equal samples, a fitting transform and
    previews.

    transform: what its owner asks for; None takes what fits: rows whose columns are to be standardised by
    their train part, else by the dtype. Never raises for bad data: what is wrong is in `problems`, errors
    first.
    """
    try:
        dataset = open_dataset(files, split, transform or Transform())
    except DatasetError as error:
        return DatasetReport(problems=[error.problem])
    except ValueError as error:
        return DatasetReport(problems=[Problem("split", str(error), "Choose another split.")])
    counts = _counts(dataset)
    problems = _problems(dataset, counts)
    leakage = None
    if not any(problem.level == "error" for problem in problems):
        leakage = find_duplicates(dataset)
        problems += _leakage_problems(leakage)
        if transform is None and standardise and len(dataset.x.shape) == 2:
            transform, constant = _standardise(dataset)
            problems += constant
    return DatasetReport(
        n=len(dataset.x),
        shape=dataset.x.shape[1:],
        dtype=str(dataset.x.dtype),
        classes=dataset.num_classes,
        counts=counts,
        transform=transform or default_transform(dataset.x.dtype),
        problems=sorted(problems, key=lambda problem: problem.level),
        previews=_previews(dataset),
        leakage=leakage,
    )


def default_transform(dtype: np.dtype) -> Transform:
    """uint8 pixels are scaled to 0..1; other values are taken as they are."""
    return Transform(scale=1 / 255) if dtype == np.uint8 else Transform()


def _counts(dataset: Dataset) -> list[ClassCount]:
    train = np.bincount(dataset.y[dataset.train_ids], minlength=dataset.num_classes)
    test = np.bincount(dataset.y[dataset.test_ids], minlength=dataset.num_classes)
    return [ClassCount(label, int(a), int(b)) for label, (a, b) in enumerate(zip(train, test, strict=True))]


def _problems(dataset: Dataset, counts: list[ClassCount]) -> list[Problem]:
    problems: list[Problem] = []
    totals = np.array([count.train + count.test for count in counts])
    present = np.flatnonzero(totals)
    if len(present) < 2:
        problems.append(
            Problem(
                "labels.classes",
                f"All {len(dataset.y)} labels are {present[0]}.",
                "A classifier needs two classes.",
            )
        )
    gaps = np.flatnonzero(totals == 0)
    if len(gaps):
        problems.append(
            Problem(
                "labels.gap",
                f"No sample has the label {', '.join(map(str, gaps[:8]))}{' …' if len(gaps) > 8 else ''}"
                f" although labels go up to {dataset.num_classes - 1}.",
                "Number the classes from 0 without gaps.",
            )
        )
    for part, label in [(p, c.label) for c in counts for p in ("train", "test") if c.train + c.test]:
        if getattr(counts[label], part) == 0:
            problems.append(
                Problem(
                    f"labels.{part}",
                    f"Class {label} has no sample in the {part} part.",
                    "Add samples of that class to both parts.",
                    "warning",
                )
            )
    if len(present) >= 2 and totals[present].max() > IMBALANCE * totals[present].min():
        rare, common = present[totals[present].argmin()], present[totals[present].argmax()]
        problems.append(
            Problem(
                "labels.imbalance",
                f"Class {rare} has {totals[rare]} samples, class {common} {totals[common]}.",
                "Accuracy will say little about the rare class; read the per-class figures.",
                "warning",
            )
        )
    return problems + _value_problems(dataset)


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
    labels = dataset.y[ids]
    for label in range(min(dataset.num_classes, 100)):
        for sample_id in ids[np.flatnonzero(labels == label)[:PREVIEWS_PER_CLASS]]:
            pixels = sample_pixels(dataset.x[int(sample_id)])
            if pixels is None:
                return []
            previews.append(Preview(int(sample_id), label, base64.b64encode(encode_png(pixels)).decode()))
    return previews
