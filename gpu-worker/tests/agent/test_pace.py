"""What costs much is done seldom; and what a tree of processes used is counted for all of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from gpu_worker.agent.pace import SHARE, Pace
from gpu_worker.agent.usage import Processes, memory_of, used_since

HELD_BYTES = 100 << 20
GRANDCHILD = f"held = bytearray({HELD_BYTES}); print('ready', flush=True); input()"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {GRANDCHILD!r}])"


def test_what_takes_long_is_due_later_and_what_takes_nothing_after_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, used = 100.0, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "thread_time", lambda: used)
    pace = Pace(1.0)
    assert pace.is_due
    with pace.measured():
        used += SHARE / 2
    assert not pace.is_due
    now += 1.0
    assert pace.is_due
    with pace.measured():
        used += 4 * SHARE
    now += 3.9
    assert not pace.is_due
    now += 0.2
    assert pace.is_due


def test_a_tree_holds_what_its_processes_began_and_counts_what_they_used() -> None:
    before = Processes().tree(os.getpid())
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        tree = Processes().tree(os.getpid())
        [grandchild] = set(tree) - set(before) - {child.pid}
        assert child.pid in tree
        assert memory_of([grandchild]) > HELD_BYTES
        assert used_since(before, tree) >= tree[child.pid] + tree[grandchild] > 0
    finally:
        child.communicate("\n", timeout=30)
    after = Processes()
    assert child.pid not in after
    assert grandchild not in after


def test_strangers_are_not_read_again_and_what_a_tree_begins_later_is() -> None:
    first = Processes()
    mine = set(first.tree(os.getpid()))
    strangers = set(first.pids) - mine
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)
    try:
        later = Processes(strangers)
        assert child.pid in later.tree(os.getpid())
        assert not any(pid in later for pid in strangers)
        assert strangers & set(later.pids)
    finally:
        child.communicate("\n", timeout=30)
