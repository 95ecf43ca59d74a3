"""What a run waits for, in words."""

from __future__ import annotations

import math

from ray.autoscaler.v2.schema import ClusterStatus
from ray.autoscaler.v2.sdk import get_cluster_status

from gpu_worker.agent.nodes import starting_nodes
from gpu_worker.contract import Resources


def describe_wait(gcs_address: str, resources: Resources) -> str:
    """Why workers are not placed yet: nodes that start, or resources that are taken."""
    return describe(get_cluster_status(gcs_address), resources)


def describe(status: ClusterStatus, resources: Resources) -> str:
    """The same, of a status at hand."""
    wanted = f"{_amount(resources.workers * resources.cpus, 'CPU')}"
    if resources.gpus > 0:
        wanted += f" and {_amount(resources.workers * resources.gpus, 'GPU')}"
    starting = len(starting_nodes(status)) + sum(launch.count for launch in status.pending_launches)
    if starting:
        return f"Waiting for {wanted}: {starting} {'node is' if starting == 1 else 'nodes are'} starting"
    nodes = [*status.active_nodes, *status.idle_nodes]
    free = sum(node.available_resources().get("CPU", 0) for node in nodes)
    total = sum(node.total_resources().get("CPU", 0) for node in nodes)
    if free >= resources.workers * resources.cpus:
        return "Starting the workers"
    return f"Waiting for {wanted}: {_number(free)} of {_number(total)} CPUs are free"


def _amount(amount: float, unit: str) -> str:
    return f"{_number(amount)} {unit}{'' if math.isclose(amount, 1) else 's'}"


def _number(amount: float) -> str:
    return f"{amount:g}"
