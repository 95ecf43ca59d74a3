"""A provider that refuses is asked again after waits that double, and is one thing that grows and ends."""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.agent.launches import (
    FIRST_WAIT,
    LONGEST_WAIT,
    QUIET_SECONDS,
    Refused,
    Turns,
    failed_elsewhere,
    failed_items,
    read_refused,
    refused_again,
    standing,
)

HOUR = 3600.0


def test_an_hour_of_refusals_is_a_few_tries() -> None:
    now, one, waits = 0.0, None, []
    while now < HOUR:
        one = refused_again(one, 1, "no capacity", now)
        waits.append(one.retry_at - now)
        now = one.retry_at
    assert waits[:4] == [FIRST_WAIT, 6, 12, 24]
    assert max(waits) == LONGEST_WAIT
    assert one is not None
    assert one.failures == len(waits) < 25


@given(st.lists(st.tuples(st.floats(0, 400), st.integers(1, 5)), min_size=1, max_size=30))
def test_failures_only_grow_and_a_turn_is_never_brought_forward(refusals: list[tuple[float, int]]) -> None:
    now, one = 0.0, None
    for seconds, count in refusals:
        now += seconds
        before, one = one, refused_again(one, count, "no capacity", now)
        assert one.failures == (before.failures if before else 0) + count
        assert one.retry_at >= (before.retry_at if before else now)
        assert one.retry_at - now <= LONGEST_WAIT + 1e-6


def test_a_launch_waits_for_its_turn_or_for_other_pools_and_a_node_ends_it(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "refusals.json")
    turns.wait("cpu", lambda: 1)
    turns.refuse("gpu", 2, "no capacity")
    assert read_refused(tmp_path / "refusals.json")["gpu"].failures == 2
    turns.wait("cpu", lambda: 1)
    versions = iter([1, 2])
    turns.wait("gpu", lambda: next(versions))
    waiting = threading.Thread(target=turns.wait, args=("gpu", lambda: 1), daemon=True)
    waiting.start()
    turns.grant("gpu")
    waiting.join(30)
    assert not waiting.is_alive()
    assert read_refused(tmp_path / "refusals.json") == read_refused(tmp_path / "none.json") == {}


def test_a_pool_is_told_once_and_no_longer_than_somebody_asks_for_it() -> None:
    refused = {"gpu": Refused(12, 9, 1000.0, "no capacity")}
    (item,) = failed_items(standing(refused, [], 700.0), 712.0)
    assert (item.pool, item.count, item.message, item.retry_in_ms) == ("gpu", 12, "no capacity", 290_000)
    over = 1000.0 + QUIET_SECONDS + 1
    assert [one.retry_in_ms for one in failed_items(standing(refused, ["gpu"], over), over)] == [0]
    assert standing(refused, ["cpu"], over) == {}


def test_a_cluster_that_launches_by_itself_is_told_by_pool_and_while_it_is_news() -> None:
    said = "launch failed with Failed to launch 1 nodes of type gpu with request id {}: {}"
    launches = [("gpu", 1, said.format(i, ""), 60.0 * i) for i in range(60)]
    launches.append(("cpu", 2, said.format("x", "no quota"), HOUR))
    told = failed_elsewhere(launches, HOUR)
    assert [(item.pool, item.count, item.message, item.retry_in_ms) for item in told] == [
        ("cpu", 2, "no quota", None),
        ("gpu", 9, "the provider did not say why", None),
    ]
