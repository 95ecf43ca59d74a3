"""A search settles on what meets its target, says what cannot be met, and ends when a dial is turned."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nets import onnx_of
from sessions import Opened, session


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with session(tmp_path_factory.mktemp("session"), onnx_of("resnet")) as found:
        yield found


TARGETS = [
    {"goal": "loss", "points": 20},
    {"goal": "bytes", "figure": "file", "most": 60_000},
    {"goal": "bytes", "figure": "zstd19", "most": 40_000},
    {"goal": "latency", "batch": 1, "mostMs": 50},
]


@pytest.mark.parametrize("target", TARGETS, ids=["loss", "file", "zstd", "latency"])
def test_a_search_settles_on_what_it_then_measures_in_full(opened: Opened, target: dict[str, Any]) -> None:
    lines = list(opened.solved(target))
    assert lines[-1]["type"] == "done", lines[-1]
    tried = [line for line in lines if line["type"] == "tried"]
    settled = next(line for line in lines if line["type"] == "settled")["settings"]
    found = next(line for line in reversed(tried) if line["settings"] == settled and line["n"] == 1500)
    assert found["holds"]
    last = [line for line in lines if line["type"] == "accuracy"][-1]
    assert last["n"] == last["total"] == 1500
    assert found["difference"] == pytest.approx(last["paired"]["difference"])
    # At the end of the test set the sequence is a point.
    assert found["low"] == pytest.approx(found["high"])
    sizes = next(line for line in lines if line["type"] == "sizes")["sizes"]
    if target["goal"] == "loss":
        assert last["paired"]["difference"] >= -target["points"] / 100
    elif target["goal"] == "bytes":
        assert sizes[target["figure"]] <= target["most"]
    else:
        assert found["latencyMs"] <= target["mostMs"]


def test_a_target_out_of_reach_names_the_nearest(opened: Opened) -> None:
    lines = list(opened.solved({"goal": "bytes", "figure": "file", "most": 100}))
    assert lines[-1]["type"] == "failed"
    assert "at most 0.1 kB; the nearest found has" in lines[-1]["message"]


def test_a_turned_dial_ends_a_search(opened: Opened) -> None:
    searching = opened.solved({"goal": "loss", "points": 20})
    assert next(searching)["type"] in ("tried", "work")
    seen: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: seen.extend(searching))
    reader.start()
    older = opened.rev
    with httpx.Client(base_url=opened.client.base_url, headers=opened.client.headers, timeout=60) as other:
        later = Opened(other, opened.door, opened.dataset, opened.model)
        assert list(later.lines(rev=older + 1, sparsity=0.2))[-1]["type"] == "done"
    opened.rev = older + 1
    reader.join(60)
    assert seen[-1] == {"type": "superseded", "rev": older, "by": older + 1}
