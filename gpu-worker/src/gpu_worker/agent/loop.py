"""The agent's loop: learn what is desired, look, plan, act, tell. It may be killed at any moment."""

from __future__ import annotations

import logging
import threading
import time
import uuid

from ray.exceptions import RayError

from gpu_worker.agent.cluster import Cluster
from gpu_worker.agent.console import Console, ConsoleError, Unauthorised
from gpu_worker.agent.jobs_api import JobsError
from gpu_worker.agent.observe import observe_jobs, observe_services
from gpu_worker.agent.plan import ENDED, Seen, desired_services, plan
from gpu_worker.contract import DesiredState, Observation, ObservedCluster, ObservedJob, ObservedService

TICK_SECONDS = 0.25
CLUSTER_SECONDS = 1.0
TELL_SECONDS = 1.0
SOON_SECONDS = 0.1
"""Somebody waits for a job or a service to change; the cluster is told of once a second."""

HEARTBEAT_SECONDS = 2.0
WHOLE_SECONDS = 5.0
BLIND_SECONDS = 3.0
"""What was seen longer ago is not told any more: a cluster that does not answer is not there."""

LONG_POLL_SECONDS = 25
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0

NOTHING_NEW: dict[str, None] = {"jobs": None, "services": None, "cluster": None}

log = logging.getLogger(__name__)


class Agent:
    """Three threads: one waits for news from the console, one acts on the cluster, one tells the console."""

    def __init__(self, console: Console, cluster: Cluster) -> None:
        self._console, self._cluster = console, cluster
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._desired: DesiredState | None = None
        self._news: tuple[list[ObservedJob], list[ObservedService], ObservedCluster] | None = None
        self._applied = 0
        self._looked_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Runs until `stop` is set; what runs on the cluster goes on."""
        self._stop = stop
        threads = [
            threading.Thread(target=self._follow, name="desired", daemon=True),
            threading.Thread(target=self._tell, name="observed", daemon=True),
        ]
        for thread in threads:
            thread.start()
        looked, nodes = 0.0, ObservedCluster(nodes=[], departed=[], pending=[], demands=[])
        while not stop.is_set():
            try:
                if time.monotonic() - looked >= CLUSTER_SECONDS:
                    looked, nodes = time.monotonic(), self._cluster.look_at_nodes()
                self._tick(nodes)
            except (JobsError, RayError, RuntimeError) as error:
                log.error("the cluster did not answer: %s", error)
                stop.wait(1)
            with self._changed:
                self._changed.wait(TICK_SECONDS)

    def _tick(self, nodes: ObservedCluster) -> None:
        desired = self._desired
        seen = self._cluster.look()
        if desired is None:
            return
        applied = self._apply(desired, seen)
        jobs = observe_jobs(desired, seen)
        services = observe_services(desired, seen, nodes)
        with self._changed:
            newest = self._desired
            # If the console went back meanwhile, this was desired by one that is no more.
            if applied and newest is not None and desired.revision <= newest.revision:
                self._applied = desired.revision
            self._news, self._looked_at = (jobs, services, nodes), time.monotonic()
            self._changed.notify_all()

    def _apply(self, desired: DesiredState, seen: Seen) -> bool:
        """Takes every planned action; False when one could not be taken and will be tried again."""
        wanted = desired_services(desired)
        applied = True
        for action in plan(desired, seen):
            try:
                self._cluster.apply(action, seen)
            except (JobsError, RayError) as error:
                log.error("%s: %s", type(action).__name__, error)
                applied = False
        unfinished = {job_id for job_id, job in seen.jobs.items() if job.state not in ENDED}
        self._cluster.forget({a.job_id for a in desired.attempts} | unfinished, set(wanted))
        return applied

    def _follow(self) -> None:
        """Keeps `_desired` as new as the console has it."""
        wait = FIRST_WAIT
        while not self._stop.is_set():
            desired = self._desired
            try:
                news = self._console.desired(desired.revision if desired else 0, LONG_POLL_SECONDS)
                wait = FIRST_WAIT
            except ConsoleError as error:
                log.log(logging.ERROR if isinstance(error, Unauthorised) else logging.WARNING, "%s", error)
                self._stop.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT)
                continue
            if news is not None:
                with self._changed:
                    self._desired = news
                    self._changed.notify_all()

    def _begin_again(self) -> None:
        """The console counts from an earlier revision: it was restored from a backup. What it desires is
        asked for as if nothing were known.
        """
        log.warning("the console went back to an earlier revision")
        with self._changed:
            self._desired, self._applied = None, 0

    def _tell(self) -> None:
        """Pushes what changed: jobs and services soon, nodes once a second, all of it every five, and every
        two seconds a word that the cluster is there.
        """
        incarnation, seq = uuid.uuid4().hex, 0
        told: Observation | None = None
        told_at = full_at = -WHOLE_SECONDS
        while not self._stop.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._news is not None, TELL_SECONDS)
                news, applied, looked_at = self._news, self._applied, self._looked_at
            now = time.monotonic()
            if news is None or now - looked_at > BLIND_SECONDS:
                self._stop.wait(0.05)
                continue
            whole = Observation(
                incarnation=incarnation,
                seq=seq,
                applied_revision=applied,
                jobs=news[0],
                services=news[1],
                cluster=news[2],
            )
            full = told is None or now - full_at >= WHOLE_SECONDS
            part = whole if full or told is None else changes(told, whole)
            if part is None and now - told_at >= HEARTBEAT_SECONDS:
                part = whole.model_copy(update=NOTHING_NEW)
            urgent = part is not None and (part.jobs is not None or part.services is not None)
            least = SOON_SECONDS if urgent else TELL_SECONDS
            if part is None or (not full and now - told_at < least):
                self._stop.wait(0.05)
                continue
            try:
                seq += 1
                ack = self._console.observed(part.model_copy(update={"seq": seq}))
                told, told_at = whole, now
                full_at = now if full else full_at
                if ack.revision < applied:
                    self._begin_again()
            except ConsoleError as error:
                log.warning("%s", error)
                told = None  # whether it arrived is unknown: tell everything again
                self._stop.wait(1)


def changes(before: Observation, now: Observation) -> Observation | None:
    """Only the sections that differ; None when nothing does."""
    differing = {
        name: getattr(now, name)
        for name in ("jobs", "services", "cluster")
        if getattr(now, name) != getattr(before, name)
    }
    if not differing and now.applied_revision == before.applied_revision:
        return None
    return now.model_copy(update=NOTHING_NEW | differing)
