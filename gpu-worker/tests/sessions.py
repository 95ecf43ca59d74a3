"""A session under test, as studio tests open one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from gpu_worker.contract import CompressResult, DatasetRef, DesiredSession, StudioPartial
from gpu_worker.jobs import run_single
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.studio import serve_session
from specs import attempt, open_door, stored_dataset

TOKEN = "a-token-of-this-test"
PLAIN = {"channels": 0, "sparsity": 0, "precision": "fp32"}


class Opened:
    """A session under test, with what it was opened on."""

    def __init__(self, client: httpx.Client, door: FolderDoor, dataset: DatasetRef, model: str) -> None:
        self.client, self.door, self.dataset, self.model = client, door, dataset, model
        self.rev = 0

    def lines(self, rev: int | None = None, **settings: Any) -> Iterator[dict[str, Any]]:
        """The partial results of one setting, as they arrive; each is checked against the contract."""
        self.rev = self.rev + 1 if rev is None else rev
        body = {"rev": self.rev, "settings": PLAIN | settings}
        yield from self._stream("/evaluate", body)

    def solved(self, target: dict[str, Any], **settings: Any) -> Iterator[dict[str, Any]]:
        """The steps of one search, and the measurement of what it settled on."""
        self.rev += 1
        body = {"rev": self.rev, "target": target, "settings": PLAIN | settings}
        yield from self._stream("/solve", body)

    def committed(self, recipe: dict[str, Any]) -> CompressResult:
        """What a commit of this recipe makes."""
        spec = {
            "kind": "compress",
            "parent": self.model,
            "parentFloat": self.model,
            "recipe": recipe,
            "dataset": self.dataset.model_dump(by_alias=True),
        }
        made = run_single(attempt(spec), self.door, threading.Event())
        assert isinstance(made, CompressResult)
        return made

    def _stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        with self.client.stream("POST", path, json=body) as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                yield StudioPartial.model_validate_json(line).model_dump(by_alias=True)


@contextmanager
def session(
    folder: Path,
    model: bytes,
    n: int = 6000,
    shape: tuple[int, ...] = (28, 28),
    store: Callable[[FolderDoor], DatasetRef] | None = None,
) -> Iterator[Opened]:
    """A session on a port of its own, on labelled blobs or what `store` puts behind its door."""
    door = open_door(folder)
    dataset = stored_dataset(door, shape, 10, n) if store is None else store(door)
    sha256 = door.put_blob(model).sha256
    desired = DesiredSession(
        session_id="session", token=TOKEN, model=sha256, float_model=sha256, dataset=dataset, cpus=1
    )
    stop, ready = threading.Event(), threading.Event()
    address: list[str] = []

    def on_ready(url: str) -> None:
        address.append(url)
        ready.set()

    thread = threading.Thread(target=serve_session, args=(desired, door, "127.0.0.1", on_ready, stop))
    thread.start()
    assert ready.wait(60)
    headers = {"authorization": f"Bearer {TOKEN}"}
    try:
        with httpx.Client(base_url=address[0], headers=headers, timeout=60) as client:
            yield Opened(client, door, dataset, sha256)
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
