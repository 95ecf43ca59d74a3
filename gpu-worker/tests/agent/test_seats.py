"""Ranks, local ranks and groups, as torchrun would number them."""

from __future__ import annotations

from gpu_worker.agent.rank import Place
from gpu_worker.agent.seats import seats


def place(node: str, *gpus: str) -> Place:
    return Place(node_id=node, pid=1, device="cpu", address=f"{node}.example", gpus=list(gpus))


def test_local_ranks_are_counted_on_each_node() -> None:
    found = seats([place("a"), place("b"), place("a"), place("b"), place("b")], 1234)
    assert [seat.rank for seat in found] == [0, 1, 2, 3, 4]
    assert [seat.local_rank for seat in found] == [0, 0, 1, 1, 2]
    assert [seat.local_world for seat in found] == [2, 3, 2, 3, 3]
    assert [seat.group_rank for seat in found] == [0, 1, 0, 1, 1]
    assert {(seat.world, seat.groups, seat.master_addr, seat.master_port) for seat in found} == {
        (5, 2, "a.example", 1234)
    }


def test_local_rank_is_the_device_among_the_gpus_of_its_node() -> None:
    first, other, second = seats([place("a", "3"), place("b", "0"), place("a", "1")], 1)
    assert first.gpus == second.gpus == ("3", "1")
    assert (first.gpus[first.local_rank], second.gpus[second.local_rank]) == ("3", "1")
    assert other.gpus == ("0",)
