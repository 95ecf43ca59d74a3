"""When ranks count as stalled, and which of them is named."""

from __future__ import annotations

import pytest

from gpu_worker.agent.stall import StallWatch, Standing, culprits


def stepped(chosen: float | None, seconds: float, steps: int = 20) -> tuple[StallWatch, float]:
    """Two ranks that made steps of `seconds` each, and the moment of the last."""
    watch = StallWatch(chosen, 2)
    for step in range(1, steps + 1):
        for rank in range(2):
            watch.hear(rank, step, step, True, step * seconds)
    return watch, steps * seconds


def test_a_stall_is_ten_usual_steps_and_at_least_a_minute() -> None:
    quick, now = stepped(None, 0.1)
    assert not quick.has_stalled(now + 60)
    assert quick.has_stalled(now + 61)
    slow, now = stepped(None, 30)
    assert not slow.has_stalled(now + 299)
    assert slow.has_stalled(now + 301)


def test_what_was_chosen_holds_and_zero_is_never() -> None:
    chosen, now = stepped(5, 30)
    assert chosen.has_stalled(now + 6)
    never, now = stepped(0, 0.1)
    assert not never.has_stalled(now + 1e9)
    assert [never.reminds(now + seconds) for seconds in (59, 61, 62, 122)] == [False, True, False, True]


def test_nothing_stalls_before_all_have_stepped_while_one_moves_or_does_other_work() -> None:
    watch = StallWatch(5, 2)
    watch.hear(0, 1, 1, True, 0)
    assert not watch.has_stalled(1000)
    watch.hear(1, 1, 1, True, 1000)
    assert watch.has_stalled(1006)
    watch.hear(1, 1, 2, True, 1006)  # a part of an evaluation
    assert not watch.has_stalled(1010)
    watch.hear(0, 1, 3, False, 1010)  # writes the result
    assert not watch.has_stalled(9999)


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ([(7, True), (7, None)], [1]),
        ([(7, True), (6, True)], [1]),
        ([(7, False), (7, True), (7, True)], [0]),
        ([(7, True), (7, True)], []),
        ([(7, None), (7, False), (7, None)], [0, 2]),
    ],
)
def test_the_rank_that_the_others_wait_for_is_named(
    standings: list[tuple[int, bool | None]], expected: list[int]
) -> None:
    assert culprits([Standing(rank, *found) for rank, found in enumerate(standings)]) == expected
