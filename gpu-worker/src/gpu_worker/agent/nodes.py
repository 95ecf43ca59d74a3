"""The nodes of the cluster, what they do, and what is waiting for them: Ray's autoscaler in the contract's
words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import ray
from ray._raylet import GcsClient  # pyright: ignore[reportAttributeAccessIssue, reportMissingImports]
from ray.autoscaler.v2.schema import ClusterStatus, NodeInfo, Stats
from ray.autoscaler.v2.utils import ClusterStatusParser
from ray.core.generated.autoscaler_pb2 import (
    GetClusterStatusReply,  # pyright: ignore[reportAttributeAccessIssue]
    NodeState,  # pyright: ignore[reportAttributeAccessIssue]
    NodeStatus,  # pyright: ignore[reportAttributeAccessIssue]
)
from ray.util import placement_group_table

from gpu_worker.agent.elsewhere import Elsewhere
from gpu_worker.agent.launches import failed_elsewhere, failed_items, read_refused, standing
from gpu_worker.agent.readings import LocalReadings, columns
from gpu_worker.contract import (
    Bundle,
    Demand,
    DepartedItem,
    DesiredNode,
    FailedItem,
    Group,
    ObservedCluster,
    ObservedNode,
    PendingItem,
    Readings,
)

HEAD_TYPE = "head"
MOST_DEPARTED = 50
CALL_SECONDS = 10
DEPARTED_SECONDS = 15.0
EXPECTED_DEATH, PREEMPTED_DEATH, IDLE_DEATH = 1, 3, 4
"""How Ray's control store files the end of a node (NodeDeathInfo.Reason)."""


@dataclass(frozen=True)
class Known:
    """A node as it was told last, and all that this was made of."""

    facts: tuple[object, ...]
    seen: ObservedNode


class Nodes:
    """Reads the cluster. `gpu_model`: what the driver calls the GPUs of this machine, if it has any;
    `refusals`: what the local provider was refused, None where the pools are not ours.
    """

    def __init__(
        self,
        gcs_address: str,
        readings: LocalReadings,
        elsewhere: Elsewhere,
        gpu_model: str | None,
        refusals: Path | None,
    ) -> None:
        self._refusals = refusals
        self._gcs = GcsClient(address=gcs_address)
        self._readings = readings
        self._elsewhere = elsewhere
        self._gpu_model = gpu_model
        self._known: dict[bytes, Known] = {}
        self._told: tuple[bytes, ClusterStatus] | None = None
        self._before = {node["NodeID"] for node in ray.nodes() if not node["Alive"]}
        self._gone: list[DepartedItem] = []
        self._gone_at = -DEPARTED_SECONDS

    def look(self, wishes: Mapping[str, DesiredNode]) -> tuple[ObservedCluster, Readings]:
        """The cluster as it is now, and what its nodes use. wishes: for nodes that are taken out of service.
        Raises RuntimeError when Ray's control store does not answer.
        """
        reply = GetClusterStatusReply.FromString(self._gcs.get_cluster_status(timeout_s=CALL_SECONDS))
        states = [
            state for state in reply.cluster_resource_state.node_states if state.status != NodeStatus.DEAD
        ]
        del reply.cluster_resource_state.node_states[:]
        status = self._status(reply)
        ids = {state.node_id.hex() for state in states}
        here = self._readings.look(ids)
        there = self._elsewhere.look() if ids - here.keys() else {}
        readings = {node_id: reading for node_id, reading in there.items() if node_id in ids} | here
        names = _group_names() if status.resource_demands.placement_group_demand else {}
        has_changed = {state.node_id for state in states} != self._known.keys()
        pending, failed = self._launches(status, time.time())
        cluster = ObservedCluster(
            nodes=self._nodes(states, wishes, here.keys()),
            departed=self._departed(has_changed),
            pending=pending,
            failed=failed,
            follows_pools=self._refusals is not None,
            demands=_demands(status, names),
            groups=_groups(status, names),
        )
        return cluster, columns(readings)

    def _status(self, reply: GetClusterStatusReply) -> ClusterStatus:
        """Without its nodes: launches and demands, read anew when they are others than before."""
        reply.cluster_resource_state.ClearField("cluster_resource_state_version")
        reply.autoscaling_state.ClearField("autoscaler_state_version")
        reply.autoscaling_state.ClearField("last_seen_cluster_resource_state_version")
        told = reply.SerializeToString(deterministic=True)
        if self._told is None or self._told[0] != told:
            self._told = (told, _parsed(reply))
        return self._told[1]

    def _launches(self, status: ClusterStatus, now: float) -> tuple[list[PendingItem], list[FailedItem]]:
        """Those on their way, and pools whose launches failed. Who waits for a turn is not on its way."""
        pending = _pending(status)
        if self._refusals is None:
            told = [
                (one.ray_node_type_name, one.count, one.details or "", one.failed_ts_s or 0.0)
                for one in status.failed_launches
            ]
            return pending, failed_elsewhere(told, now)
        refused = standing(read_refused(self._refusals), [item.pool for item in pending], now)
        waiting = {pool for pool, one in refused.items() if now < one.retry_at}
        return [item for item in pending if item.pool not in waiting], failed_items(refused, now)

    def _nodes(
        self, states: Sequence[NodeState], wishes: Mapping[str, DesiredNode], here: Container[str]
    ) -> list[ObservedNode]:
        """Reading a node takes a hundred times as long as seeing that it is as before."""
        known: dict[bytes, Known] = {}
        for state in states:
            state.ClearField("idle_duration_ms")
            state.ClearField("node_state_version")  # of the answer, whatever became of the node
            node_id = state.node_id.hex()
            told = state.SerializeToString(deterministic=True)
            memory = self._readings.gpu_memory_bytes
            facts = (told, wishes.get(node_id), node_id in here, memory)
            before = self._known.get(state.node_id)
            if before is None or before.facts != facts:
                [info] = _nodes_of(state)
                before = Known(facts, self._node(info, wishes, here=node_id in here))
            known[state.node_id] = before
        self._known = known
        return [node.seen for node in known.values()]

    def _node(self, node: NodeInfo, wishes: Mapping[str, DesiredNode], *, here: bool) -> ObservedNode:
        total, used = node.total_resources(), node.used_resources()
        node_id = node.node_id or node.instance_id
        gpus = total.get("GPU", 0)
        state = {"RUNNING": "active", "IDLE": "idle"}.get(node.node_status or "", "draining")
        cordoned = state == "draining"
        if cordoned and node_id in wishes and wishes[node_id].wish == "cordon":
            # Ray knows one way of taking no new work; what runs on this one stays.
            state = "active" if any(used.values()) else "idle"
        return ObservedNode.model_validate(
            {
                "nodeId": node_id,
                "pool": node.ray_node_type_name,
                "address": node.ip_address,
                "isHead": node.ray_node_type_name == HEAD_TYPE,
                "state": state,
                "cordoned": cordoned,
                "cpus": total.get("CPU", 0),
                "cpusUsed": round(used.get("CPU", 0), 4),
                "gpus": gpus,
                "gpusUsed": round(used.get("GPU", 0), 4),
                "gpuModel": self._gpu_model if gpus else None,
                "gpuMemoryBytes": self._readings.gpu_memory_bytes if gpus and here else None,
                "memoryBytes": int(total.get("memory", 0)),
                "diskBytes": self._readings.disk_total if here else None,
                "labels": dict(node.labels or {}),
            }
        )

    def _departed(self, has_changed: bool) -> list[DepartedItem]:
        """Nodes that left since this object was made, the newest last: asked for when others are up than
        before, and now and then for one that came and went between two looks.
        """
        now = time.monotonic()
        if has_changed or now - self._gone_at >= DEPARTED_SECONDS:
            self._gone_at = now
            gone = [node for node in ray.nodes() if not node["Alive"] and node["NodeID"] not in self._before]
            self._gone = [self._departure(node) for node in gone[-MOST_DEPARTED:]]
        return self._gone

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


