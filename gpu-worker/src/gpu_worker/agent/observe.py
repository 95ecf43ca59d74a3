"""What the agent tells of jobs and services. Pure."""

from __future__ import annotations

from typing import Literal

from gpu_worker.agent.plan import Crashes, Seen, ServiceKey, desired_services, lost_jobs
from gpu_worker.contract import DesiredState, ObservedCluster, ObservedJob, ObservedService


def observe_jobs(desired: DesiredState, seen: Seen) -> list[ObservedJob]:
    """Every job of ours, and those that Ray has lost."""
    known = [
        ObservedJob(
            job_id=job.job_id,
            attempt_id=job.attempt_id,
            state=job.state,
            exit_code=job.exit_code,
            message=job.message,
        )
        for job in seen.jobs.values()
    ]
    lost = [
        ObservedJob(
            job_id=attempt.job_id,
            attempt_id=attempt.attempt_id,
            state="lost",
            exit_code=None,
            message="The cluster was started anew and knows nothing of this job.",
        )
        for attempt in lost_jobs(desired, seen)
    ]
    return sorted([*known, *lost], key=lambda job: job.job_id)


def observe_services(desired: DesiredState, seen: Seen, cluster: ObservedCluster) -> list[ObservedService]:
    """Every service that is desired or still there."""
    wanted = desired_services(desired)
    starting = sum(pending.count for pending in cluster.pending)
    found: list[ObservedService] = []
    for key in sorted(wanted.keys() | seen.services.keys()):
        service = seen.services.get(key)
        if service is None:
            found.append(_absent(key, seen.crashes.get(key, Crashes()), seen.now))
            continue
        if service.died and key in wanted and _goes_on(key, seen.crashes.get(key, Crashes())):
            found.append(_without_actor(key, "starting", _again(service.message)))
            continue
        message = service.message
        if service.state == "starting" and service.node_id is None and key in wanted:
            cpus = f"{wanted[key].cpus:g} {'CPU' if wanted[key].cpus == 1 else 'CPUs'}"
            message = f"Waiting for {cpus}" + (": a node is starting" if starting else "")
        ready = service.state == "ready"
        found.append(
            ObservedService(
                kind=key.kind,
                id=key.id,
                state="stopped" if service.state == "stopping" else service.state,
                address=service.address if ready else None,
                node_id=service.node_id,
                pid=service.pid,
                message=message,
            )
        )
    return found


def _absent(key: ServiceKey, crashes: Crashes, now: float) -> ObservedService:
    if crashes.gave_up:
        message = f"Failed {len(crashes.at)} times within a minute and is left alone. Last: {crashes.message}"
        return _without_actor(key, "failed", message)
    if crashes.recent(now):
        state = "starting" if _goes_on(key, crashes) else "failed"
        return _without_actor(key, state, _again(crashes.message))
    return _without_actor(key, "starting", "")


def _goes_on(key: ServiceKey, crashes: Crashes) -> bool:
    """Whether a service whose process died is the same to its users once it is started again: a session is,
    since its points are kept elsewhere. The place of a replica is filled by the console.
    """
    return key.kind == "session" and not crashes.gave_up


def _again(message: str) -> str:
    return f"Is started again. {message}"


def _without_actor(key: ServiceKey, state: Literal["starting", "failed"], message: str) -> ObservedService:
    return ObservedService(
        kind=key.kind, id=key.id, state=state, address=None, node_id=None, pid=None, message=message
    )
