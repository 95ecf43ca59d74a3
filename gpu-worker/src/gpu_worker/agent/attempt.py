"""One attempt from placed workers to its end: what they do, and why it ended when it ended badly."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayActorError

from gpu_worker.agent import process
from gpu_worker.agent.crew import Crew
from gpu_worker.agent.death import after_shortage, explain_death
from gpu_worker.agent.rank import Events, Outcome, Place
from gpu_worker.agent.seats import seats
from gpu_worker.agent.stall import QuietWatch, StallWatch
from gpu_worker.agent.stalled import explain
from gpu_worker.contract import AttemptSpec, Cause, ScriptSpec, StateReport, TrainSpec, WorkerPlace
from gpu_worker.door import Door

log = logging.getLogger(__name__)

STOP_SECONDS = 15.0
"""How long workers may take to write a checkpoint and end."""
UNWIND_SECONDS = 3.0
"""How long survivors may take to notice that a peer is gone; those that don't are replaced."""
EXIT_SECONDS = 60.0
"""How long the other ranks of a training may take to end once rank 0 has its result."""


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: with a result, with a cause, or with neither because it was asked to stop."""

    result: dict[str, Any] | None = None
    cause: Cause | None = None
    retry: bool = False
    stale: bool = False
    last_step: int = 0
    lost: list[int] = field(default_factory=list)
    """Ranks whose actors can't be used again."""
    micro_batch: int | None = None
    """Samples at a time that the next attempt may compute; None where memory did not run out."""