def _parsed(reply: GetClusterStatusReply) -> ClusterStatus:
    return ClusterStatusParser.from_get_cluster_status_reply(
        reply, stats=Stats(gcs_request_time_s=0, request_ts_s=0)
    )


def _nodes_of(state: NodeState) -> list[NodeInfo]:
    reply = GetClusterStatusReply()
    reply.cluster_resource_state.node_states.append(state)
    status = _parsed(reply)
    return [*status.active_nodes, *status.idle_nodes]


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
    return [
        PendingItem(pool=pool, count=count, message=message)
        for (pool, message), count in _merged([*launches, *nodes]).items()
    ]


def _merged(items: Iterable[tuple[str, int, str]]) -> dict[tuple[str, str], int]:
    merged: dict[tuple[str, str], int] = {}
    for pool, count, message in items:
        merged[pool, message] = merged.get((pool, message), 0) + count
    return merged


def _demands(status: ClusterStatus, names: Mapping[str, str]) -> list[Demand]:
    demands = [
        Demand(shape=bundle.bundle, count=bundle.count, owner=None)
        for demand in status.resource_demands.ray_task_actor_demand
        for bundle in demand.bundles_by_count
    ]
    for group in _groups(status, names):
        demands += [Demand(shape=b.shape, count=b.count, owner=group.owner) for b in group.bundles]
    return demands


def _groups(status: ClusterStatus, names: Mapping[str, str]) -> list[Group]:
    return [
        Group(
            id=demand.pg_id or "",
            owner=names.get(demand.pg_id or "") or None,
            strategy=demand.strategy or "",
            bundles=[Bundle(shape=_shape(b.bundle), count=b.count) for b in demand.bundles_by_count],
        )
        for demand in status.resource_demands.placement_group_demand
    ]


def _shape(bundle: Mapping[str, float]) -> dict[str, float]:
    """Without the names of its own that Ray adds for each group."""
    return {name: amount for name, amount in bundle.items() if not name.startswith("bundle")}


def _group_names() -> dict[str, str]:
    """A placement group carries the id of the attempt that it was made for."""
    return {table["placement_group_id"]: table["name"] for table in placement_group_table().values()}
