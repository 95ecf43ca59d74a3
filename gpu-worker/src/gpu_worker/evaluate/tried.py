"""A batch of test samples fed to a model before anything long starts: do they reach it, and do its answers
look like those of a model that was made for them.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime as ort

from gpu_worker.data.dataset import Dataset
from gpu_worker.data.labels import IGNORED
from gpu_worker.data.outputs import output_gives
from gpu_worker.data.spec import DatasetError, Problem, refuse
from gpu_worker.evaluate.evaluation import WHOLE, evaluation_order, session_input
from gpu_worker.evaluate.sessions import answer, open_session
from gpu_worker.evaluate.tasks import Task, task_of

SAMPLES = 64
"""Fed at most: those that an evaluation begins with."""

ENOUGH = 8
"""Fewer answers that are equal say nothing."""

RIGHT_ANYWAY = 0.9
"""Answers that are right so often may be right ones, however dull: one class is nearly all there is."""

DTYPES = {"float": "float32", "double": "float64"}
CHECK_VALUES = (
    "Compare the scaling of values, and the order of columns or channels, with what the model was trained on,"
    " and upload the dataset with those."
)
CHECK_CLASSES = (
    "Compare the order of the classes, the scaling of values, and the order of columns or channels, with what"
    " the model was trained on, and upload the dataset with those."
)


@dataclass(frozen=True)
class Tensor:
    """An input or output; None is an open dimension."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class TriedBatch:
    """What came of it. n: samples answered. wanted: the first input; fed, range: what it was given, and the
    least and largest value of that. outputs: as they came. commonest: the answer that most samples, or
    tokens, got, and their share. milliseconds: of the whole batch. None where there is nothing to tell.
    """

    verdict: Literal["passed", "warning", "failed"]
    wanted: Tensor | None = None
    n: int = 0
    fed: Tensor | None = None
    range: tuple[float, float] | None = None
    outputs: list[Tensor] = field(default_factory=list)
    finite: bool | None = None
    score: float | None = None
    commonest: tuple[int, float] | None = None
    milliseconds: float | None = None
    problems: list[Problem] = field(default_factory=list)


def try_batch(model: bytes, dataset: Dataset, threads: int = 1) -> TriedBatch:
    """Feeds up to 64 test samples to a model as `evaluate` does. What is wrong is told, not raised: errors
    where the samples cannot be fed or answered, warnings where the answers look odd.
    """
    session = open_session(model, threads)
    ids = evaluation_order(dataset)[:SAMPLES]
    tried: dict[str, Any] = {"wanted": _wanted(session)}
    problems: list[Problem] = []
    try:
        _check_inputs(session)
        batch = dataset.batch(ids, session_input(session))
        problems += _check_fed(dataset, ids, batch)
        tried |= {
            "fed": Tensor(session.get_inputs()[0].name, str(batch.dtype), batch.shape),
            "range": _range(batch),
        }
        began = time.perf_counter()
        outputs = _run(session, batch)
        tried |= {
            "milliseconds": (time.perf_counter() - began) * 1000,
            "n": len(ids),
            "outputs": [Tensor(name, str(found.dtype), found.shape) for name, found in outputs.items()],
            "finite": all(_is_finite(found).all() for found in outputs.values()),
        }
        problems += _check_finite(outputs, len(ids))
        task = task_of(dataset, output_gives(onnx.load_model_from_string(model)))
        answers = _answers(task, next(iter(outputs.values())))
    except DatasetError as error:
        return TriedBatch("failed", problems=[error.problem, *problems], **tried)
    labels = dataset.y[ids]
    if tried["finite"]:
        tried |= {"score": None if task.is_relative else float(task.scores(answers, labels, None).mean())}
        tried |= {"commonest": _commonest(task, answers, labels)}
        problems += _check_answers(task, answers, labels, batch)
    failed = any(problem.level == "error" for problem in problems)
    return TriedBatch("failed" if failed else "warning" if problems else "passed", problems=problems, **tried)


def _wanted(session: ort.InferenceSession) -> Tensor:
    value = session.get_inputs()[0]
    shape = tuple(length if isinstance(length, int) else None for length in value.shape)
    return Tensor(value.name, _dtype(value.type), shape)


def _dtype(kind: str) -> str:
    """ "float32" for "tensor(float)"; what is no tensor keeps its name."""
    found = re.fullmatch(r"tensor\((\w+)\)", kind)
    return kind if found is None else DTYPES.get(found[1], found[1])


def _check_inputs(session: ort.InferenceSession) -> None:
    """Raises DatasetError for a model that samples cannot be fed to, whatever their shape."""
    inputs = session.get_inputs()
    if len(inputs) > 1:
        names = ", ".join(f"'{value.name}'" for value in inputs)
        raise refuse(
            "input.several",
            f"The model takes {len(inputs)} inputs ({names}); the samples of a dataset fill one.",
            "Export the model with one input, the others fixed as constants.",
            f"input '{inputs[1].name}'",
        )
    (first,) = inputs
    if first.type != "tensor(float)" and first.type not in WHOLE:
        raise refuse(
            "input.dtype",
            f"The input '{first.name}' takes {_dtype(first.type)}; samples are fed as float32, or as int32 or"
            " int64 where the model reads those.",
            "Export the model with a float32 input and a Cast behind it.",
            f"input '{first.name}'",
        )