class Attempt:
    """Runs every rank of `spec` on a crew that is placed."""

    def __init__(
        self, spec: AttemptSpec, door: Door, url: str, token: str, crew: Crew, places: list[Place]
    ) -> None:
        self._spec, self._door, self._crew, self._places = spec, door, crew, places
        self._url, self._token = url, token
        self._steps = [-1] * len(places)
        self._tails: list[list[str]] = [[] for _ in places]
        self._told_running = False
        self._micro_batch = 0
        """Samples that a rank computes at a time, as far as it was told."""
        self._is_script = isinstance(spec.spec, ScriptSpec)
        self._watch = self._new_watch()
        self._stall: Cause | None = None

    def _new_watch(self) -> QuietWatch | None:
        work, ranks, now = self._spec.spec, len(self._places), time.monotonic()
        if isinstance(work, TrainSpec):
            return StallWatch(work.hyper.stall_seconds, ranks, now)
        return QuietWatch(work.stall_seconds, ranks, now) if isinstance(work, ScriptSpec) else None

    def run(self, stop: threading.Event) -> Ended:
        """Starts the ranks and waits for all of them to end."""
        self._tell("starting")
        if self._spec.spec.kind != "train":
            self._tell("running")
        runs = self._start()
        events = {actor.events.remote(0): rank for rank, actor in enumerate(self._crew.actors)}
        outcomes: dict[int, Outcome] = {}
        dead: dict[int, str] = {}
        deadline = float("inf")
        stopping = False
        while runs and time.monotonic() < deadline:
            if stop.is_set() and not stopping:
                stopping, deadline = True, time.monotonic() + STOP_SECONDS
                for actor in self._crew.actors:
                    actor.stop.remote()
            ready, _ = ray.wait([*runs, *events], num_returns=1, timeout=0.1)
            for reference in ready:
                if reference in events:
                    self._read_events(reference, events)
                    continue
                rank = runs.pop(reference)
                try:
                    outcomes[rank] = ray.get(reference)
                    failed = outcomes[rank]["state"] in ("error", "stale")
                    if runs and outcomes[rank]["state"] == "done":
                        log.info("rank %d is done, %d of %d go on", rank, len(runs), len(self._places))
                except (RayActorError, OutOfMemoryError) as error:
                    dead[rank] = str(error)
                    failed = True
                if failed and not stopping:
                    deadline = min(deadline, time.monotonic() + self._unwind())
                elif rank == 0 and self._spec.spec.kind == "train":
                    deadline = min(deadline, time.monotonic() + EXIT_SECONDS)
            if self._watch is not None and deadline == float("inf"):
                deadline = self._look_for_stall(self._watch, sorted(runs.values()), deadline)
        return self._ended(outcomes, dead, sorted(runs.values()), stopping)

    def _look_for_stall(self, watch: QuietWatch, left: list[int], deadline: float) -> float:
        """Says who stopped stepping and ends it; the deadline of the others then, else the one there was."""
        now = time.monotonic()
        if watch.reminds(now):
            done = "logged or computed" if self._is_script else "made a step"
            log.warning("no rank has %s for %.0f s", done, watch.silent(now))
        if not watch.has_stalled(now):
            return deadline
        actors = {rank: self._crew.actors[rank] for rank in left}
        found, self._stall = explain(actors, self._places, self._steps, watch.silent(now), self._is_script)
        log.error("%s", self._stall.message)
        for rank in found:
            self._crew.kill(rank, self._places[rank])
        return time.monotonic() + UNWIND_SECONDS

    def _unwind(self) -> float:
        """How long the survivors of a failure have. A script does not notice it by itself: it is stopped."""
        if not self._is_script:
            return UNWIND_SECONDS
        for actor in self._crew.actors:
            actor.stop.remote()
        return STOP_SECONDS

    def _start(self) -> dict[Any, int]:
        actors, places = self._crew.actors, self._places
        script = self._is_script
        port: Any = ray.get(actors[0].free_port.remote()) if script or len(actors) > 1 else 0
        seated = seats(places, port) if script else [None] * len(actors)
        spec = self._spec.model_dump_json(by_alias=True)
        return {
            actor.run.remote(
                spec,
                rank,
                len(actors),
                places[0]["address"],
                port,
                places[rank]["device"],
                self._url,
                self._token,
                seated[rank],
            ): rank
            for rank, actor in enumerate(actors)
        }

    def _read_events(self, reference: Any, events: dict[Any, int]) -> None:
        rank = events.pop(reference)
        found: Events
        try:
            version, found = ray.get(reference)
        except (RayActorError, OutOfMemoryError):
            return  # the rank's own reference tells of its death
        self._steps[rank], self._tails[rank] = max(found["step"], self._steps[rank]), found["tail"]
        self._micro_batch = found["micro_batch"] or self._micro_batch
        if self._watch is not None:
            self._watch.hear(rank, found["step"], found["beat"], found["stepping"], time.monotonic())
        events[self._crew.actors[rank].events.remote(version)] = rank
        if not self._told_running and min(self._steps) >= 1:
            self._tell("running")

    def _tell(self, state: str) -> None:
        self._told_running = state == "running"
        workers = [
            WorkerPlace(rank=rank, node_id=place["node_id"], pid=place["pid"], device=place["device"])
            for rank, place in enumerate(self._places)
        ]
        self._door.state(StateReport.model_validate({"state": state, "workers": workers}))

    def _ended(
        self, outcomes: dict[int, Outcome], dead: dict[int, str], hanging: list[int], stopping: bool
    ) -> Ended:
        last_step = max(0, *self._steps)
        lost = sorted([*dead, *hanging])
        if any(outcome["state"] == "stale" for outcome in outcomes.values()):
            return Ended(stale=True, lost=lost)
        if stopping:
            return Ended(last_step=last_step, lost=lost)
        if self._stall is not None:
            return Ended(cause=self._stall, retry=True, last_step=last_step, lost=lost)
        most = self._micro_batch
        if dead:
            rank = min(dead)
            cause = self._death(rank, dead[rank])
            if cause.kind == "out_of_memory":
                return Ended(**after_shortage(cause, self._spec, most, True), last_step=last_step, lost=lost)
            return Ended(cause=cause, retry=True, last_step=last_step, lost=lost)
        # A rank that ran out of memory takes its peers' connections along.
        errors = sorted(
            ((rank, found) for rank, found in outcomes.items() if found["state"] == "error"),
            key=lambda item: (item[1]["kind"] != "out_of_memory", item[1]["at"]),
        )
        if errors:
            rank, found = errors[0]
            cause = Cause(
                kind=found["kind"],
                message=found["message"],
                rank=rank,
                exit_code=found["exit_code"],
                evidence=found["evidence"],
            )
            if cause.kind == "out_of_memory" and not found["author"]:
                lost = sorted({*lost, rank})  # what its process still holds goes with it
                return Ended(**after_shortage(cause, self._spec, most, False), last_step=last_step, lost=lost)
            return Ended(cause=cause, last_step=last_step, lost=lost)
        for rank in hanging:
            log.warning("rank %d had not ended %.0f s after rank 0 and is ended", rank, EXIT_SECONDS)
            self._crew.kill(rank, self._places[rank])
        return Ended(result=outcomes[0]["result"], last_step=last_step)

    def _death(self, rank: int, told: str) -> Cause:
        place = self._places[rank]
        is_up = place["node_id"] in {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        seen = process.look(place["node_id"], place["pid"]) if is_up else None
        return explain_death(rank, place, is_up, told, seen, self._tails[rank])
