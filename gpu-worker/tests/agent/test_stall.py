"""When ranks count as stalled, and which of them is named."""

from __future__ import annotations

import pytest

from gpu_worker.agent.stall import FIRST_SECONDS, QuietWatch, StallWatch, Standing, culprits


def stepped(chosen: float | None, seconds: float, steps: int = 20) -> tuple[StallWatch, float]:
    """Two ranks that made steps of `seconds` each, and the moment of the last."""
    watch = StallWatch(chosen, 2, 0)
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


def test_before_the_first_step_of_all_what_is_new_counts_and_more_time_is_given() -> None:
    watch = StallWatch(None, 2, 0)
    watch.hear(0, 0, 1, False, 5)  # loads the model
    assert not watch.has_stalled(5 + FIRST_SECONDS)
    assert watch.has_stalled(6 + FIRST_SECONDS)
    watch.hear(1, -1, 1, False, 6 + FIRST_SECONDS)
    assert not watch.has_stalled(7 + FIRST_SECONDS)
    chosen = StallWatch(5, 2, 0)
    chosen.hear(0, 1, 1, True, 0)
    assert not chosen.has_stalled(60)
    assert chosen.has_stalled(61)
    assert not StallWatch(0, 2, 0).has_stalled(1e9)


def test_nothing_stalls_while_one_moves_or_does_other_work_after_its_steps() -> None:
    watch = StallWatch(5, 2, 0)
    watch.hear(0, 1, 1, True, 0)
    watch.hear(1, 1, 1, True, 50)
    assert watch.has_stalled(56)
    watch.hear(1, 1, 2, True, 56)  # a part of an evaluation
    assert not watch.has_stalled(60)
    watch.hear(0, 1, 3, False, 60)  # writes the result
    assert not watch.has_stalled(9999)


def test_a_script_stalls_when_none_of_its_ranks_moves() -> None:
    watch = QuietWatch(30, 2, 0)
    watch.hear(0, -1, 1, False, 20)
    watch.hear(1, -1, 1, False, 40)
    watch.hear(0, -1, 1, False, 60)  # nothing new
    assert not watch.has_stalled(70)
    assert watch.has_stalled(71)
    assert not QuietWatch(0, 2, 0).has_stalled(1e9)


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
