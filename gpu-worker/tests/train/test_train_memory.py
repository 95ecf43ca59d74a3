"""Memory that runs out in a step: all ranks go on with a smaller micro-batch, or say which one fits.

The shortage is real: from some size of the micro-batch on, a pass asks torch's allocator for a petabyte.
"""

from __future__ import annotations

import multiprocessing
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from safetensors.torch import load
from torch import Tensor, nn

from gpu_worker.contract import AttemptSpec, TrainResult
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.jobs.memory import OutOfMemory, is_out_of_memory, shortage
from gpu_worker.train import rank as train_rank
from gpu_worker.train import run_rank
from specs import attempt, free_port, open_door, stored_dataset, train_spec

PETABYTE = 1 << 48
"""Of floats."""
PLENTY = 1 << 20


@contextmanager
def short_of_memory(fits: int) -> Iterator[None]:
    """Models that are loaded within can't compute more than `fits` samples at a time, which shows at the end
    of their forward pass, when statistics have moved.
    """

    def ask(module: nn.Module, inputs: tuple[Tensor], outputs: Tensor) -> None:
        if module.training and len(inputs[0]) > fits:
            torch.empty(PETABYTE)

    real = train_rank.load_trainable

    def loaded(*arguments: Any) -> Any:
        trainable = real(*arguments)
        trainable.module.register_forward_hook(ask)
        return trainable

    with patch.object(train_rank, "load_trainable", loaded):
        yield


def one_rank(rank: int, runs: list[tuple[str, Path, int, int]]) -> None:
    """A rank of two in its own process, in one run after another; only rank 1 is short of memory."""
    for wire, folder, port, fits in runs:
        spec, stop = AttemptSpec.model_validate_json(wire), threading.Event()

        def report(event: dict[str, object], stop: threading.Event = stop) -> None:
            if event["event"] == "step" and event["step"] == 3:
                stop.set()

        with short_of_memory(fits if rank == 1 else PLENTY):
            run_rank(spec, rank, 2, "127.0.0.1", port, "cpu", FolderDoor(folder), report, stop)


def two_ranks(runs: list[tuple[FolderDoor, int, dict[str, Any]]]) -> list[dict[str, Tensor]]:
    """What two ranks train in a few steps: a door, the samples that fit into rank 1, and hyper-parameters."""
    wires = []
    for door, fits, hyper in runs:
        spec = train_spec(door, "resnet", stored_dataset(door, (28, 28), 10, n=64), hyper=hyper)
        wires.append((attempt(spec, 2).model_dump_json(by_alias=True), door.folder, free_port(), fits))
    context = multiprocessing.get_context("spawn")
    ranks = [context.Process(target=one_rank, args=(rank, wires), daemon=True) for rank in (0, 1)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(200)
    assert [process.exitcode for process in ranks] == [0, 0]
    return [load(door.blob(newest(door)["sha256"]).read_bytes()) for door, _, _ in runs]


def newest(door: FolderDoor) -> dict[str, Any]:
    return {key: door.read("checkpoints")[-1][key] for key in ("step", "sha256", "bytes")}


def log_of(door: FolderDoor, rank: int = 0) -> str:
    return (door.folder / f"rank-{rank}.log").read_text()


def one(door: FolderDoor, stop_after: int | None = None, **more: Any) -> TrainResult | None:
    """A run of one rank in this process."""
    stop = threading.Event()

    def report(event: dict[str, object]) -> None:
        if event["event"] == "step" and event["step"] == stop_after:
            stop.set()

    spec = train_spec(door, "dense", stored_dataset(door, (20,), 3), hyper=more.pop("hyper", {}))
    wanted = attempt(spec, checkpoint=more.get("checkpoint"))
    wanted = wanted.model_copy(update={"micro_batch": more.get("micro_batch")})
    return run_rank(wanted, 0, 1, "127.0.0.1", 0, "cpu", door, report, stop)


def test_when_one_rank_runs_out_both_go_on_and_train_what_was_launched(tmp_path: Path) -> None:
    door = open_door(tmp_path / "short")
    runs = [(door, 4, {}), (open_door(tmp_path / "chosen"), PLENTY, {"accumulate": 2})]
    short, chosen = two_ranks(runs)
    assert short.keys() == chosen.keys()
    for name, value in short.items():
        assert torch.equal(value, chosen[name]), f"{name} holds something of a step that failed"
    told = r"WARNING rank 1: out of memory with 8 samples at a time: asked for 1\.13 PB where .* were free"
    fits = (
        r"4 samples at a time fit in [\d.]+ \w+ on a worker, 2 micro-batches a step;"
        r" the global batch stays 16"
    )
    assert re.search(told, log_of(door, 1))
    assert "out of memory" not in log_of(door, 0)
    assert all(re.search(fits, log_of(door, rank)) for rank in (0, 1))


def test_what_fits_is_known_to_the_attempts_that_follow(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    with short_of_memory(4):
        assert one(door, stop_after=4) is None
    (tmp_path / "rank-0.log").unlink()
    assert one(door, stop_after=8, checkpoint=newest(door)) is None
    assert "4 samples at a time, as before" in log_of(door)
    assert "out of memory" not in log_of(door)
    (tmp_path / "rank-0.log").unlink()
    assert one(door, stop_after=3, micro_batch=2) is None
    assert "2 samples at a time fit" in log_of(door), "as the driver says after a rank was killed"


def test_a_run_that_is_to_stop_says_what_fits_and_one_that_never_fits_says_so(tmp_path: Path) -> None:
    door = open_door(tmp_path)
    with short_of_memory(4), pytest.raises(OutOfMemory) as stopped:
        one(door, hyper={"onOutOfMemory": "stop"})
    assert re.fullmatch(
        r"Rank 0 ran out of memory with 16 samples at a time: rank 0 asked for 1\.13 PB where .* were free\."
        r" 4 samples at a time fit in .* on a worker, 4 micro-batches a step:"
        r" launch it again with that many\.",
        str(stopped.value),
    ), stopped.value
    with short_of_memory(0), pytest.raises(OutOfMemory, match=r"Not even \d at a time fit\."):
        one(door)
    assert not door.read("checkpoints")


def test_errors_of_allocators_are_told_from_others() -> None:
    with pytest.raises(RuntimeError) as cpu:
        torch.empty(PETABYTE)
    gpu = torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which"
        " 5.50 GiB is free. Process 7 has 73.59 GiB memory in use."
    )
    assert all(is_out_of_memory(error) for error in (cpu.value, gpu, MemoryError()))
    assert not is_out_of_memory(RuntimeError("Connection closed by peer"))
    assert not is_out_of_memory(ValueError("DefaultCPUAllocator: can't allocate memory"))
    assert shortage(gpu) == (
        "Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 5.50 GiB is free."
    )
    assert shortage(MemoryError()).startswith("MemoryError where ")
