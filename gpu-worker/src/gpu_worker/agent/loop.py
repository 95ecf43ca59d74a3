"""The agent's loop: learn what is desired, look, plan, act, tell. It may be killed at any moment."""

from __future__ import annotations

import logging
import threading
import time
import uuid

from ray.exceptions import RayError

from gpu_worker.agent.cluster import Cluster
from gpu_worker.agent.console import Console, ConsoleError, Unauthorised
from gpu_worker.agent.drain import DrainError
from gpu_worker.agent.jobs_api import JobsError
from gpu_worker.agent.observe import observe_jobs, observe_services
from gpu_worker.agent.plan import ENDED, Seen, desired_services, plan
from gpu_worker.agent.vitals import SILENT_SECONDS, Vitals
from gpu_worker.contract import (
    DesiredState,
    Observation,
    ObservedCluster,
    ObservedJob,
    ObservedService,
    Readings,
    Silence,
)

TICK_SECONDS, SETTLED_SECONDS = 0.25, 1.0
"""How soon a change of jobs and services is seen: of those that are on their way, and of others."""

CLUSTER_SECONDS = 1.0
TELL_SECONDS = 1.0
SOON_SECONDS = 0.1
"""Somebody waits for a job or a service to change; the cluster is told of once a second."""

HEARTBEAT_SECONDS = 5.0
CLUSTER_HEARTBEAT_SECONDS = 30.0
"""Of a thousand nodes it is half a megabyte that the console has already."""

LONG_POLL_SECONDS = 25
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0

News = tuple[list[ObservedJob], list[ObservedService], ObservedCluster, Readings]

log = logging.getLogger(__name__)


class Agent:
    """Three threads: one waits for news from the console, one acts on the cluster, one tells the console."""

    def __init__(self, console: Console, cluster: Cluster, vitals: Vitals) -> None:
        self._console, self._cluster, self._vitals = console, cluster, vitals
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._desired: DesiredState | None = None
        self._news: News | None = None
        self._applied = 0
        self._error = ""
        vitals.ray_answered()

    def run(self, stop: threading.Event) -> None:
        """Runs until `stop` is set; what runs on the cluster goes on."""
        self._stop = stop
        threads = [
            threading.Thread(target=self._follow, name="desired", daemon=True),
            threading.Thread(target=self._tell, name="observed", daemon=True),
        ]
        for thread in threads:
            thread.start()
        looked, seen = 0.0, None
        while not stop.is_set():
            try:
                if seen is None or time.monotonic() - looked >= CLUSTER_SECONDS:
                    wishes = self._desired.nodes if self._desired else []
                    looked, seen = time.monotonic(), self._cluster.look_at_nodes(wishes)
                self._tick(*seen)
                self._error = ""
                self._vitals.ray_answered()
            except (JobsError, RayError, RuntimeError) as error:
                log.error("the cluster did not answer: %s", error)
                self._error = str(error)
                stop.wait(1)
            with self._changed:
                self._changed.wait(SETTLED_SECONDS if self._cluster.is_settled else TICK_SECONDS)

    def _silence(self) -> Silence:
        """For how long Ray has not answered. A call that hangs says nothing, so another thread asks this."""
        seconds = self._vitals.ray_silent()
        if seconds < SILENT_SECONDS:
            return Silence(ms=0, message="")
        return Silence(ms=round(1000 * seconds), message=self._error or "Ray does not answer.")

    def _tick(self, nodes: ObservedCluster, readings: Readings) -> None:
        desired = self._desired
        seen = self._cluster.look()
        if desired is None:
            return
        applied = self._apply(desired, seen)
        jobs = observe_jobs(desired, seen)
        services = observe_services(desired, seen, nodes)
        if self._news is None or (jobs, services) != self._news[:2]:
            self._vitals.seen(jobs, services)
        with self._changed:
            newest = self._desired
            # If the console went back meanwhile, this was desired by one that is no more.
            if applied and newest is not None and desired.revision <= newest.revision:
                self._applied = desired.revision
            self._news = (jobs, services, nodes, readings)
            self._changed.notify_all()

    def _apply(self, desired: DesiredState, seen: Seen) -> bool:
        """Takes every planned action; False when one could not be taken and will be tried again."""
        wanted = desired_services(desired)
        applied = True
        for action in plan(desired, seen):
            try:
                self._cluster.apply(action, seen)
                self._vitals.acted(action, taken=True)
            except (JobsError, RayError, DrainError) as error:
                log.error("%s: %s", type(action).__name__, error)
                self._vitals.acted(action, taken=False)
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
            if news is None:
                continue
            with self._changed:
                if desired is not None and news.revision < desired.revision:
                    log.warning("the console went back to an earlier revision")
                    self._applied = 0
                self._desired = news
                self._changed.notify_all()

    def _tell(self) -> None:
        """Pushes what changed: jobs and services soon, nodes once a second, and all of it every five."""
        incarnation, seq = uuid.uuid4().hex, 0
        told: Observation | None = None
        told_at = full_at = cluster_at = -CLUSTER_HEARTBEAT_SECONDS
        while not self._stop.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._news is not None, TELL_SECONDS)
                news, applied = self._news, self._applied
            if news is None:
                continue
            now = time.monotonic()
            whole = Observation(
                incarnation=incarnation,
                seq=seq,
                applied_revision=applied,
                silence=self._silence(),
                jobs=news[0],
                services=news[1],
                cluster=news[2],
                readings=news[3],
            )
            full = told is None or now - full_at >= HEARTBEAT_SECONDS
            part = whole if full or told is None else changes(told, whole)
            is_known = told is not None and told.cluster == whole.cluster
            if part is not None and is_known and now - cluster_at < CLUSTER_HEARTBEAT_SECONDS:
                part = part.model_copy(update={"cluster": None})
            urgent = part is not None and (part.jobs is not None or part.services is not None)
            least = SOON_SECONDS if urgent else TELL_SECONDS
            if part is None or (not full and now - told_at < least):
                with self._changed:
                    if self._news is news:
                        self._changed.wait(max(0.0, told_at + least - now) if part else TELL_SECONDS)
                continue
            try:
                seq += 1
                ack = self._console.observed(part.model_copy(update={"seq": seq}))
                self._vitals.told()
                told, told_at = whole, now
                full_at = now if full else full_at
                cluster_at = now if part.cluster is not None else cluster_at
                if ack.dropped:
                    log.warning("%d readings could not be true and were dropped", ack.dropped)
                if ack.superseded:
                    log.error("another agent speaks for this cluster; this one waits and begins again")
                    incarnation, seq, told = uuid.uuid4().hex, 0, None
                    self._stop.wait(LONGEST_WAIT)
                    continue
            except ConsoleError as error:
                log.warning("%s", error)
                self._vitals.not_told()
                told = None  # whether it arrived is unknown: tell everything again
                self._stop.wait(1)


def changes(before: Observation, now: Observation) -> Observation | None:
    """Only the sections that differ; None when nothing does. Readings that only grew older are the same."""
    differing = {
        name: getattr(now, name)
        for name in ("jobs", "services", "cluster", "readings")
        if _ageless(getattr(now, name)) != _ageless(getattr(before, name))
    }
    if not differing and now.applied_revision == before.applied_revision and now.silence == before.silence:
        return None
    unchanged = {"jobs": None, "services": None, "cluster": None, "readings": None}
    return now.model_copy(update=unchanged | differing)


def _ageless(section: object) -> object:
    return section.model_copy(update={"heartbeat_age_ms": []}) if isinstance(section, Readings) else section
