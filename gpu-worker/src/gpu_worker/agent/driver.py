"""The driver of one Ray job: fetches its spec, places workers, restarts them from the last checkpoint when
one dies.

`python -m gpu_worker.agent.driver`, with LATHE_DOOR_URL and LATHE_TOKEN in the environment. Exit code 0: the
result was delivered, or the run was stopped; 1: the attempt failed and its cause was told; 3: the attempt
was over already.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time

import ray
from ray.exceptions import RayActorError

from gpu_worker.agent.attempt import Attempt, Ended
from gpu_worker.agent.crew import Crew
from gpu_worker.agent.rank import Place
from gpu_worker.agent.waiting import describe_wait
from gpu_worker.contract import AttemptSpec, Cause, NextAttempt, Progress, ResultReport
from gpu_worker.door import Door, DoorLogHandler, DoorRefused, StaleAttempt

DRIVER_RANK = -1
PATIENCE_SECONDS = 20.0
"""How long workers look for places before the console is asked whether fewer do."""
JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
log = logging.getLogger("gpu_worker.driver")


class Driver:
    """Goes from attempt to attempt until the run has ended."""

    def __init__(self, url: str, token: str, stop: threading.Event) -> None:
        self._url, self._token, self._stop = url, token, stop
        self._door = Door(url, token)
        self._handler = self._follow_log(self._door)
        self._spec: AttemptSpec = self._door.spec()
        self._began = time.monotonic()
        self._ask_at = self._began
        self._crew = self._gather()

    def run(self) -> int:
        """The exit code of the job."""
        try:
            while True:
                ended = self._attempt()
                if ended.stale:
                    raise StaleAttempt(409, "stale_attempt", "This attempt is over.")
                if ended.cause is None:
                    return self._finish(ended)
                following = self._next(ended)
                if following is None:
                    return 1
                self._go_on(following, ended.micro_batch)
                if self._shrinks():
                    self._gather_anew()
                else:
                    for rank in ended.lost:
                        self._crew.replace(rank)
        finally:
            self._crew.dismiss()
            self._door.close(5)

    def _gather(self) -> Crew:
        return Crew(self._spec.attempt_id, self._spec.spec.kind, self._spec.resources)

    def _gather_anew(self) -> None:
        """Another crew, of as many workers as the attempt has now: what Ray placed together stays so many."""
        self._crew.dismiss()
        self._crew = self._gather()

    def _attempt(self) -> Ended:
        try:
            places = self._place()
        except RayActorError as error:
            cause = Cause(
                kind="placement",
                message="A worker died before it could start.",
                rank=None,
                exit_code=None,
                evidence=str(error),
            )
            return Ended(cause=cause, retry=True, lost=list(range(self._spec.resources.workers)))
        if places is None:
            return Ended()
        for rank, place in enumerate(places):
            log.info(
                "rank %d: process %d on node %s, %s",
                rank,
                place["pid"],
                place["node_id"][:8],
                place["device"],
            )
        log.info("placed after %.1f s", time.monotonic() - self._began)
        return Attempt(self._spec, self._door, self._url, self._token, self._crew, places).run(self._stop)

    def _place(self) -> list[Place] | None:
        """The places of all workers, of fewer where the console says so; None when the run is to stop."""
        while True:
            self._ask_at = time.monotonic() + PATIENCE_SECONDS
            places = self._crew.place(self._waits, self._stop)
            if places is not None or self._stop.is_set():
                return places
            self._gather_anew()

    def _waits(self) -> bool:
        """Whether these workers look on for places; asks the console now and then."""
        self._tell_waiting()
        if time.monotonic() < self._ask_at:
            return True
        self._ask_at = time.monotonic() + PATIENCE_SECONDS
        return not self._shrinks()

    def _shrinks(self) -> bool:
        """Whether the attempt, which has no places yet, has fewer workers from now on: its run is elastic and
        a node is gone. The console may not know of that node yet, so it is told which are alive.
        """
        resources = self._spec.resources
        workers = self._door.room([node["NodeID"] for node in ray.nodes() if node["Alive"]])
        if workers == resources.workers:
            return False
        log.info(
            "goes on with %d workers instead of %d: there is no room for more", workers, resources.workers
        )
        fewer = resources.model_copy(update={"workers": workers})
        self._spec = self._spec.model_copy(update={"resources": fewer})
        return True

    def _finish(self, ended: Ended) -> int:
        if ended.result is None:
            log.info("stopped at step %d", ended.last_step)
            return 0
        self._door.flush(30)
        self._door.result(ResultReport.model_validate({"result": ended.result}).result)
        return 0

    def _next(self, ended: Ended) -> NextAttempt | None:
        """The attempt that follows, or None when there is none and the console knows why."""
        assert ended.cause is not None
        log.error("%s", ended.cause.message)
        if ended.retry and self._spec.attempt < self._spec.max_attempts:
            try:
                return self._door.next_attempt(ended.cause, ended.last_step)
            except StaleAttempt:
                raise
            except DoorRefused as refused:
                log.error("no further attempt: %s", refused)
        self._door.flush(10)
        self._door.error(ended.cause)
        return None

    def _go_on(self, following: NextAttempt, micro_batch: int | None) -> None:
        self._door.close(0)
        self._token = following.token
        self._spec = self._spec.model_copy(
            update={
                "attempt_id": following.attempt_id,
                "attempt": following.attempt,
                "checkpoint": following.checkpoint,
                "micro_batch": micro_batch or self._spec.micro_batch,
            }
        )
        logging.getLogger("gpu_worker").removeHandler(self._handler)
        self._door = Door(self._url, self._token)
        self._handler = self._follow_log(self._door)
        self._began = time.monotonic()
        step = following.checkpoint.step if following.checkpoint else 0
        log.info("attempt %d goes on from step %d", following.attempt, step)

    def _tell_waiting(self) -> None:
        message = describe_wait(ray.get_runtime_context().gcs_address, self._spec.resources)
        self._door.progress(
            Progress(
                phase="placing",
                percent=None,
                step=None,
                total_steps=None,
                eta_seconds=None,
                message=message,
                checklist=[],
            )
        )

    def _follow_log(self, door: Door) -> DoorLogHandler:
        handler = DoorLogHandler(lambda text: door.log(DRIVER_RANK, text))
        logging.getLogger("gpu_worker").addHandler(handler)
        return handler


def keep_workers_reusable() -> None:
    """Takes the job's runtime environment, which carries its token, out of what workers inherit: they then
    start from idle processes of the node, and no process but this one knows the token before it is given
    work.
    """
    config = json.loads(os.environ.get(JOB_CONFIG, "{}"))
    if config.pop("runtime_env", None) is not None:
        os.environ[JOB_CONFIG] = json.dumps(config)


def main() -> int:
    """Runs the job of this process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    url, token = os.environ["LATHE_DOOR_URL"], os.environ.pop("LATHE_TOKEN")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    keep_workers_reusable()
    ray.init(address="auto", namespace="lathe", log_to_driver=False, logging_level=logging.WARNING)
    # ray.init takes SIGTERM for itself.
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    try:
        return Driver(url, token, stop).run()
    except StaleAttempt as stale:
        log.warning("%s", stale)
        return 3


if __name__ == "__main__":
    sys.exit(main())
