"""How labels are spread over train and test part, and what is wrong with that."""

from __future__ import annotations

import numpy as np

from gpu_worker.data.dataset import Dataset
from gpu_worker.data.labels import IGNORED
from gpu_worker.data.spec import ClassCount, Problem, ValueBalance

IMBALANCE = 20
"""A class this many times rarer than the commonest one is worth a warning."""

BINS = 16


def class_counts(dataset: Dataset) -> list[ClassCount]:
    """Samples of each class, samples that have each label, or tokens of each class; none for numbers."""
    if dataset.task in ("regression", "unlabelled"):
        return []
    train, test = (_counted(dataset, ids) for ids in (dataset.train_ids, dataset.test_ids))
    return [ClassCount(label, int(a), int(b)) for label, (a, b) in enumerate(zip(train, test, strict=True))]


def _counted(dataset: Dataset, ids: np.ndarray) -> np.ndarray:
    labels = dataset.y[ids]
    if dataset.task == "multilabel":
        return labels.sum(axis=0, dtype=np.int64)
    return np.bincount(labels[labels != IGNORED], minlength=dataset.num_classes)


def value_balances(dataset: Dataset) -> list[ValueBalance]:
    """The distribution of each value to be predicted."""
    if dataset.task != "regression":
        return []
    found = []
    for values in dataset.y.T:
        edges = np.linspace(values.min(), values.max(), BINS + 1)
        bins = [np.histogram(values[ids], edges)[0].tolist() for ids in (dataset.train_ids, dataset.test_ids)]
        found.append(
            ValueBalance(
                float(values.min()), float(values.max()), float(values.mean()), float(values.std()), *bins
            )
        )
    return found


def label_problems(dataset: Dataset, counts: list[ClassCount]) -> list[Problem]:
    """What is wrong with the labels of a dataset, or worth a warning."""
    if dataset.task == "unlabelled":
        return [
            Problem(
                "labels.none",
                "The dataset has no labels: models are measured by how closely they answer as their parent.",
                "Add y, and y_test beside x_test, to measure how often they are right.",
                "warning",
            )
        ]
    if dataset.task == "regression":
        return _constant_values(dataset)
    if dataset.task == "multilabel":
        return _label_use(dataset, counts) + _absent(counts)
    return _class_problems(dataset, counts)


def _constant_values(dataset: Dataset) -> list[Problem]:
    """R² divides by the variance of the test part, so each value must vary there."""
    for part, ids in (("train", dataset.train_ids), ("test", dataset.test_ids)):
        constant = np.flatnonzero(np.ptp(dataset.y[ids], axis=0) == 0)
        if len(constant):
            return [
                Problem(
                    "labels.constant",
                    f"Every label of the {part} part is {dataset.y[ids[0], constant[0]]:g}.",
                    "Values to be predicted must vary in both parts: leave this one out, or split otherwise.",
                    where=f"value {constant[0]} of y",
                )
            ]
    return []


def _label_use(dataset: Dataset, counts: list[ClassCount]) -> list[Problem]:
    if bool((dataset.y.sum(axis=1) == 1).all()):
        return [
            Problem(
                "labels.single",
                "Every sample has exactly one label.",
                "If labels exclude each other, number them: y needs one whole number for each sample.",
                "warning",
            )
        ]
    same = [c.label for c in counts if c.train + c.test in (0, len(dataset.y))]
    if not same:
        return []
    return [
        Problem(
            "labels.same",
            f"Label {same[0]} is the same for every sample.",
            "Leave it out: nothing can be learnt or measured of it.",
            "warning",
        )
    ]


def _class_problems(dataset: Dataset, counts: list[ClassCount]) -> list[Problem]:
    problems: list[Problem] = []
    totals = np.array([count.train + count.test for count in counts])
    present = np.flatnonzero(totals)
    if len(present) < 2:
        problems.append(
            Problem(
                "labels.classes",
                f"All {totals.sum()} labels are {present[0]}.",
                "A classifier needs two classes.",
            )
        )
    gaps = np.flatnonzero(totals == 0)
    # Of a vocabulary's many classes some need not occur in a sample of text.
    if len(gaps) and dataset.task == "classification":
        problems.append(
            Problem(
                "labels.gap",
                f"No sample has the label {', '.join(map(str, gaps[:8]))}{' …' if len(gaps) > 8 else ''}"
                f" although labels go up to {dataset.num_classes - 1}.",
                "Number the classes from 0 without gaps.",
            )
        )
    problems += _absent(counts)
    if len(present) >= 2 and totals[present].max() > IMBALANCE * totals[present].min():
        rare, common = present[totals[present].argmin()], present[totals[present].argmax()]
        what = "samples" if dataset.task == "classification" else "tokens"
        problems.append(
            Problem(
                "labels.imbalance",
                f"Class {rare} has {totals[rare]} {what}, class {common} {totals[common]}.",
                "Accuracy will say little about the rare class; read the per-class figures.",
                "warning",
            )
        )
    return problems


def _absent(counts: list[ClassCount]) -> list[Problem]:
    """Labels that only one of the two parts has."""
    return [
        Problem(
            f"labels.{part}",
            f"Class {count.label} has no sample in the {part} part.",
            "Add samples of that class to both parts.",
            "warning",
        )
        for count in counts
        for part in ("train", "test")
        if count.train + count.test and getattr(count, part) == 0
    ]
