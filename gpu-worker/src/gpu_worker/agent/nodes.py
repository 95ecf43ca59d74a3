"""The nodes of the cluster, what they do, and what is waiting for them: Ray's autoscaler in the contract's
words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import ray
from ray.autoscaler.v2.schema import ClusterStatus, NodeInfo
from ray.autoscaler.v2.sdk import get_cluster_status
from ray.util import placement_group_table

from gpu_worker.agent.usage import Usage
from gpu_worker.contract import Demand, DepartedItem, ObservedCluster, ObservedNode, PendingItem

HEAD_TYPE = "head"
MOST_DEPARTED = 50
EXPECTED_DEATH, PREEMPTED_DEATH, IDLE_DEATH = 1, 3, 4
"""How Ray's control store files the end of a node (NodeDeathInfo.Reason)."""


class Nodes:
    """Reads the cluster. `gpu_model`: what the driver calls the GPUs of this machine, if it has any."""

    def __init__(self, gcs_address: str, usage: Usage, gpu_model: str | None) -> None:
        self._gcs_address = gcs_address
        self._usage = usage
        self._gpu_model = gpu_model
        self._pools: dict[str, str] = {}
        self._before = {node["NodeID"] for node in ray.nodes() if not node["Alive"]}

    def look(self) -> ObservedCluster:
        """The cluster as it is now. Raises RuntimeError when Ray's control store does not answer."""
        status = get_cluster_status(self._gcs_address)
        alive = [*status.active_nodes, *status.idle_nodes]
        self._usage.look({node.node_id for node in alive if node.node_id})
        return ObservedCluster(
            nodes=[self._node(node) for node in alive],
            departed=self._departed(),
            pending=_pending(status),
            demands=_demands(status),
        )

    def _node(self, node: NodeInfo) -> ObservedNode:
        total, used = node.total_resources(), node.used_resources()
        node_id = node.node_id or node.instance_id
        self._pools[node_id] = node.ray_node_type_name
        usage = self._usage.of(node_id)
        gpus = total.get("GPU", 0)
        state = {"RUNNING": "active", "IDLE": "idle"}.get(node.node_status or "", "draining")
        return ObservedNode.model_validate(
            {
                "nodeId": node_id,
                "pool": node.ray_node_type_name,
                "address": node.ip_address,
                "isHead": node.ray_node_type_name == HEAD_TYPE,
                "state": state,
                "cpus": total.get("CPU", 0),
                "cpusUsed": round(used.get("CPU", 0), 4),
                "gpus": gpus,
                "gpusUsed": round(used.get("GPU", 0), 4),
                "gpuModel": self._gpu_model if gpus else None,
                "memoryBytes": int(total.get("memory", 0)),
                "memoryUsedBytes": usage.memory_bytes if usage else int(used.get("memory", 0)),
                "cpuPercent": usage.cpu_percent if usage else None,
            }
        )

    def _departed(self) -> list[DepartedItem]:
        """Nodes that left since this object was made, the newest last."""
        gone = [node for node in ray.nodes() if not node["Alive"] and node["NodeID"] not in self._before]
        return [self._departure(node) for node in gone[-MOST_DEPARTED:]]

    def _departure(self, node: Mapping[str, Any]) -> DepartedItem:
        told = str(node.get("DeathReasonMessage") or "")
        reason: Literal["idle", "drained", "lost"]
        if node.get("DeathReason") == IDLE_DEATH:
            reason, message = "idle", idle_message(told)
        elif node.get("DeathReason") in (PREEMPTED_DEATH, EXPECTED_DEATH):
            reason, message = "drained", told or "Drained"
        else:
            reason, message = "lost", told or "The node stopped answering"
        return DepartedItem(node_id=node["NodeID"], reason=reason, message=message)


def idle_message(told: str) -> str:
    """How long a node had been idle, from Ray's sentence about it."""
    found = re.search(r"idle for ([\d.]+) sec", told)
    return f"Idle for {float(found.group(1)):.0f} s" if found else "Idle"


def starting_nodes(status: ClusterStatus) -> list[NodeInfo]:
    """Nodes on their way. The head is there, though the autoscaler takes a moment to see it."""
    return [node for node in status.pending_nodes if node.ray_node_type_name != HEAD_TYPE]


def _pending(status: ClusterStatus) -> list[PendingItem]:
    launches = [
        (launch.ray_node_type_name, launch.count, launch.details or "Starting")
        for launch in status.pending_launches
    ]
    nodes = [(node.ray_node_type_name, 1, node.details or "Starting") for node in starting_nodes(status)]
    failed = [
        (launch.ray_node_type_name, launch.count, f"Could not start: {launch.details or 'no reason given'}")
        for launch in status.failed_launches
    ]
    merged: dict[tuple[str, str], int] = {}
    for pool, count, message in [*launches, *nodes, *failed]:
        merged[pool, message] = merged.get((pool, message), 0) + count
    return [PendingItem(pool=pool, count=count, message=message) for (pool, message), count in merged.items()]


def _demands(status: ClusterStatus) -> list[Demand]:
    demands = [
        Demand(shape=bundle.bundle, count=bundle.count, owner=None)
        for demand in status.resource_demands.ray_task_actor_demand
        for bundle in demand.bundles_by_count
    ]
    groups = status.resource_demands.placement_group_demand
    # A placement group carries the id of the attempt that it was made for.
    names = {table["placement_group_id"]: table["name"] for table in _group_tables()} if groups else {}
    for demand in groups:
        for bundle in demand.bundles_by_count:
            shape = {name: amount for name, amount in bundle.bundle.items() if not name.startswith("bundle")}
            owner = names.get(demand.pg_id or "") or None
            demands.append(Demand(shape=shape, count=bundle.count, owner=owner))
    return demands


def _group_tables() -> list[dict[str, Any]]:
    return list(placement_group_table().values())
