"""Whatever a dataset asks, a session and a commit say of a model what NumPy says of its outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gpu_worker.contract import DatasetRef, EvaluateResult, StudioBaseline, Transform
from gpu_worker.data import TaskName
from gpu_worker.evaluate import evaluation_order, open_session, predict
from gpu_worker.jobs import run_single
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.folder_door import FolderDoor
from nets import example, net, onnx_of
from sessions import Opened, session
from specs import attempt, stored_arrays

N = 1200


@dataclass(frozen=True)
class Case:
    """A task on a small network: its arrays, and what NumPy says of outputs.

    scores: of (outputs, labels, the parent's outputs, labels of the whole test part). figures: of the first
    three.
    """

    task: TaskName
    net: str
    arrays: Callable[[], Mapping[str, np.ndarray]]
    scores: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    figures: Callable[[np.ndarray, np.ndarray, np.ndarray], Mapping[str, float]]
    parts: int
    """Labels that are told apart in the table of what breaks."""


@cache
def answered(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Samples of a network, and its outputs."""
    x = example(name, N)
    with torch.inference_mode():
        return x.numpy(), net(name)(x).numpy()


def numbers() -> Mapping[str, np.ndarray]:
    x, outputs = answered("dense")
    noise = np.random.default_rng(1).normal(0, 0.3 * outputs.std(axis=0), outputs.shape)
    return {"x": x, "y": (outputs + noise).astype(np.float32)}


def labels() -> Mapping[str, np.ndarray]:
    x, outputs = answered("dense")
    flipped = np.random.default_rng(2).random(outputs.shape) < 0.1
    return {"x": x, "y": ((outputs > 0) ^ flipped).astype(np.uint8)}


def tokens() -> Mapping[str, np.ndarray]:
    x, outputs = answered("tagger")
    y = outputs.argmax(axis=2)
    rng = np.random.default_rng(3)
    y = np.where(rng.random(y.shape) < 0.1, rng.integers(0, outputs.shape[2], y.shape), y)
    # The second half of every other sequence is padding.
    y[::2, y.shape[1] // 2 :] = -100
    return {"x": x.astype(np.int32), "y": y}


def softmax(outputs: np.ndarray) -> np.ndarray:
    powers = np.exp(outputs.astype(np.float64) - outputs.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cosines(outputs: np.ndarray, _: np.ndarray, parent: np.ndarray, __: np.ndarray) -> np.ndarray:
    a, b = outputs.astype(np.float64), parent.astype(np.float64)
    return np.clip((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1), 0, 1)


def against(outputs: np.ndarray, _: np.ndarray, parent: np.ndarray) -> Mapping[str, float]:
    p, q = softmax(parent), softmax(outputs)
    return {
        "agreement": (outputs.argmax(1) == parent.argmax(1)).mean(),
        "kl": (p * np.log(p / q)).sum(1).mean(),
    }


CASES = [
    Case(
        "regression",
        "dense",
        numbers,
        lambda outputs, y, _, test: 1 - ((outputs - y) ** 2 / test.var(axis=0)).mean(axis=1),
        lambda outputs, y, _: {"mae": np.abs(outputs - y).mean()},
        parts=0,
    ),
    Case(
        "multilabel",
        "dense",
        labels,
        lambda outputs, y, *_: ((outputs > 0) == y).mean(axis=1),
        lambda *_: {},
        parts=3,
    ),
    Case(
        "tokens",
        "tagger",
        tokens,
        lambda outputs, y, *_: np.array(
            [(row.argmax(1) == t)[t >= 0].mean() for row, t in zip(outputs, y, strict=True)]
        ),
        lambda *_: {},
        parts=5,
    ),
    Case("unlabelled", "dense", lambda: {"x": answered("dense")[0]}, cosines, against, parts=0),
]


def store(case: Case) -> Callable[[FolderDoor], DatasetRef]:
    return lambda door: stored_arrays(door, Transform(), case.task, **case.arrays())


@dataclass(frozen=True)
class Measured:
    """A case in a session of its own."""

    case: Case
    opened: Opened


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.task)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    case: Case = request.param
    with session(tmp_path_factory.mktemp(case.task), onnx_of(case.net), store=store(case)) as opened:
        yield Measured(case, opened)


def test_a_session_and_a_commit_say_what_numpy_says(measured: Measured) -> None:
    case, opened = measured.case, measured.opened
    settings: dict[str, Any] = {"sparsity": 0.6}
    lines = list(opened.lines(**settings))
    baseline = StudioBaseline.model_validate_json(opened.client.get("/baseline").content)
    committed = opened.committed(settings)
    dataset = open_reference(opened.door, opened.dataset)
    order = evaluation_order(dataset)
    of = open_session(opened.door.blob(committed.artifacts.model.sha256).read_bytes())
    kept = np.frombuffer(opened.door.blob(committed.artifacts.evaluation.scores or "").read_bytes(), "<f4")
    assert lines[-1]["type"] == "done", lines[-1]
    parent = open_session(onnx_of(case.net))
    test = dataset.y[dataset.test_ids]
    accuracies = [line for line in lines if line["type"] == "accuracy"]
    assert [line["n"] for line in accuracies] == [125, 250, 300]
    for line in accuracies:
        ids = order[: line["n"]]
        x, y = dataset.x.take(ids).astype(parent_dtype(case)), dataset.y[ids]
        now, before = predict(of, x), predict(parent, x)
        ours, theirs = (case.scores(outputs, y, before, test) for outputs in (now, before))
        assert line["accuracy"] == pytest.approx(ours.mean(), abs=1e-6)
        assert line["baselineAccuracy"] == pytest.approx(theirs.mean(), abs=1e-6)
        assert line["paired"]["difference"] == pytest.approx((ours - theirs).mean(), abs=1e-6)
        assert line["paired"]["mcnemarP"] is None
        told = {figure["name"]: figure["value"] for figure in line["figures"]}
        assert told == pytest.approx(dict(case.figures(now, y, before)), rel=1e-4)
        assert len(line["perClass"]) == case.parts
    # Zeros cost something, so the figures above are no tie.
    assert accuracies[-1]["accuracy"] < accuracies[-1]["baselineAccuracy"]
    assert baseline.task == case.task
    evaluation = committed.artifacts.evaluation
    assert evaluation.task == case.task
    assert evaluation.accuracy == pytest.approx(accuracies[-1]["accuracy"])
    assert evaluation.paired is not None
    assert evaluation.paired.difference == pytest.approx(accuracies[-1]["paired"]["difference"])
    assert (evaluation.correct is None) == (case.parts == 0)
    assert len(kept) == 300
    assert kept.mean() == pytest.approx(evaluation.accuracy, abs=1e-6)
    changed = next(line for line in lines if line["type"] == "changed")
    assert changed["samples"] == []
    falls = [sample["after"] - sample["before"] for sample in changed["moved"]]
    assert falls == sorted(falls)
    assert 0 < len(falls) <= 24
    assert falls[-1] < 0


def parent_dtype(case: Case) -> type:
    return np.int64 if case.task == "tokens" else np.float32


def test_recovery_wins_back_what_zeros_cost(measured: Measured) -> None:
    chosen = {"sparsity": 0.8, "allocation": "uniform"}
    pruned, recovered = (
        [line for line in measured.opened.lines(**chosen, recovery=epochs) if line["type"] == "accuracy"][-1]
        for epochs in (0, 2)
    )
    lost, left = (line["baselineAccuracy"] - line["accuracy"] for line in (pruned, recovered))
    assert left < 0.7 * lost


def test_a_search_keeps_within_a_loss(measured: Measured) -> None:
    lines = list(measured.opened.solved({"goal": "loss", "points": 5}))
    assert lines[-1]["type"] == "done", lines[-1]
    last = [line for line in lines if line["type"] == "accuracy"][-1]
    assert last["paired"]["difference"] >= -0.05
    sizes = [line["sizes"]["zstd19"] for line in lines if line["type"] == "sizes"]
    assert sizes[-1] < len(onnx_of(measured.case.net))


def test_without_labels_a_model_needs_a_baseline(tmp_path: Path) -> None:
    door = FolderDoor(tmp_path)
    spec = {
        "kind": "evaluate",
        "candidate": door.put_blob(onnx_of("dense")).sha256,
        "baseline": None,
        "dataset": store(CASES[3])(door).model_dump(by_alias=True),
        "latencyRounds": 0,
    }
    with pytest.raises(ValueError, match="name the version that it came from"):
        run_single(attempt(spec), door, threading.Event())
    found = run_single(attempt(spec | {"baseline": spec["candidate"]}), door, threading.Event())
    assert isinstance(found, EvaluateResult)
    assert found.evaluation.accuracy == 1
    assert found.baseline is None
