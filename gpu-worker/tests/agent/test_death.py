"""Why a worker is gone: want of memory is said only where somebody says so."""

from __future__ import annotations

from pathlib import Path

from gpu_worker.agent.death import after_shortage, explain_death
from gpu_worker.agent.process import ProcessSeen
from gpu_worker.agent.rank import Place
from gpu_worker.contract import Cause
from gpu_worker.jobs.folder_door import FolderDoor
from specs import attempt, stored_dataset, train_spec

PLACE = Place(node_id="0123456789", pid=7, device="cpu", address="127.0.0.1", gpus=[], kernel_kills=3)
RAYS_GUESS = "There are some potential root causes. (1) The process is killed by SIGKILL by OOM killer"
RAYS_MONITOR = (
    "Task was killed due to the node running low on memory. Memory on the node (IP: 127.0.0.1) where the task"
    " was running was 22.90GB / 24.00GB (0.954), which exceeds the memory usage threshold of 0.95."
)


def why(told: str, kills: int | None, is_up: bool = True) -> Cause:
    seen = None if kills is None else ProcessSeen(state="", kernel_kills=kills, free_bytes=5 * 10**9)
    return explain_death(1, PLACE, is_up, told, seen, ["step 12"])


def test_a_kill_is_one_for_memory_only_with_evidence() -> None:
    assert why(RAYS_GUESS, 3).kind == "worker_died", "Ray's guess is no evidence, nor are kills from before"
    assert why(RAYS_GUESS, None).kind == "worker_died"
    kernel = why(RAYS_GUESS, 4)
    assert (kernel.kind, kernel.rank) == ("out_of_memory", 1)
    assert kernel.message == (
        "Rank 1 (process 7 on node 01234567) was killed, and the kernel has ended a process of its control"
        " group for want of memory since it began; 5 GB are free now."
    )
    assert kernel.evidence.startswith("step 12")
    monitor = why(RAYS_MONITOR, 3)
    assert monitor.kind == "out_of_memory"
    assert monitor.message.endswith("the node ran out of memory: it used 22.90GB of 24.00GB.")
    assert why(RAYS_GUESS, 4, is_up=False).kind == "node_lost"


def test_the_next_attempt_computes_half_unless_the_run_is_to_stop(tmp_path: Path) -> None:
    door = FolderDoor(tmp_path)
    dataset = stored_dataset(door, (20,), 3, n=40)
    cause = why(RAYS_GUESS, 4)
    first = attempt(train_spec(door, "dense", dataset))
    following = after_shortage(cause, first, 8, others_retry=True)
    assert (following["retry"], following["micro_batch"]) == (True, 4)
    assert following["cause"].message.endswith("Each rank computed 8 samples at a time: 4 come next.")
    last = first.model_copy(update={"attempt": first.max_attempts})
    assert "launch it again with more" in after_shortage(cause, last, 8, True)["cause"].message
    stops = attempt(train_spec(door, "dense", dataset, hyper={"onOutOfMemory": "stop"}))
    assert not after_shortage(cause, stops, 8, True)["retry"]
    smallest = after_shortage(cause, first, 1, True)
    assert (smallest["retry"], smallest["micro_batch"], smallest["cause"]) == (True, None, cause)
