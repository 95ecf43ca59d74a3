"""Ray, as the agent sees it: one object that looks and acts."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from ray.autoscaler.sdk import request_resources

from gpu_worker.agent.drain import drain
from gpu_worker.agent.jobs_api import JobsApi
from gpu_worker.agent.nodes import Nodes
from gpu_worker.agent.plan import (
    ENDED,
    Action,
    Bundle,
    Cordon,
    Crashes,
    ForgetJob,
    RemoveService,
    Reserve,
    Seen,
    SeenJob,
    SeenService,
    ServiceKey,
    SetPools,
    StartService,
    StopJob,
    StopService,
    SubmitJob,
)
from gpu_worker.agent.pools import rewrite_pools
from gpu_worker.agent.services import Services
from gpu_worker.agent.warm import WarmNodes
from gpu_worker.contract import DesiredNode, DesiredPool, ObservedCluster, Readings

JOBS_SECONDS, QUIET_SECONDS = 0.5, 5.0
"""Listing jobs costs Ray's dashboard ten milliseconds; where none is under way, only we can begin one."""

log = logging.getLogger(__name__)


class Cluster:
    """Looks at jobs, services and nodes, and takes one action at a time.

    autoscaler_config: the file of a local cluster; None elsewhere, where pools are not ours to change.
    """

    def __init__(
        self,
        jobs: JobsApi,
        services: Services,
        nodes: Nodes,
        door_url: str,
        journal: Path,
        autoscaler_config: Path | None,
        gcs_address: str,
    ) -> None:
        self._gcs_address = gcs_address
        self._alive: frozenset[str] = frozenset()
        self._cordoned: frozenset[str] = frozenset()
        self._jobs = jobs
        self._services = services
        self._nodes = nodes
        self._warm = WarmNodes()
        self._door_url = door_url
        self._journal = journal
        self._submitted = _read_journal(journal)
        self._autoscaler_config = autoscaler_config
        self._pools: list[DesiredPool] = []
        self._crashes: dict[ServiceKey, Crashes] = {}
        self._seen_jobs: dict[str, SeenJob] = {}
        self._jobs_at = -QUIET_SECONDS
        services.adopt()
        self._reserved: tuple[Bundle, ...] = ()
        if autoscaler_config:
            self._reserve(())  # an earlier agent may have told it something else

    def look(self) -> Seen:
        """Jobs under way as they were half a second ago at most, services as they are. Raises JobsError when
        Ray does not answer.
        """
        wait = QUIET_SECONDS if self._has_ended else JOBS_SECONDS
        if time.monotonic() - self._jobs_at >= wait:
            self._seen_jobs = self._jobs.list()
            self._jobs_at = time.monotonic()
        return Seen(
            jobs=self._seen_jobs,
            services=self._services.look(),
            pools=self._pools if self._autoscaler_config else None,
            reserved=self._reserved if self._autoscaler_config else None,
            submitted=frozenset(self._submitted),
            crashes=dict(self._crashes),
            now=time.monotonic(),
            nodes=self._alive,
            cordoned=self._cordoned,
        )

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on its way: jobs have ended, services answer or have failed."""
        return self._has_ended and self._services.are_settled

    @property
    def _has_ended(self) -> bool:
        return all(job.state in ENDED for job in self._seen_jobs.values())

    def look_at_nodes(self, wishes: Sequence[DesiredNode]) -> tuple[ObservedCluster, Readings]:
        """The nodes, what waits for them and what they use; those that are idle are kept warm. Raises
        RuntimeError when Ray's control store does not answer.
        """
        found, readings = self._nodes.look({wish.node_id: wish for wish in wishes})
        self._alive = frozenset(node.node_id for node in found.nodes)
        self._cordoned = frozenset(node.node_id for node in found.nodes if node.cordoned)
        self._warm.look(found.nodes)
        return found, readings

    def crashes(self, key: ServiceKey) -> Crashes:
        """What is known of a service's failures."""
        return self._crashes.get(key, Crashes())

    def forget(self, jobs: set[str], services: set[ServiceKey]) -> None:
        """Drops what is remembered of jobs and services other than these, which are still desired."""
        self._crashes = {key: crashes for key, crashes in self._crashes.items() if key in services}
        if self._submitted - jobs:
            self._submitted &= jobs
            self._write_journal()

    def apply(self, action: Action, seen: Seen) -> None:
        """Takes one action. Raises JobsError, DrainError or RayError when it could not be taken; it is then
        planned again.
        """
        if isinstance(action, SubmitJob | StopJob | ForgetJob):
            self._jobs_at = -QUIET_SECONDS  # look again before the next decision
        match action:
            case SubmitJob(attempt):
                self._jobs.submit(attempt, self._door_url)
                self._submitted.add(attempt.job_id)
                self._write_journal()
                log.info("job %s submitted", attempt.job_id)
            case StopJob(job_id):
                self._jobs.stop(job_id)
            case ForgetJob(job_id):
                self._jobs.delete(job_id)
            case StartService(key, desired):
                self._services.start(key, desired)
                log.info("%s %s started", key.kind, key.id)
            case StopService(key):
                self._services.stop(key)
                log.info("%s %s stopping", key.kind, key.id)
            case RemoveService(key):
                self._note_failure(seen.services[key])
                self._services.remove(key)
            case SetPools(pools):
                self._set_pools(list(pools))
            case Reserve(bundles):
                self._reserve(bundles)
            case Cordon(node_id, reason):
                drain(self._gcs_address, node_id, reason)
                self._cordoned |= {node_id}
                log.info("node %s takes no new work: %s", node_id[:8], reason)

    def _note_failure(self, service: SeenService) -> None:
        if service.state == "failed":
            crashes = self.crashes(service.key).add(time.monotonic(), service.message)
            self._crashes[service.key] = crashes
            log.error("%s %s failed: %s", service.key.kind, service.key.id, service.message)

    def _set_pools(self, pools: list[DesiredPool]) -> None:
        assert self._autoscaler_config is not None
        rewrite_pools(self._autoscaler_config, pools)
        self._pools = pools
        log.info("pools: %s", ", ".join(f"{pool.name} {pool.min} to {pool.max}" for pool in pools) or "none")

    def _reserve(self, bundles: tuple[Bundle, ...]) -> None:
        request_resources(
            bundles=[
                {"CPU": bundle.cpus} | ({"GPU": bundle.gpus} if bundle.gpus else {}) for bundle in bundles
            ]
        )
        self._reserved = bundles

    def _write_journal(self) -> None:
        partial = self._journal.with_suffix(".partial")
        partial.write_text(json.dumps(sorted(self._submitted)))
        partial.replace(self._journal)


def _read_journal(path: Path) -> set[str]:
    """Jobs handed to Ray by earlier agents of this home: what Ray has lost of them must not begin again."""
    try:
        return set(json.loads(path.read_text()))
    except FileNotFoundError:
        return set()
