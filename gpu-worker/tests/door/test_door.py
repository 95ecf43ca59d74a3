"""The worker door's client against a real HTTP server that goes away and comes back."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.fake_console import FakeAttempt, FakeConsole
from gpu_worker.contract import Cause, CheckpointReport, MetricPoint, Progress, StateReport
from gpu_worker.door import Door, DoorAway, DoorLogHandler, DoorRefused, StaleAttempt, tee_output
from gpu_worker.door.http import Line
from gpu_worker.door.spool import Parcel, Spool

SPEC = {"kind": "inspect_model", "blob": "0" * 64, "filename": "a.onnx", "limits": {}} | {
    "limits": {"bytes": 1, "memoryBytes": 1, "seconds": 1}
}
CAUSE = Cause(kind="worker_died", message="gone", rank=1, exit_code=-9, evidence="")


@pytest.fixture
def attempt(console: FakeConsole) -> FakeAttempt:
    return console.launch("run", SPEC)


@pytest.fixture
def door(console: FakeConsole, attempt: FakeAttempt, tmp_path: Path) -> Iterator[Door]:
    door = Door(console.url, attempt.token, tmp_path / "cache")
    yield door
    door.close(0)


def points(start: int, count: int) -> list[MetricPoint]:
    return [MetricPoint(name="loss", rank=0, step=start + n, ts=1, value=0.5) for n in range(count)]


def delivered(attempt: FakeAttempt) -> list[int]:
    return [point["step"] for body in attempt.bodies("metrics") for point in body["points"]]


def test_the_spec_is_the_attempts(door: Door, attempt: FakeAttempt) -> None:
    spec = door.spec()
    assert (spec.attempt_id, spec.attempt, spec.spec.kind) == (attempt.attempt_id, 1, "inspect_model")


def test_a_blob_goes_up_and_comes_down_once(door: Door, console: FakeConsole, tmp_path: Path) -> None:
    file = tmp_path / "big"
    file.write_bytes(bytes(range(256)) * 10_000)
    stored = door.put_blob(file)
    assert (stored.sha256, stored.bytes) == (hashlib.sha256(file.read_bytes()).hexdigest(), 2_560_000)
    path = door.blob(stored.sha256)
    assert path.read_bytes() == file.read_bytes()
    console.blobs.clear()
    assert door.blob(stored.sha256) == path


def test_a_blob_with_other_bytes_is_refused_and_not_kept(door: Door, console: FakeConsole) -> None:
    sha256 = console.put(b"right")
    console.blobs[sha256] = b"wrong"
    with pytest.raises(ValueError, match=sha256):
        door.blob(sha256)
    console.blobs[sha256] = b"right"
    assert door.blob(sha256).read_bytes() == b"right"


def test_a_refusal_carries_the_servers_message(door: Door) -> None:
    with pytest.raises(DoorRefused, match="no such blob") as refused:
        door.blob("0" * 64)
    assert refused.value.status == 404


def test_metrics_arrive_in_order_in_batches_of_a_thousand(door: Door, attempt: FakeAttempt) -> None:
    for start in range(0, 2500, 5):
        door.metrics(points(start, 5))
    assert door.flush(10)
    assert delivered(attempt) == list(range(2500))
    assert max(len(body["points"]) for body in attempt.bodies("metrics")) <= 1000
    assert len(attempt.bodies("metrics")) < 10, "points are batched"


def test_reports_wait_out_a_server_that_is_away_and_arrive_once(
    door: Door, console: FakeConsole, attempt: FakeAttempt
) -> None:
    door.metrics(points(0, 10))
    assert door.flush(10)
    console.away = True
    for start in range(10, 5010, 50):
        door.metrics(points(start, 50))
        door.log(0, f"line {start}\n")
    assert not door.flush(0.5)
    assert delivered(attempt) == list(range(10))
    console.away = False
    assert door.flush(30)
    assert delivered(attempt) == list(range(5010))
    chunks = [chunk for body in attempt.bodies("logs") for chunk in body["chunks"]]
    assert "".join(chunk["text"] for chunk in chunks) == "".join(f"line {n}\n" for n in range(10, 5010, 50))
    ends = [0, *(chunk["offset"] + len(chunk["text"]) for chunk in chunks)]
    assert [chunk["offset"] for chunk in chunks] == ends[:-1]


def test_nothing_that_trains_waits_for_a_server_that_is_away(door: Door, console: FakeConsole) -> None:
    console.away = True
    began = time.perf_counter()
    for step in range(1000):
        door.metrics(points(step, 1))
        door.log(0, "step\n")
    assert time.perf_counter() - began < 0.5


def test_only_the_newest_progress_is_told(door: Door, attempt: FakeAttempt) -> None:
    for step in range(50):
        door.progress(
            Progress(
                phase="training",
                percent=step,
                step=step,
                total_steps=50,
                eta_seconds=None,
                message="",
                checklist=[],
            )
        )
    assert door.flush(10)
    told = [body["progress"]["step"] for body in attempt.bodies("progress")]
    assert told[-1] == 49
    assert len(told) < 5


def test_a_stale_attempt_ends_its_worker(door: Door, attempt: FakeAttempt) -> None:
    attempt.over = True
    with pytest.raises(StaleAttempt):
        door.state(StateReport(state="starting", workers=[]))
    door.metrics(points(0, 1))
    door.flush(10)
    with pytest.raises(StaleAttempt):
        door.metrics(points(1, 1))
    assert delivered(attempt) == []


def test_the_next_attempt_begins_at_the_last_checkpoint_and_the_old_token_is_dead(
    door: Door, console: FakeConsole, tmp_path: Path
) -> None:
    stored = door.put_blob(b"weights")
    door.checkpoint(CheckpointReport(step=7, sha256=stored.sha256, bytes=stored.bytes, metrics={}))
    following = door.next_attempt(CAUSE, 9)
    assert (following.attempt, following.checkpoint and following.checkpoint.step) == (2, 7)
    with pytest.raises(StaleAttempt):
        door.error(CAUSE)
    assert Door(console.url, following.token, tmp_path).spec().attempt == 2


def test_a_call_waits_for_a_server_that_comes_back(door: Door, console: FakeConsole) -> None:
    console.away = True
    threading.Timer(0.4, lambda: setattr(console, "away", False)).start()
    assert door.put_blob(b"late").bytes == 4


def test_a_call_gives_up_on_a_server_that_stays_away() -> None:
    line = Line("http://127.0.0.1:9", "token")
    with pytest.raises(DoorAway, match="ConnectError"):
        line.call("GET", "/api/worker/spec", patience=0.3)


def test_what_is_printed_and_logged_is_in_the_ranks_log(door: Door, attempt: FakeAttempt) -> None:
    logger = logging.getLogger("test_door")
    handler = DoorLogHandler(lambda text: door.log(3, text))
    logger.addHandler(handler)
    with tee_output(lambda text: door.log(3, text)):
        print("printed")
        print("to stderr", file=sys.stderr)
    logger.warning("logged")
    logger.removeHandler(handler)
    assert door.flush(10)
    chunks = [chunk for body in attempt.bodies("logs") for chunk in body["chunks"]]
    assert {chunk["rank"] for chunk in chunks} == {3}
    text = "".join(chunk["text"] for chunk in chunks)
    assert text.startswith("printed\nto stderr\n")
    assert text.endswith("WARNING test_door: logged\n")


def test_a_spool_is_bounded_and_keeps_the_oldest(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit_bytes=500, in_memory=2)
    kept = [n for n in range(100) if spool.append(Parcel("/", {"n": n}))]
    assert 2 < len(kept) < 100
    assert spool.dropped == 100 - len(kept)
    found = []
    while (parcel := spool.first()) is not None:
        found.append(parcel.body["n"])
        spool.remove_first()
    assert found == kept
    assert spool.append(Parcel("/", {"n": 1})), "an emptied spool takes parcels again"


def test_the_cache_forgets_what_was_used_longest_ago(tmp_path: Path) -> None:
    from gpu_worker.door.blobs import BlobCache

    cache = BlobCache(tmp_path, limit_bytes=250)
    names = []
    for n in range(2):
        content = bytes([n]) * 100
        names.append(hashlib.sha256(content).hexdigest())
        cache.store(names[n], [content])
        used = time.time() - 10 + n
        os.utime(tmp_path / names[n], (used, used))
    newest = b"2" * 100
    names.append(hashlib.sha256(newest).hexdigest())
    cache.store(names[2], [newest])
    assert [cache.find(name) is not None for name in names] == [False, True, True]
