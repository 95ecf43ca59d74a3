"""What to do so that the cluster becomes what the console desires. Pure: no clock, no network, no Ray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gpu_worker.contract import DesiredAttempt, DesiredPool, DesiredReplica, DesiredSession, DesiredState

JobState = Literal["pending", "running", "succeeded", "failed", "stopped"]
ServiceKind = Literal["session", "replica"]
ENDED: frozenset[str] = frozenset({"succeeded", "failed", "stopped"})

CRASH_WINDOW_SECONDS = 60.0
MOST_CRASHES = 5
"""A service that fails so often within the window is left alone: starting it again will not mend it."""
FIRST_BACKOFF_SECONDS = 0.5


@dataclass(frozen=True, order=True)
class ServiceKey:
    """A session or a replica."""

    kind: ServiceKind
    id: str


@dataclass(frozen=True)
class SeenJob:
    """A job of ours that the cluster knows."""

    job_id: str
    attempt_id: str
    state: JobState
    exit_code: int | None = None
    message: str = ""


@dataclass(frozen=True)
class SeenService:
    """An actor of ours that the cluster knows. A failed one has told why and is of no more use; died: its
    process was lost, so it told nothing.
    """

    key: ServiceKey
    state: Literal["starting", "ready", "failed", "stopping", "stopped"]
    address: str | None = None
    node_id: str | None = None
    pid: int | None = None
    message: str = ""
    died: bool = False


@dataclass(frozen=True)
class Crashes:
    """When a service failed lately (seconds of a monotonic clock), and why it did last."""

    at: tuple[float, ...] = ()
    message: str = ""

    def add(self, now: float, message: str) -> Crashes:
        """One more."""
        return Crashes((*self.recent(now), now), message)

    def recent(self, now: float) -> tuple[float, ...]:
        """Those that still count."""
        return tuple(at for at in self.at if now - at < CRASH_WINDOW_SECONDS)

    @property
    def gave_up(self) -> bool:
        """Whether it is left alone, however old the failures have become."""
        return len(self.at) >= MOST_CRASHES

    def may_start(self, now: float) -> bool:
        """Whether the wait after the last failure, which doubles with each, is over."""
        if self.gave_up:
            return False
        recent = self.recent(now)
        return not recent or now - recent[-1] >= FIRST_BACKOFF_SECONDS * 2 ** (len(recent) - 1)


@dataclass(frozen=True, order=True)
class Bundle:
    """What one worker, session or replica takes of one node."""

    cpus: float
    gpus: float = 0


@dataclass(frozen=True)
class Cordon:
    """Have a node take no new work, and leave once nothing runs on it."""

    node_id: str
    reason: str


@dataclass(frozen=True)
class Seen:
    """The cluster as it is. `submitted`: jobs that an agent of this home handed to Ray, ever. `pools` and
    `reserved`: what the autoscaler was told; None where it is not ours. `nodes`: those that are up;
    `cordoned`: of them, those that take no new work.
    """

    jobs: Mapping[str, SeenJob] = field(default_factory=dict)
    services: Mapping[ServiceKey, SeenService] = field(default_factory=dict)
    pools: Sequence[DesiredPool] | None = None
    reserved: Sequence[Bundle] | None = None
    submitted: frozenset[str] = frozenset()
    crashes: Mapping[ServiceKey, Crashes] = field(default_factory=dict)
    now: float = 0.0
    nodes: frozenset[str] = frozenset()
    cordoned: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SubmitJob:
    """Hand an attempt to Ray."""

    attempt: DesiredAttempt


@dataclass(frozen=True)
class StopJob:
    """End a job that is not desired any more."""

    job_id: str


@dataclass(frozen=True)
class ForgetJob:
    """Delete what Ray remembers of a job that has ended and that nobody asks about any more."""

    job_id: str


@dataclass(frozen=True)
class StartService:
    """Create the actor of a session or replica."""

    key: ServiceKey
    desired: DesiredSession | DesiredReplica


@dataclass(frozen=True)
class StopService:
    """Let a service finish what it is doing and end it."""

    key: ServiceKey


@dataclass(frozen=True)
class RemoveService:
    """Remove the actor of a service that has failed or ended by itself."""

    key: ServiceKey


@dataclass(frozen=True)
class SetPools:
    """Give the autoscaler other pools."""

    pools: tuple[DesiredPool, ...]


@dataclass(frozen=True)
class Reserve:
    """Tell the autoscaler what the cluster shall hold. It would find out when the processes ask for it, which
    is two seconds after a job was submitted.
    """

    bundles: tuple[Bundle, ...]


Action = (
    SubmitJob | StopJob | ForgetJob | StartService | StopService | RemoveService | SetPools | Reserve | Cordon
)


def desired_services(desired: DesiredState) -> dict[ServiceKey, DesiredSession | DesiredReplica]:
    """Every service by its key."""
    return {
        **{ServiceKey("session", session.session_id): session for session in desired.sessions},
        **{ServiceKey("replica", replica.replica_id): replica for replica in desired.replicas},
    }


def lost_jobs(desired: DesiredState, seen: Seen) -> list[DesiredAttempt]:
    """Attempts that were handed to Ray and that Ray does not know: the cluster was started anew."""
    return [
        attempt
        for attempt in desired.attempts
        if attempt.job_id not in seen.jobs and attempt.job_id in seen.submitted
    ]


def bundles(desired: DesiredState, seen: Seen) -> tuple[Bundle, ...]:
    """What the desired work takes that has not ended and may run, sorted."""
    lost = {attempt.job_id for attempt in lost_jobs(desired, seen)}
    ended = {job_id for job_id, job in seen.jobs.items() if job.state in ENDED}
    ranks = [
        Bundle(attempt.resources.cpus, attempt.resources.gpus)
        for attempt in desired.attempts
        if attempt.job_id not in lost | ended
        for _ in range(attempt.reserve)
    ]
    services = [
        Bundle(service.cpus)
        for key, service in desired_services(desired).items()
        if key in seen.services or seen.crashes.get(key, Crashes()).may_start(seen.now)
    ]
    return tuple(sorted([*ranks, *services]))


def plan(desired: DesiredState, seen: Seen) -> list[Action]:
    """The steps from `seen` to `desired`, in the order in which they are taken: what ends makes room
    first.
    """
    wanted_jobs = {attempt.job_id: attempt for attempt in desired.attempts}
    wanted = desired_services(desired)
    actions: list[Action] = []
    if seen.pools is not None and list(seen.pools) != list(desired.pools):
        actions.append(SetPools(tuple(desired.pools)))
    if seen.reserved is not None and (wanted_bundles := bundles(desired, seen)) != tuple(seen.reserved):
        actions.append(Reserve(wanted_bundles))
    for node in desired.nodes:
        if node.node_id in seen.nodes - seen.cordoned:
            actions.append(Cordon(node.node_id, node.reason))
    for job_id, job in seen.jobs.items():
        if job_id not in wanted_jobs:
            actions.append(ForgetJob(job_id) if job.state in ENDED else StopJob(job_id))
    for key, service in seen.services.items():
        if service.state in ("failed", "stopped"):
            actions.append(RemoveService(key))
        elif key not in wanted and service.state != "stopping":
            actions.append(StopService(key))
    for job_id, attempt in wanted_jobs.items():
        if job_id not in seen.jobs and job_id not in seen.submitted:
            actions.append(SubmitJob(attempt))
    for key, service in wanted.items():
        if key not in seen.services and seen.crashes.get(key, Crashes()).may_start(seen.now):
            actions.append(StartService(key, service))
    return actions
