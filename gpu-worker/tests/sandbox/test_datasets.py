"""Datasets are parsed behind the same walls as models, and what the child sends is held against the rules."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gpu_worker.data import DatasetFile, Mapping, Prepared, Split
from gpu_worker.data.files import read_npz
from gpu_worker.sandbox import Limits, Refusal, check_dataset, prepare_dataset
from gpu_worker.sandbox.storage import NpzWriter
from samples import blobs


def prepare(
    folder: Path,
    content: bytes,
    limits: Limits | None = None,
    on_percent: Callable[[int], None] = lambda _: None,
) -> Prepared | Refusal:
    path = folder / "table"
    path.write_bytes(content)
    files = [DatasetFile("data", "csv", path, "table.csv")]
    into = folder / "samples.npz"
    return prepare_dataset(files, Mapping(), [], into, on_percent, limits or Limits())


ROWS = b"a,b,y\n" + b"".join(b"%d,%d.5,%d\n" % (i, i, i % 3) for i in range(20_000))


def test_a_table_comes_out_as_arrays_that_can_be_mapped(tmp_path: Path) -> None:
    heard: list[int] = []
    found = prepare(tmp_path, ROWS, on_percent=heard.append)
    assert isinstance(found, Prepared), found
    arrays = read_npz(tmp_path / "samples.npz", ("x", "y"))
    assert isinstance(arrays["x"], np.memmap)
    assert np.array_equal(arrays["x"], np.stack([np.arange(20_000), np.arange(20_000) + 0.5], 1))
    assert np.array_equal(arrays["y"], np.arange(20_000) % 3)
    assert heard == sorted(heard)
    assert heard[-1] == 100


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        prepare(tmp_path, ROWS)
        made.append((tmp_path / "samples.npz").read_bytes())
    assert made[0] == made[1]


def test_a_refusal_carries_rule_and_place(tmp_path: Path) -> None:
    found = prepare(tmp_path, b"a,y\n1,0\n2\n")
    assert isinstance(found, Refusal)
    assert (found.rule, found.where) == ("csv.ragged", "line 3")


def test_memory_and_time_are_limited(tmp_path: Path) -> None:
    wide = b"y," + b",".join(b"c%d" % i for i in range(4000)) + b"\n"
    content = wide + (b"1," * 4000 + b"1\n") * 2000
    found = prepare(tmp_path, content, Limits(memory_bytes=64 << 20))
    assert isinstance(found, Refusal)
    assert found.rule == "limits.memory"
    assert "dataset" in found.message
    found = prepare(tmp_path, content, Limits(wall_s=0.5))
    assert isinstance(found, Refusal)
    assert found.rule == "limits.time"


def test_what_the_listener_raises_ends_the_child(tmp_path: Path) -> None:
    def stop(percent: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path, ROWS, on_percent=stop)
    children = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True
    )
    assert "gpu_worker.sandbox.child" not in children.stdout


def test_a_check_runs_behind_the_walls_and_answers_as_it_does_without(tmp_path: Path) -> None:
    from gpu_worker import data

    x, y = blobs(60, (5, 4), 3)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    files = [DatasetFile("data", "npz", tmp_path / "a.npz", "a.npz")]
    found = check_dataset(files, Split("seeded"), None, standardise=False)
    assert found == data.check_dataset(files, Split("seeded"))


BAD = {
    "name": {"name": "../x", "dtype": "uint8", "shape": [4]},
    "dtype": {"name": "x", "dtype": "object", "shape": [4]},
    "shape": {"name": "x", "dtype": "uint8", "shape": [-4]},
    "rank": {"name": "x", "dtype": "uint8", "shape": [1] * 5},
    "size": {"name": "x", "dtype": "uint8", "shape": [1 << 60]},
    "text": {"name": "x", "dtype": "<U60", "shape": [4]},
    "name of a slice": {"name": "slice", "dtype": "<U9000", "shape": [4]},
    "short": {"name": "x", "dtype": "uint8", "shape": [5]},
}


@pytest.mark.parametrize("case", BAD)
def test_a_child_that_was_taken_over_writes_nothing_else(tmp_path: Path, case: str) -> None:
    pipe, descriptor = os.pipe()
    writer = NpzWriter(pipe, tmp_path / "samples.npz")
    writer.announce(BAD[case])
    os.write(descriptor, b"\0" * 4)
    os.close(descriptor)
    assert "BadStream" in repr(writer.close())
    assert [file.name for file in tmp_path.iterdir()] == ["samples.npz"]
    assert (tmp_path / "samples.npz").stat().st_size < resource.getpagesize()
