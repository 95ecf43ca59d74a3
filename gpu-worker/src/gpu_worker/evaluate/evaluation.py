"""Measuring a model on a dataset, in steps that can be shown and stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
import onnxruntime as ort

from gpu_worker.data.dataset import Dataset
from gpu_worker.data.outputs import output_gives
from gpu_worker.data.spec import InputSpec
from gpu_worker.evaluate.sessions import open_session, predict
from gpu_worker.evaluate.statistics import score_interval
from gpu_worker.evaluate.tasks import Task, task_of

CHUNK = 125
"""Samples between two looks at `should_stop`."""

EARLY, STEP = (125, 250), 1000
"""A partial result after so many samples, and after each thousand."""

ORDER_SEED = 20260101


WHOLE = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
"""Inputs that take whole numbers as they are, such as tokens; all others are fed float32."""

HELD_BYTES = 1 << 30
"""Answers of one model that are held."""


@dataclass(frozen=True)
class PerClass:
    """Right answers among the samples, or tokens, of one label."""

    label: int
    n: int
    correct: int


@dataclass(frozen=True)
class Evaluation:
    """Answers on the first n samples of an order. ids: int64 (n,); labels, answers: (n, ...), see Task;
    total: the whole order.
    """

    ids: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    total: int
    num_classes: int
    task: Task

    @property
    def n(self) -> int:
        """Samples measured."""
        return len(self.ids)

    @property
    def complete(self) -> bool:
        """False when it was stopped or is a partial result."""
        return self.n == self.total

    @cached_property
    def scores(self) -> np.ndarray:
        """float64 (n,), in the order of `ids`. Raises ValueError for a task that compares with a parent."""
        return self.task.scores(self.answers, self.labels, None)

    @property
    def correct(self) -> np.ndarray:
        """Which samples are right in every part, bool (n,)."""
        return self.scores == 1

    @property
    def accuracy(self) -> float:
        """Mean score; NaN before the first sample."""
        return float(self.scores.mean()) if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Interval of the accuracy at 95 %."""
        return score_interval(self.scores)

    @property
    def per_class(self) -> list[PerClass]:
        """One entry for each label of the dataset."""
        labels, right = self.task.parts(self.answers, self.labels)
        n = np.bincount(labels, minlength=self.num_classes)
        correct = np.bincount(labels[right], minlength=self.num_classes)
        return [PerClass(label, int(n[label]), int(correct[label])) for label in range(self.num_classes)]


def evaluation_order(dataset: Dataset, seed: int = ORDER_SEED) -> np.ndarray:
    """The test ids in a fixed shuffled order, so that 125, 250, 1,000 and all are nested random samples."""
    return np.random.default_rng(seed).permutation(dataset.test_ids)


def evaluate(
    model: bytes | ort.InferenceSession,
    dataset: Dataset,
    ids: np.ndarray | None = None,
    on_partial: Callable[[Evaluation], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    threads: int = 2,
    task: Task | None = None,
) -> Evaluation:
    """Asks a model the samples `ids` (default: the test part in `evaluation_order`) with ONNX Runtime.

    `on_partial` gets the result after 125, 250, 1,000, 2,000 … and all samples; `should_stop` is asked every
    125 samples, and what was measured until then is returned. task: None takes the dataset's, by what the
    bytes of a model give. Raises ValueError when samples do not fit the model's input or its outputs the
    task.
    """
    session = open_session(model, threads) if isinstance(model, bytes) else model
    if task is None:
        gives = output_gives(onnx.load_model_from_string(model)) if isinstance(model, bytes) else "values"
        task = task_of(dataset, gives)
    order = evaluation_order(dataset) if ids is None else np.asarray(ids, np.int64)
    spec = session_input(session)
    answers = np.empty(0, np.int64)

    def so_far(n: int) -> Evaluation:
        return Evaluation(
            order[:n], dataset.y[order[:n]], answers[:n].copy(), len(order), dataset.num_classes, task
        )

    told = set(marks(len(order)))
    for start in range(0, len(order), CHUNK):
        if should_stop is not None and should_stop():
            return so_far(start)
        end = min(start + CHUNK, len(order))
        found = task.answers(predict(session, dataset.batch(order[start:end], spec)))
        if start == 0:
            check_held(found, len(dataset.test_ids))
            answers = np.empty((len(order), *found.shape[1:]), found.dtype)
        answers[start:end] = found
        if on_partial is not None and end in told:
            on_partial(so_far(end))
    return so_far(len(order))


def check_held(answers: np.ndarray, samples: int) -> None:
    """Raises ValueError when answers like these to so many samples are more than can be held."""
    size = answers.nbytes // len(answers) * samples
    if size > HELD_BYTES:
        raise ValueError(
            f"The outputs of {samples} test samples, {answers.shape[1:]} each, take {size / 1e6:,.0f} MB; at"
            f" most {HELD_BYTES / 1e6:,.0f} MB are held. Choose a smaller test part."
        )


def joined(known: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Answers to samples, and to those that follow."""
    return np.concatenate([known, more]) if len(known) and len(more) else more if len(more) else known


def session_input(session: ort.InferenceSession) -> InputSpec:
    """The input that a session wants."""
    value = session.get_inputs()[0]
    shape = tuple(length if isinstance(length, int) else None for length in value.shape)
    return InputSpec(value.name, shape, WHOLE.get(value.type, "float32"))


def marks(total: int) -> list[int]:
    """How many samples are measured when a partial result is told, ascending; the last is all of them."""
    return [mark for mark in (*EARLY, *range(STEP, total, STEP)) if mark < total] + [total]