def _check_fed(dataset: Dataset, ids: np.ndarray, batch: np.ndarray) -> list[Problem]:
    """What scaling and rounding did to the samples on their way."""
    if np.issubdtype(batch.dtype, np.integer):
        samples = dataset.x.take(ids)
        cut = np.count_nonzero(samples != np.trunc(samples))
        if not cut:
            return []
        return [
            Problem(
                "input.fractions",
                f"The model reads whole numbers, but {cut} of {samples.size} values have fractions, which are"
                " cut off.",
                "Upload whole numbers, such as tokens, or choose a model that reads fractions.",
                "warning",
            )
        ]
    odd = np.count_nonzero(~np.isfinite(batch))
    if not odd:
        return []
    return [
        Problem(
            "input.finite",
            f"{odd} of {batch.size} values that the model was fed are no finite numbers after scaling.",
            "Give mean and std that keep values within float32, or let the check find them.",
        )
    ]


def _range(batch: np.ndarray) -> tuple[float, float]:
    finite = batch[np.isfinite(batch)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _run(session: ort.InferenceSession, batch: np.ndarray) -> dict[str, np.ndarray]:
    """All outputs by name, the first one first. Raises DatasetError with ONNX Runtime's words."""
    try:
        runs = [
            [np.asarray(output) if kept is None else np.asarray(output)[:kept] for output in outputs]
            for kept, outputs in answer(session, batch)
        ]
    except Exception as error:  # ONNX Runtime's errors share no class of their own
        raise refuse(
            "model.run",
            f"ONNX Runtime could not answer {len(batch)} samples: {str(error).strip()[:300]}",
            "Export the model with an open batch dimension, and try it on a batch of this shape there.",
            f"input '{session.get_inputs()[0].name}' given {' × '.join(map(str, batch.shape))}",
        ) from error
    names = [value.name for value in session.get_outputs()]
    if len(runs) == 1:
        return dict(zip(names, runs[0], strict=True))
    return {name: np.concatenate(parts) for name, *parts in zip(names, *runs, strict=True)}


def _is_finite(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)


def _check_finite(outputs: dict[str, np.ndarray], n: int) -> list[Problem]:
    for name, found in outputs.items():
        whole = _is_finite(found)
        if whole.all():
            continue
        rows = n - int(whole.reshape(n, -1).all(axis=1).sum()) if found.shape[:1] == (n,) else n
        return [
            Problem(
                "output.finite",
                f"The answers to {rows} of {n} samples are no finite numbers: NaN or infinite.",
                CHECK_VALUES,
                where=f"output '{name}'",
            )
        ]
    return []


def _answers(task: Task, outputs: np.ndarray) -> np.ndarray:
    try:
        return task.answers(outputs)
    except ValueError as error:
        raise refuse(
            "output.shape",
            str(error),
            "Choose a dataset whose labels have the shape of the model's output, or a model made for these"
            " labels.",
        ) from error


def _commonest(task: Task, answers: np.ndarray, labels: np.ndarray) -> tuple[int, float] | None:
    if task.name not in ("classification", "tokens"):
        return None
    given, counts = np.unique(answers[labels != IGNORED], return_counts=True)
    return int(given[counts.argmax()]), float(counts.max() / counts.sum())


def _check_answers(task: Task, answers: np.ndarray, labels: np.ndarray, batch: np.ndarray) -> list[Problem]:
    """What answers of a right mapping and scaling do not look like."""
    n = len(answers)
    scores = None if task.is_relative else task.scores(answers, labels, None)
    if n >= ENOUGH and _is_constant(answers) and not _is_constant(batch):
        same = f"All {n} samples got the same answer"
        common = _commonest(task, answers, labels)
        if common is not None:
            found = len(np.unique(labels[labels != IGNORED]))
            same = f"All {n} samples got class {common[0]}, though {found} classes are among their labels"
        expected = scores is not None and (scores.mean() >= RIGHT_ANYWAY or _is_constant(labels))
        return [] if expected else [Problem("answers.same", f"{same}.", CHECK_VALUES, "warning")]
    if scores is None:
        return []
    if task.name == "regression" and scores.mean() < 0:
        return [
            Problem(
                "answers.below_mean",
                f"R² is {scores.mean():.3g}: always answering the mean of the labels would be better.",
                CHECK_VALUES,
                "warning",
            )
        ]
    if task.name == "classification":
        share = np.unique(labels, return_counts=True)[1].max() / n
        if scores.mean() <= share and scores.mean() < RIGHT_ANYWAY:
            return [
                Problem(
                    "answers.chance",
                    f"{int(scores.sum())} of {n} answers are right; the commonest label alone would be right"
                    f" {round(share * n)} times.",
                    CHECK_CLASSES,
                    "warning",
                )
            ]
    return []


def _is_constant(rows: np.ndarray) -> bool:
    """Whether all rows are equal, to the noise of float32 at most."""
    flat = rows.reshape(len(rows), -1)
    if flat.dtype.kind != "f":
        return bool((flat == flat[0]).all())
    spread = np.ptp(flat, axis=0)
    return bool((spread <= 1e-6 * np.abs(flat).max(axis=0)).all())
