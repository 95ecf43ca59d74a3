"""What a dataset asks of a model: whether answers fit, what each sample scores, and what a change costs.

Whatever the task, a sample scores at most 1 and a model's figure is the mean over samples; so one interval,
one paired difference and one search serve all tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np

from gpu_worker.data.dataset import Dataset
from gpu_worker.data.labels import IGNORED
from gpu_worker.data.outputs import Gives
from gpu_worker.data.spec import TaskName

WORST = -1e6
"""What a sample scores whose answer is not even a number any more, where scores have no lower end."""


class Task(Protocol):
    """One dataset's question to models whose outputs mean `gives`.

    Outputs are what a model returns for n samples, (n, ...). Answers are what is kept of them, (n, ...).
    """

    name: ClassVar[TaskName]
    figure: ClassVar[str]
    """What the mean of the scores is called."""

    is_graded: ClassVar[bool]
    """Whether a sample may score anything between right and wrong."""

    is_relative: ClassVar[bool]
    """Whether scores compare with the parent's answers, not with labels."""

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """What is kept of outputs. Raises ValueError, naming both shapes, when they cannot answer."""
        ...

    def scores(self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None) -> np.ndarray:
        """float64 (n,), each at most 1. parent: its answers to the same samples, for relative scores."""
        ...

    def parts(self, answers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each right or wrong part of the answers: (label, whether it is right), both (m,); m = 0 where
        answers are numbers.
        """
        ...

    def figures(
        self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None
    ) -> Mapping[str, float]:
        """What is told beside the score, by name."""
        ...

    def divergence(self, before: np.ndarray, after: np.ndarray) -> float:
        """How far outputs moved, 0 for not at all. Both float64, of the same samples."""
        ...


def task_of(dataset: Dataset, gives: Gives = "values") -> Task:
    """The task of a dataset, for models whose outputs are plain values, a softmax's or a sigmoid's."""
    match dataset.task:
        case "classification":
            return Classification(dataset.num_classes, gives)
        case "multilabel":
            return Multilabel(dataset.num_classes, gives)
        case "regression":
            return Regression(dataset.y[dataset.test_ids])
        case "tokens":
            return Tokens(dataset.y.shape[1], dataset.num_classes, gives)
        case "unlabelled":
            return Unlabelled(gives)


NO_PARTS = (np.empty(0, np.int64), np.empty(0, bool))


class Classification:
    """One class a sample. Answers: int64 (n,)."""

    name: ClassVar[TaskName] = "classification"
    figure: ClassVar[str] = "accuracy"
    is_graded: ClassVar[bool] = False
    is_relative: ClassVar[bool] = False

    def __init__(self, classes: int, gives: Gives = "values") -> None:
        self._classes = classes
        self._gives: Gives = gives

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        flat = outputs.reshape(len(outputs), -1)
        if flat.shape[1] < self._classes:
            raise ValueError(
                f"The model tells {flat.shape[1]} classes apart; the dataset has {self._classes}."
            )
        return flat.argmax(axis=1)

    def scores(self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None) -> np.ndarray:
        return (answers == labels).astype(np.float64)

    def parts(self, answers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return labels, answers == labels

    def figures(
        self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None
    ) -> Mapping[str, float]:
        return {}

    def divergence(self, before: np.ndarray, after: np.ndarray) -> float:
        return class_divergence(_flat(before), _flat(after), self._gives)


class Multilabel:
    """Any of L labels. Answers: int8 (n, L). A sample scores the share of its labels that are right."""

    name: ClassVar[TaskName] = "multilabel"
    figure: ClassVar[str] = "labels right"
    is_graded: ClassVar[bool] = True
    is_relative: ClassVar[bool] = False

    def __init__(self, labels: int, gives: Gives = "values") -> None:
        self._labels = labels
        self._gives: Gives = gives

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        flat = _flat(outputs)
        if flat.shape[1] != self._labels:
            raise ValueError(
                f"The model answers {outputs.shape[1:]} for each sample; the dataset has {self._labels}"
                " labels, each of which needs one output."
            )
        return (flat > (0.5 if self._gives == "sigmoid" else 0.0)).astype(np.int8)

    def scores(self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None) -> np.ndarray:
        return (answers == labels).mean(axis=1, dtype=np.float64)

    def parts(self, answers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.tile(np.arange(self._labels), len(labels)), (answers == labels).ravel()

    def figures(
        self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None
    ) -> Mapping[str, float]:
        return {}

    def divergence(self, before: np.ndarray, after: np.ndarray) -> float:
        """Mean over samples of the KL divergences of all labels, in nats."""
        (yes, no), (now_yes, now_no) = (self._logs(_flat(outputs)) for outputs in (before, after))
        return float((np.exp(yes) * (yes - now_yes) + np.exp(no) * (no - now_no)).sum(axis=1).mean())

    def _logs(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(log p, log 1 - p)."""
        if self._gives == "sigmoid":
            return np.log(np.maximum(outputs, 1e-12)), np.log(np.maximum(1 - outputs, 1e-12))
        return -np.logaddexp(0, -outputs), -np.logaddexp(0, outputs)


class Regression:
    """K numbers. Answers: float64 (n, K).

    A sample scores 1 minus its squared error over the variance of the test part, averaged over the K numbers:
    the mean over the test part is R², all numbers weighing the same.
    """

    name: ClassVar[TaskName] = "regression"
    figure: ClassVar[str] = "R²"
    is_graded: ClassVar[bool] = True
    is_relative: ClassVar[bool] = False

    def __init__(self, test_labels: np.ndarray) -> None:
        """test_labels: of the whole test part, (N, K), each number varying."""
        self._variance = test_labels.var(axis=0)

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        flat = _flat(outputs)
        if flat.shape[1] != len(self._variance):
            raise ValueError(
                f"The model answers {outputs.shape[1:]} for each sample; the dataset has"
                f" {len(self._variance)} values to be predicted, each of which needs one output."
            )
        return flat.astype(np.float64)

    def scores(self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None) -> np.ndarray:
        errors = ((answers - labels) ** 2 / self._variance).mean(axis=1)
        return np.maximum(np.nan_to_num(1 - errors, nan=WORST), WORST)

    def parts(self, answers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return NO_PARTS

    def figures(
        self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None
    ) -> Mapping[str, float]:
        return {"mae": _finite(np.abs(answers - labels).mean())}

    def divergence(self, before: np.ndarray, after: np.ndarray) -> float:
        return value_divergence(before, after)


class Tokens:
    """A class for each of T tokens. Answers: int32 (n, T). A sample scores the share of its tokens that are
    right, of those that count.
    """

    name: ClassVar[TaskName] = "tokens"
    figure: ClassVar[str] = "tokens right"
    is_graded: ClassVar[bool] = True
    is_relative: ClassVar[bool] = False

    def __init__(self, length: int, classes: int, gives: Gives = "values") -> None:
        self._length, self._classes = length, classes
        self._gives: Gives = gives

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        if outputs.ndim != 3 or outputs.shape[1] != self._length or outputs.shape[2] < self._classes:
            raise ValueError(
                f"The model answers {outputs.shape[1:]} for each sample; the dataset has {self._length}"
                f" tokens of {self._classes} classes, which need outputs ({self._length}, {self._classes})."
            )
        return outputs.argmax(axis=2).astype(np.int32)

    def scores(self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None) -> np.ndarray:
        counts = labels != IGNORED
        return ((answers == labels) & counts).sum(axis=1) / counts.sum(axis=1)

    def parts(self, answers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts = labels != IGNORED
        return labels[counts], (answers == labels)[counts]

    def figures(
        self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None
    ) -> Mapping[str, float]:
        return {}

    def divergence(self, before: np.ndarray, after: np.ndarray) -> float:
        """Mean over all tokens, in nats."""
        classes = before.shape[-1]
        return class_divergence(before.reshape(-1, classes), after.reshape(-1, classes), self._gives)


class Unlabelled:
    """No labels. Answers: float32 outputs (n, ...). A sample scores the cosine of its outputs with the
    parent's; one below 0 counts 0.
    """

    name: ClassVar[TaskName] = "unlabelled"
    figure: ClassVar[str] = "cosine fidelity"
    is_graded: ClassVar[bool] = True
    is_relative: ClassVar[bool] = True

    def __init__(self, gives: Gives = "values") -> None:
        self._gives: Gives = gives

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.astype(np.float32)

    def scores(self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None) -> np.ndarray:
        if parent is None:
            raise ValueError(
                "Without labels a model can only be compared: name the version that it came from as baseline."
            )
        if parent.shape != answers.shape:
            raise ValueError(
                f"The model answers {answers.shape[1:]} for each sample, its baseline {parent.shape[1:]}."
            )
        a, b = _flat(answers).astype(np.float64), _flat(parent).astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            products = (a * b).sum(axis=1)
            lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
            cosines = np.where(
                lengths > 0, products / np.where(lengths > 0, lengths, 1), (a == b).all(axis=1)
            )
        return np.clip(np.nan_to_num(cosines, nan=0.0), 0.0, 1.0)

    def parts(self, answers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return NO_PARTS

    def figures(
        self, answers: np.ndarray, labels: np.ndarray, parent: np.ndarray | None
    ) -> Mapping[str, float]:
        """For outputs (n, C): how often the largest is the parent's, and the KL divergence from its."""
        if parent is None or answers.ndim != 2 or answers.shape[1] < 2:
            return {}
        kl = class_divergence(parent.astype(np.float64), answers.astype(np.float64), self._gives)
        return {
            "agreement": float((answers.argmax(axis=1) == parent.argmax(axis=1)).mean()),
            "kl": max(0.0, _finite(kl)),
        }

    def divergence(self, before: np.ndarray, after: np.ndarray) -> float:
        return value_divergence(before, after)


def log_probabilities(scores: np.ndarray, probabilities: bool) -> np.ndarray:
    """Outputs (N, ...) as log-probabilities (N, classes); `probabilities` where they come from a Softmax."""
    flat = scores.reshape(len(scores), -1)
    if probabilities:
        return np.log(np.maximum(flat, 1e-12))
    shifted = flat - flat.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def class_divergence(before: np.ndarray, after: np.ndarray, gives: Gives) -> float:
    """Mean KL divergence of outputs (n, classes) from those before, in nats."""
    was, now = (log_probabilities(outputs, gives == "softmax") for outputs in (before, after))
    return float((np.exp(was) * (was - now)).sum(axis=1).mean())


def value_divergence(before: np.ndarray, after: np.ndarray) -> float:
    """Squared change of outputs over their variance, all together: 1 is as far as their mean would be."""
    spread = ((before - before.mean(axis=0)) ** 2).sum()
    return float(((after - before) ** 2).sum() / max(float(spread), 1e-30))


def _flat(outputs: np.ndarray) -> np.ndarray:
    return outputs.reshape(len(outputs), -1)


def _finite(value: float) -> float:
    return float(np.nan_to_num(value, nan=-WORST, posinf=-WORST))
