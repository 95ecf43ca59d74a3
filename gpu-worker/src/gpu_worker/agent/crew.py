"""The workers of an attempt: a placement group, and one actor a rank in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ray
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from gpu_worker.agent import process, warm
from gpu_worker.agent.rank import Place, Rank
from gpu_worker.contract import Resources

POLL_SECONDS = 0.5


class Crew:
    """Places workers, replaces those that died, and lets all of them go at the end."""

    def __init__(self, name: str, kind: str, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources
        bundle = {"CPU": resources.cpus} | ({"GPU": resources.gpus} if resources.gpus > 0 else {})
        # Packed: ranks that share a machine talk faster, and fewer machines cost less.
        self._group = placement_group([bundle] * resources.workers, strategy="PACK", name=name)
        self.actors = [self._create(rank) for rank in range(resources.workers)]

    def place(self, waits: Callable[[], bool], stop: threading.Event) -> list[Place] | None:
        """Waits until every worker has its place; None when `stop` came first, or `waits`, which is called
        twice a second, answered that it waits no longer.

        Raises RayActorError when a worker dies before it is placed.
        """
        asked = [actor.place.remote(self._resources.gpus, self._kind) for actor in self.actors]
        left = asked
        while left:
            if stop.is_set():
                return None
            _, left = ray.wait(left, num_returns=len(left), timeout=POLL_SECONDS)
            if left and not waits():
                return None
        return ray.get(asked)

    def replace(self, rank: int) -> None:
        """A new actor in the place of one that died or hangs. It begins to load at once."""
        ray.kill(self.actors[rank])
        self.actors[rank] = self._create(rank)

    def kill(self, rank: int, place: Place) -> None:
        """Ends an actor, one that answers nobody as well."""
        ray.kill(self.actors[rank])
        process.end(place["node_id"], place["pid"])

    def dismiss(self) -> None:
        """Ends every worker and gives the resources back."""
        for actor in self.actors:
            ray.kill(actor)
        remove_placement_group(self._group)

    def _create(self, rank: int) -> Any:
        return (
            ray.remote(Rank)
            .options(
                num_cpus=self._resources.cpus,
                num_gpus=self._resources.gpus,
                max_concurrency=4,
                max_restarts=0,
                runtime_env=warm.ENVIRONMENT if self._kind == "train" else None,
                scheduling_strategy=PlacementGroupSchedulingStrategy(self._group, rank),
            )
            .remote()
        )
