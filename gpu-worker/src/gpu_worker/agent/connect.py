"""Puts an agent together: the console on one side, a Ray cluster on the other."""

from __future__ import annotations

import logging
import signal
import threading

import ray

from gpu_worker.agent.cluster import Cluster
from gpu_worker.agent.console import Console, ConsoleError
from gpu_worker.agent.elsewhere import Elsewhere
from gpu_worker.agent.gpu import Nvml
from gpu_worker.agent.jobs_api import JobsApi
from gpu_worker.agent.loop import Agent
from gpu_worker.agent.nodes import Nodes
from gpu_worker.agent.pools import gpu_model
from gpu_worker.agent.readings import LocalReadings
from gpu_worker.agent.services import NAMESPACE, Services
from gpu_worker.agent.settings import Settings
from gpu_worker.agent.usage import Usage
from gpu_worker.agent.vitals import Vitals

log = logging.getLogger(__name__)


def connect(
    settings: Settings, attach: str | None, token: str, stop: threading.Event, vitals: Vitals
) -> Agent | None:
    """An agent that is connected to both sides; None when `stop` is set before the console answers.

    attach: host:port of a cluster elsewhere; None for the local one.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    context = ray.init(
        address=attach or settings.gcs_address,
        namespace=NAMESPACE,
        log_to_driver=False,
        logging_level=logging.WARNING,
    )
    for number, handler in handlers.items():
        signal.signal(number, handler)  # ray.init takes SIGTERM for itself
    console = Console(settings.url, token)
    cluster_id = wait_for_cluster_id(console, stop)
    if cluster_id is None:
        return None
    dashboard = settings.dashboard_url if attach is None else f"http://{context.dashboard_url}"
    ray_token = settings.ray_token() if attach is None else None
    gcs_address = ray.get_runtime_context().gcs_address
    cluster = Cluster(
        JobsApi(dashboard, ray_token, cluster_id),
        Services(settings.url),
        Nodes(
            gcs_address,
            LocalReadings(Usage(), Nvml()),
            Elsewhere(dashboard, ray_token),
            gpu_model(),
            settings.refusals if attach is None else None,
        ),
        settings.url,
        settings.run_folder / "submitted-jobs.json",
        settings.autoscaler_config if attach is None else None,
        gcs_address,
    )
    return Agent(console, cluster, vitals)


def wait_for_cluster_id(console: Console, stop: threading.Event) -> str | None:
    """The name that the console has for this cluster: the marker of our jobs."""
    wait = 0.2
    while not stop.is_set():
        try:
            desired = console.desired(0, 0)
            if desired is not None:
                return desired.cluster_id
        except ConsoleError as error:
            log.warning("%s", error)
        stop.wait(wait)
        wait = min(2 * wait, 5.0)
    return None
