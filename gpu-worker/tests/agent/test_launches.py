"""A provider that refuses is asked again after waits that double, and is one thing that grows and ends."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.agent.launches import (
    FIRST_WAIT,
    LONGEST_WAIT,
    QUIET_SECONDS,
    Launches,
    Seen,
    causes,
    counted,
    note_refusal,
)

HOUR = 3600.0


def refused(times: int) -> dict[str, Seen]:
    """Each launch that failed has words of its own, as Ray tells it."""
    said = {
        f"launch failed with Failed to launch 1 nodes of type gpu with request id {i}: ": 1
        for i in range(times)
    }
    return {"gpu": Seen(failed=said)}


def test_an_hour_of_refusals_is_one_item_and_a_few_tries() -> None:
    launches, now, tries, waits = Launches(holds=True), 0.0, 0, []
    launches.look({}, {}, now)
    while now < HOUR:
        tries += 1
        launches.look(refused(tries), {"gpu": "no capacity"}, now)
        began = now
        (item,) = launches.failed(now)
        assert (item.pool, item.count, item.message) == ("gpu", tries, "no capacity")
        assert item.retry_in_ms is not None
        while "gpu" in launches.limits(now):
            now += 1
            launches.look(refused(tries), {"gpu": "no capacity"}, now)
        waits.append(now - began)
    assert waits[:4] == [FIRST_WAIT, 6, 12, 24]
    assert max(waits) == LONGEST_WAIT
    assert tries < 25


def test_it_ends_when_a_node_comes_or_nobody_asks_any_more() -> None:
    for comes in (True, False):
        launches = Launches(holds=True)
        launches.look({}, {}, 0)
        launches.look(refused(3), {}, 0)
        assert [(item.count, item.message) for item in launches.failed(0)] == [
            (3, "the provider did not say why")
        ]
        gone = refused(3)["gpu"].failed
        after = FIRST_WAIT + (1 if comes else QUIET_SECONDS + 1)
        launches.look({"gpu": Seen(frozenset({"a"} if comes else ()), failed=gone)}, {}, after)
        assert launches.failed(after) == []
        assert launches.limits(after) == {}


def test_what_failed_before_this_agent_is_over_and_other_pools_count_anew() -> None:
    launches = Launches(holds=True)
    launches.look(refused(5), {}, 0)
    assert launches.failed(0) == []
    launches.look(refused(6), {}, 1)
    assert [item.count for item in launches.failed(1)] == [1]
    launches.begin_again()
    assert launches.limits(1) == {}


def test_a_cluster_that_is_not_ours_is_told_of_and_not_held_back() -> None:
    launches = Launches(holds=False)
    launches.look({}, {}, 0)
    launches.look(refused(1), {}, 0)
    assert [item.retry_in_ms for item in launches.failed(0)] == [None]
    assert launches.limits(0) == {}


looks = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3), st.floats(0, 400)), max_size=30
)


@given(looks)
def test_whatever_comes_no_node_that_is_there_is_taken_and_a_pool_is_one_item(
    seen: list[tuple[int, int, int, float]],
) -> None:
    launches, now, failures = Launches(holds=True), 0.0, 0
    launches.look({}, {}, now)
    for more, up, starting, seconds in seen:
        now += seconds
        failures += more
        pool = Seen(frozenset(str(i) for i in range(up)), starting, refused(failures)["gpu"].failed)
        launches.look({"gpu": pool}, {}, now)
        items = launches.failed(now)
        assert len(items) <= 1
        if more:
            assert launches.limits(now).get("gpu", 99) >= up + starting
            assert 0 < items[0].count <= failures
        assert all(item.retry_in_ms is not None and item.retry_in_ms >= 0 for item in items)


def test_causes_are_kept_by_pool(tmp_path: Path) -> None:
    path = tmp_path / "refusals.json"
    assert causes(path) == causes(None) == {}
    note_refusal(path, "gpu", "no capacity", causes(path))
    note_refusal(path, "cpu", "no quota", causes(path))
    assert causes(path) == {"gpu": "no capacity", "cpu": "no quota"}
    assert counted([("gpu", "a", 1), ("gpu", "a", 2), ("cpu", "b", 1)]) == {"gpu": {"a": 3}, "cpu": {"b": 1}}
