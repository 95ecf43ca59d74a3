"""Measuring a model on a dataset, in steps that can be shown and stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnxruntime as ort

from gpu_worker.data.dataset import Dataset
from gpu_worker.data.spec import InputSpec
from gpu_worker.evaluate.sessions import open_session, predict
from gpu_worker.evaluate.statistics import wilson

CHUNK = 125
"""Samples between two looks at `should_stop`."""

FIRST, SECOND, STEP = 250, 1000, 1000
"""A partial result after the first 250 samples, after 1,000, and after each further 1,000."""

ORDER_SEED = 20260101


@dataclass(frozen=True)
class PerClass:
    """Right answers among the samples of one label."""

    label: int
    n: int
    correct: int


@dataclass(frozen=True)
class Evaluation:
    """Answers on the first n samples of an order. ids, labels, predictions: int64 (n,); total: the whole
    order.
    """

    ids: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    total: int
    num_classes: int

    @property
    def n(self) -> int:
        """Samples measured."""
        return len(self.ids)

    @property
    def complete(self) -> bool:
        """False when it was stopped or is a partial result."""
        return self.n == self.total

    @cached_property
    def correct(self) -> np.ndarray:
        """bool (n,), in the order of `ids`."""
        return self.predictions == self.labels

    @property
    def accuracy(self) -> float:
        """Share of right answers; NaN before the first sample."""
        return float(self.correct.mean()) if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson interval of the accuracy at 95 %."""
        return wilson(int(self.correct.sum()), self.n)

    @property
    def per_class(self) -> list[PerClass]:
        """One entry for each label of the dataset."""
        n = np.bincount(self.labels, minlength=self.num_classes)
        right = np.bincount(self.labels[self.correct], minlength=self.num_classes)
        return [PerClass(label, int(n[label]), int(right[label])) for label in range(self.num_classes)]


def evaluation_order(dataset: Dataset, seed: int = ORDER_SEED) -> np.ndarray:
    """The test ids in a fixed shuffled order, so that 250, 1,000 and all are nested random samples."""
    return np.random.default_rng(seed).permutation(dataset.test_ids)


def evaluate(
    model: bytes | ort.InferenceSession,
    dataset: Dataset,
    ids: np.ndarray | None = None,
    on_partial: Callable[[Evaluation], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    threads: int = 2,
) -> Evaluation:
    """Classifies the samples `ids` (default: the test part in `evaluation_order`) with ONNX Runtime.

    `on_partial` gets the result after 250, 1,000, 2,000 … and all samples; `should_stop` is asked every
    125 samples, and what was measured until then is returned. Raises ValueError when samples do not fit the
    model's input or the model has fewer outputs than the dataset has classes.
    """
    session = open_session(model, threads) if isinstance(model, bytes) else model
    order = evaluation_order(dataset) if ids is None else np.asarray(ids, np.int64)
    spec = session_input(session)
    predictions = np.empty(len(order), np.int64)

    def so_far(n: int) -> Evaluation:
        return Evaluation(
            order[:n], dataset.y[order[:n]], predictions[:n].copy(), len(order), dataset.num_classes
        )

    told = set(marks(len(order)))
    for start in range(0, len(order), CHUNK):
        if should_stop is not None and should_stop():
            return so_far(start)
        end = min(start + CHUNK, len(order))
        predictions[start:end] = classes(
            predict(session, dataset.batch(order[start:end], spec)), dataset.num_classes
        )
        if on_partial is not None and end in told:
            on_partial(so_far(end))
    return so_far(len(order))


def classes(scores: np.ndarray, num_classes: int) -> np.ndarray:
    """The class of each row of scores (N, outputs). Raises ValueError when there are too few outputs."""
    flat = scores.reshape(len(scores), -1)
    if flat.shape[1] < num_classes:
        raise ValueError(f"The model tells {flat.shape[1]} classes apart; the dataset has {num_classes}.")
    return flat.argmax(axis=1)


def session_input(session: ort.InferenceSession) -> InputSpec:
    """The input that a session wants."""
    value = session.get_inputs()[0]
    shape = tuple(length if isinstance(length, int) else None for length in value.shape)
    return InputSpec(value.name, shape)


def marks(total: int) -> list[int]:
    """How many samples are measured when a partial result is told, ascending; the last is all of them."""
    first = [mark for mark in (FIRST, SECOND) if mark < total]
    return first + list(range(SECOND + STEP, total, STEP)) + [total]
