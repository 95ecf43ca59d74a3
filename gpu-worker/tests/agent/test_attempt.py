"""An attempt on a Ray of its own, with ranks that do what real ones do too rarely."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import ray

from gpu_worker.agent import attempt as attempts
from gpu_worker.agent.attempt import Attempt
from gpu_worker.agent.rank import Place
from gpu_worker.door import Door
from gpu_worker.jobs.folder_door import FolderDoor
from specs import attempt, stored_dataset, train_spec


@pytest.fixture
def own_ray() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_a_rank_that_hangs_on_exit_does_not_keep_a_training_from_its_result(
    own_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time  # goes with the class to a process that has no tests

    class Ends:
        """Rank 0 ends with a result, the other never does."""

        def free_port(self) -> int:
            return 1

        def run(self, spec: str, rank: int, *seat: Any) -> dict[str, Any]:
            if rank > 0:
                time.sleep(3600)
            return {"state": "done", "result": {"kind": "train"}}

        def events(self, after: int) -> tuple[int, dict[str, Any]]:
            time.sleep(0.05)
            told = {"step": 9, "beat": after, "stepping": True, "micro_batch": 0, "tail": []}
            return after + 1, told

    monkeypatch.setattr(attempts, "EXIT_SECONDS", 0.5)
    killed: list[int] = []
    actors = [ray.remote(Ends).options(num_cpus=0, max_concurrency=4).remote() for _ in range(2)]
    crew: Any = SimpleNamespace(actors=actors, kill=lambda rank, place: killed.append(rank))
    door = cast(Door, SimpleNamespace(state=lambda report: None))
    folder = FolderDoor(tmp_path)
    spec = attempt(train_spec(folder, "dense", stored_dataset(folder, (20,), 3, n=40)), workers=2)
    place = Place(node_id="node", pid=1, device="cpu", address="127.0.0.1", gpus=[], kernel_kills=0)
    ended = Attempt(spec, door, "", "", crew, [place, place]).run(threading.Event())
    assert (ended.result, ended.cause, killed) == ({"kind": "train"}, None, [1])
