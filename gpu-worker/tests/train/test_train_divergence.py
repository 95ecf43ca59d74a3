"""A run that diverges stops with the reason, or goes back to a good checkpoint with a lower rate, all ranks
alike.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from gpu_worker.contract import TrainResult
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.train import run_rank
from gpu_worker.train.divergence import EXPLODED, FLOOR, PATIENCE, LossWatch
from specs import attempt, open_door, stored_dataset, train_spec
from train.test_train_ranks import run as run_ranks

EXPLODING: dict[str, Any] = {
    "optimizer": "sgd",
    "lr": 1e31,
    "warmupFraction": 0.0,
    "schedule": "constant",
    "epochs": 2.0,
    "checkpointEverySteps": 3,
    "onDivergence": "lower_rate",
    "lowerRateFactor": 1e-32,
}
"""Overflows within two steps; lowered once, it trains."""


def run(door: FolderDoor, hyper: dict[str, Any], **more: Any) -> TrainResult | None:
    """One rank in this process; stopped by its own report after `stop_after`."""
    stop = threading.Event()
    stop_after = more.pop("stop_after", None)

    def report(event: dict[str, object]) -> None:
        if event["step"] == stop_after:
            stop.set()

    spec = train_spec(door, "dense", stored_dataset(door, (20,), 3), hyper=hyper)
    return run_rank(attempt(spec, **more), 0, 1, "127.0.0.1", 0, "cpu", door, report, stop)


def warnings(door: FolderDoor) -> list[str]:
    lines = [
        line for path in sorted(door.folder.glob("rank-*.log")) for line in path.read_text().splitlines()
    ]
    return [line for line in lines if " WARNING " in line]


def rates(door: FolderDoor) -> list[float]:
    return [float(str(p["value"])) for p in door.read("metrics") if p["name"] == "train/lr"]


def test_losses_are_judged_by_their_running_median() -> None:
    watch = LossWatch()
    assert all(watch.judge(1.0, 1.0) is None for _ in range(20))
    # A hard batch now and then is none.
    for _ in range(3):
        assert all(watch.judge(2 * EXPLODED, 1.0) is None for _ in range(PATIENCE - 1))
        assert watch.judge(1.0, 1.0) is None
    found = [
        LossWatch(watch.known).judge(loss, norm) for loss, norm in ((float("nan"), 1), (1, float("inf")))
    ]
    assert found == ["The loss is nan", "The norm of the gradient is inf"]
    judged = [watch.judge(2 * EXPLODED, 1.0) for _ in range(PATIENCE)]
    assert judged[:-1] == [None] * (PATIENCE - 1)
    assert judged[-1] is not None
    assert watch.known == (1.0,) * 23
    nothing = LossWatch()
    assert all(nothing.judge(1e-9, 1.0) is None for _ in range(20))
    assert all(nothing.judge(FLOOR * EXPLODED, 1.0) is None for _ in range(2 * PATIENCE))


def test_a_divergence_goes_back_and_lowers_the_rate_and_then_trains(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    result = run(door, EXPLODING)
    assert result is not None
    told = warnings(door)
    assert len(told) == 1
    assert "back to the weights of step 0, learning rate from 1e+31 to 0.1 (1 of at most 3 times)" in told[0]
    used = rates(door)
    assert len(used) == result.steps == 30
    assert used == sorted(used, reverse=True)
    assert used[-1] == pytest.approx(0.1)
    for stored in door.read("checkpoints"):
        tensors = load(door.blob(str(stored["sha256"])).read_bytes())
        assert all(torch.isfinite(t).all() and t.abs().max() < 1e6 for t in tensors.values())
    assert result.artifacts.evaluation.accuracy > 0.5


def test_an_interrupted_run_that_diverged_ends_with_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("whole", "parts"):
        door = open_door(tmp_path / name)
        more: dict[str, Any] = {}
        if name == "parts":
            assert run(door, EXPLODING, stop_after=20) is None
            assert warnings(door)
            stored = door.read("checkpoints")[-2]
            more = {"checkpoint": {key: stored[key] for key in ("step", "sha256", "bytes")}}
        result = run(door, EXPLODING, **more)
        assert result is not None
        digests.append(result.artifacts.model.sha256)
    assert digests[0] == digests[1]


def test_after_the_last_time_it_stops_and_says_so(tmp_path: Path) -> None:
    hyper = EXPLODING | {"lr": 1e30, "lowerRateFactor": 0.9, "lowerRateTimes": 2}
    with pytest.raises(ValueError, match=r"rate of 8\.1e\+29 .* 2 times a good checkpoint and a lower rate"):
        run(open_door(tmp_path), hyper)


def test_two_ranks_go_back_together(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    spec = train_spec(door, "dense", stored_dataset(door, (20,), 3), hyper=EXPLODING)
    result = run_ranks(attempt(spec, workers=2), door.folder, 2)
    assert result is not None
    told = warnings(door)
    assert {line.partition(" WARNING ")[2][:6] for line in told} == {"rank 0", "rank 1"}
    assert len(told) % 2 == 0
    assert result.artifacts.evaluation.accuracy > 0.5
