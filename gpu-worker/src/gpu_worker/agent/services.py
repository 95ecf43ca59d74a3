"""Sessions and replicas as named, detached actors: they outlive the agent, which finds them again by name."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from gpu_worker.agent import warm
from gpu_worker.agent.plan import SeenService, ServiceKey, ServiceKind
from gpu_worker.agent.service import Service, Status
from gpu_worker.contract import DesiredReplica, DesiredSession

NAMESPACE = "lathe"
KINDS: tuple[ServiceKind, ...] = ("session", "replica")
STOP_SECONDS = 12.0
"""How long a service may take to finish its requests before it is killed."""


@dataclass
class Known:
    """An actor, the question that is open with it, and what it answered last."""

    actor: Any
    question: Any
    seen: SeenService
    kill_at: float | None = None


class Services:
    """The only place that creates, asks and kills the actors of services."""

    def __init__(self, door_url: str) -> None:
        self._door_url = door_url
        self._known: dict[ServiceKey, Known] = {}

    def adopt(self) -> None:
        """Finds the actors that an earlier agent left."""
        for name in ray.util.list_named_actors(all_namespaces=False):
            key = key_of(name)
            if key is not None and key not in self._known:
                try:
                    self._know(key, ray.get_actor(name, namespace=NAMESPACE))
                except ValueError:
                    continue  # it died between the two calls

    def look(self) -> dict[ServiceKey, SeenService]:
        """Every service as it is now; takes no longer than what is already answered."""
        by_question = {known.question: key for key, known in self._known.items()}
        if by_question:
            ready, _ = ray.wait(list(by_question), num_returns=len(by_question), timeout=0)
            for question in ready:
                self._read(by_question[question])
        for known in self._known.values():
            if known.kill_at is not None and time.monotonic() > known.kill_at:
                ray.kill(known.actor)
        return {key: known.seen for key, known in self._known.items()}

    @property
    def are_settled(self) -> bool:
        """Whether each is ready or has failed, as it was seen last."""
        return all(known.seen.state in ("ready", "failed") for known in self._known.values())

    def start(self, key: ServiceKey, desired: DesiredSession | DesiredReplica) -> None:
        """Creates the actor of a service; it waits for its place by itself."""
        actor = (
            ray.remote(Service)
            .options(
                name=name_of(key),
                namespace=NAMESPACE,
                lifetime="detached",
                get_if_exists=True,
                num_cpus=desired.cpus,
                max_restarts=0,
                max_concurrency=4,
                runtime_env=warm.ENVIRONMENT if key.kind == "session" else None,
            )
            .remote(key.kind, desired.model_dump_json(by_alias=True), self._door_url)
        )
        self._know(key, actor)

    def stop(self, key: ServiceKey) -> None:
        """Lets a service finish what is in flight; `look` kills it when that takes too long."""
        known = self._known[key]
        if known.seen.pid is None:
            self.remove(key)  # it has not begun
            return
        known.actor.stop.remote()
        known.kill_at = time.monotonic() + STOP_SECONDS
        known.seen = SeenService(key, "stopping", known.seen.address, known.seen.node_id, known.seen.pid)

    def remove(self, key: ServiceKey) -> None:
        """Kills the actor, if it lives, and forgets it."""
        ray.kill(self._known.pop(key).actor)

    def _know(self, key: ServiceKey, actor: Any) -> None:
        seen = SeenService(key, "starting", message="Waiting for a place on the cluster")
        self._known[key] = Known(actor, actor.status.remote(0), seen)

    def _read(self, key: ServiceKey) -> None:
        known = self._known[key]
        try:
            status: Status = ray.get(known.question)
        except RayActorError as error:
            state = "stopped" if known.kill_at is not None else "failed"
            known.seen = SeenService(
                key, state, None, known.seen.node_id, known.seen.pid, cause_of(error), died=state == "failed"
            )
            return
        except RayError as error:
            known.seen = SeenService(key, "failed", message=str(error))
            return
        if known.kill_at is None or status["state"] in ("stopped", "failed"):
            known.seen = SeenService(
                key, status["state"], status["address"], status["node_id"], status["pid"], status["message"]
            )
        known.question = known.actor.status.remote(status["version"])


def name_of(key: ServiceKey) -> str:
    """The actor's name."""
    return f"lathe-{key.kind}-{key.id}"


def key_of(name: str) -> ServiceKey | None:
    """The service that an actor's name stands for; None for a stranger's."""
    for kind in KINDS:
        prefix = f"lathe-{kind}-"
        if name.startswith(prefix):
            return ServiceKey(kind, name.removeprefix(prefix))
    return None


def cause_of(error: RayActorError) -> str:
    """Why an actor died, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("class_name", "actor_id", "namespace", "name:"))]
    return "The process died. " + " ".join(told)[-600:]
