"""Who sits where: the ranks of a script as torchrun counts them, a node being a group. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gpu_worker.agent.rank import Place
from gpu_worker.script import Seat


def seats(places: Sequence[Place], port: int) -> list[Seat]:
    """One for each rank. port: of rank 0's node, where the ranks meet."""
    nodes = list(dict.fromkeys(place["node_id"] for place in places))
    ranks = {node: [rank for rank, place in enumerate(places) if place["node_id"] == node] for node in nodes}
    gpus = {
        # Ranks may share a GPU, which CUDA takes only once.
        node: tuple(dict.fromkeys(gpu for rank in ranks[node] for gpu in places[rank]["gpus"]))
        for node in nodes
    }
    return [
        Seat(
            rank=rank,
            world=len(places),
            local_rank=ranks[place["node_id"]].index(rank),
            local_world=len(ranks[place["node_id"]]),
            group_rank=nodes.index(place["node_id"]),
            groups=len(nodes),
            master_addr=places[0]["address"],
            master_port=port,
            gpus=gpus[place["node_id"]],
        )
        for rank, place in enumerate(places)
    ]
