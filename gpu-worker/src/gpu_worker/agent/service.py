"""The actor of a session or a replica: an HTTP server in a process of its own."""

from __future__ import annotations

import os
import threading
import traceback
from typing import Literal, TypedDict

import ray

from gpu_worker.agent import warm
from gpu_worker.agent.plan import ServiceKind
from gpu_worker.contract import DesiredReplica, DesiredSession
from gpu_worker.door import Door

POLL_SECONDS = 5.0


class Status(TypedDict):
    """What a service says of itself; `version` rises with each change."""

    version: int
    state: Literal["starting", "ready", "failed", "stopped"]
    address: str | None
    node_id: str
    pid: int
    message: str


class Service:
    """Serves in one thread; `status` and `stop` answer in others."""

    def __init__(self, kind: ServiceKind, desired_json: str, door_url: str) -> None:
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._status = Status(
            version=1,
            state="starting",
            address=None,
            node_id=ray.get_runtime_context().get_node_id(),
            pid=os.getpid(),
            message="Loading",
        )
        work = threading.Thread(
            target=self._work, args=(kind, desired_json, door_url), name=kind, daemon=True
        )
        work.start()

    def status(self, after: int) -> Status:
        """The status as soon as its version exceeds `after`, or as it is after five seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._status["version"] > after, POLL_SECONDS)
            return self._status

    def stop(self) -> None:
        """Asks the server to finish the requests in flight and end."""
        self._stop.set()

    def _work(self, kind: ServiceKind, desired_json: str, door_url: str) -> None:
        try:
            self._serve(kind, desired_json, door_url)
        except BaseException as error:
            traceback.print_exc()
            self._tell("failed", None, f"{type(error).__name__}: {error}")
        else:
            self._tell("stopped", None, "Stopped")

    def _serve(self, kind: ServiceKind, desired_json: str, door_url: str) -> None:
        host = ray.util.get_node_ip_address()
        # Imported here: a replica does without what a session needs, which takes seconds to load.
        if kind == "session":
            warm.wait()
            from gpu_worker.studio import serve_session

            session = DesiredSession.model_validate_json(desired_json)
            serve_session(session, Door(door_url, session.token), host, self._ready, self._stop)
        else:
            from gpu_worker.serve import serve_replica

            replica = DesiredReplica.model_validate_json(desired_json)
            serve_replica(replica, Door(door_url, replica.token), host, self._ready, self._stop)

    def _ready(self, address: str) -> None:
        self._tell("ready", address, "")

    def _tell(
        self, state: Literal["starting", "ready", "failed", "stopped"], address: str | None, message: str
    ) -> None:
        with self._changed:
            self._status = Status(
                version=self._status["version"] + 1,
                state=state,
                address=address,
                node_id=self._status["node_id"],
                pid=self._status["pid"],
                message=message,
            )
            self._changed.notify_all()
