"""What the labels of a dataset ask of a model, and whether they are well formed for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpu_worker.data.spec import TaskName, refuse

IGNORED = -100
"""The label of a token that does not count, as PyTorch has it."""

LARGEST = 1 << 20
"""Classes that a label may number."""

HINT = "Leave y out to measure how closely outputs follow those of a parent."


def find_task(labels: Sequence[np.ndarray]) -> TaskName:
    """What labels look like: numbers with a fraction are to be predicted, rows of 0 and 1 are labels, rows of
    whole numbers are tokens; single whole numbers are classes, as are all labels that are refused.
    """
    if not labels:
        return "unlabelled"
    first = labels[0]
    wide = first.ndim == 2 and first.shape[1] > 1
    if not all(np.issubdtype(part.dtype, np.number) or part.dtype == bool for part in labels):
        return "classification"
    if wide and all(_is_binary(part) for part in labels):
        return "multilabel"
    if first.dtype.kind == "f":
        whole = all(np.isfinite(part).all() and (part == np.floor(part)).all() for part in labels)
        return "regression" if wide or not whole else "classification"
    return "tokens" if wide else "classification"


def read_labels(labels: Sequence[np.ndarray], task: TaskName, samples: int) -> np.ndarray:
    """Labels as their task has them: int64 (N,) classes, int8 (N, L) of 0 and 1, float64 (N, K), int64 (N, T)
    with IGNORED for tokens that do not count, or nothing, float32 (N, 0).

    Raises DatasetError, with the rule, for labels that are something else.
    """
    if task == "unlabelled":
        return np.zeros((samples, 0), np.float32)
    if len({part.shape[1:] for part in labels}) > 1:
        raise refuse(
            "labels.test_shape",
            f"Labels of train samples have the shape {labels[0].shape[1:]},"
            f" those of test samples {labels[1].shape[1:]}.",
            "Both parts need one shape.",
        )
    found = np.concatenate(list(labels))
    if task == "classification":
        return _classes(found)
    if task == "regression":
        return _numbers(found)
    if found.ndim != 2:
        what = "a row of 0 and 1" if task == "multilabel" else "one whole number for each token"
        raise refuse("labels.shape", f"Labels have the shape {found.shape}.", f"y needs {what}. {HINT}")
    if task == "multilabel":
        if not _is_binary(found):
            raise refuse(
                "labels.binary",
                "Labels hold other values than 0 and 1.",
                "Write 1 for each label that a sample has.",
            )
        return found.astype(np.int8)
    return _tokens(found)


def label_width(y: np.ndarray, task: TaskName) -> int:
    """Classes that labels number, labels or numbers of each sample; 0 without labels."""
    if task in ("classification", "tokens"):
        return int(y.max()) + 1
    return y.shape[1]


def _is_binary(labels: np.ndarray) -> bool:
    return bool(((labels == 0) | (labels == 1)).all())


def _whole(labels: np.ndarray) -> np.ndarray:
    finite = labels.dtype.kind in "biu" or (labels.dtype.kind == "f" and np.isfinite(labels).all())
    whole = labels.astype(np.int64) if finite else None
    if whole is None or not np.array_equal(whole, labels):
        raise refuse(
            "labels.integer",
            f"Labels of dtype {labels.dtype} are not whole numbers.",
            "Number the classes from 0.",
        )
    return whole


def _classes(labels: np.ndarray) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise refuse(
            "labels.shape",
            f"Labels have the shape {labels.shape}.",
            f"y needs one whole number for each sample. {HINT}",
        )
    whole = _whole(labels)
    if whole.size and whole.min() < 0:
        raise refuse("labels.negative", f"The smallest label is {whole.min()}.", "Number the classes from 0.")
    _check_largest(whole)
    return whole


def _check_largest(labels: np.ndarray) -> None:
    if labels.size and labels.max() >= LARGEST:
        raise refuse(
            "labels.range",
            f"The largest label is {labels.max()}.",
            "Number the classes from 0 without gaps, or say that y holds numbers to be predicted.",
        )


def _numbers(labels: np.ndarray) -> np.ndarray:
    if labels.ndim == 1:
        labels = labels[:, None]
    if labels.ndim != 2 or labels.shape[1] == 0:
        raise refuse(
            "labels.shape",
            f"Labels have the shape {labels.shape}.",
            f"y needs a number, or a row of numbers, for each sample. {HINT}",
        )
    if labels.dtype.kind not in "biuf":
        raise refuse("labels.number", f"Labels of dtype {labels.dtype} are no numbers.", "Write numbers.")
    numbers = labels.astype(np.float64)
    odd = np.argwhere(~np.isfinite(numbers))
    if len(odd):
        raise refuse(
            "labels.nan",
            "A label is NaN or infinite.",
            "Repair or remove that sample.",
            where=f"label {int(odd[0][0])}, value {int(odd[0][1])}",
        )
    return numbers


def _tokens(labels: np.ndarray) -> np.ndarray:
    whole = _whole(labels)
    counts = whole != IGNORED
    if (whole[counts] < 0).any():
        raise refuse(
            "labels.negative",
            f"The smallest label is {whole[counts].min()}.",
            f"Number the classes from 0; {IGNORED} marks a token that does not count.",
        )
    _check_largest(whole)
    empty = np.flatnonzero(~counts.any(axis=1))
    if len(empty):
        raise refuse(
            "labels.ignored",
            f"{len(empty)} samples have no token that counts.",
            "Remove them, or label a token of each.",
            where=f"sample {int(empty[0])}",
        )
    return whole
