"""What is read anew of the control store's answer: only nodes of which it says something else than before."""

from __future__ import annotations

import pytest
from ray.core.generated.autoscaler_pb2 import (
    GetClusterStatusReply,  # pyright: ignore[reportAttributeAccessIssue]
    NodeStatus,  # pyright: ignore[reportAttributeAccessIssue]
)

from gpu_worker.agent import nodes
from gpu_worker.agent.elsewhere import Elsewhere
from gpu_worker.agent.gpu import GpuReading
from gpu_worker.agent.nodes import Nodes
from gpu_worker.agent.readings import LocalReadings
from gpu_worker.agent.usage import Usage

NOBODY = "http://127.0.0.1:9"


class NoGpus:
    def read(self) -> list[GpuReading]:
        return []


class ControlStore:
    """Three nodes; each answer has a version of its own, which Ray writes into every node of it."""

    def __init__(self) -> None:
        self.version = 0
        self.free = [4.0, 4.0, 4.0]

    def get_cluster_status(self, timeout_s: float) -> bytes:
        self.version += 1
        reply = GetClusterStatusReply()
        for number, cpus in enumerate(self.free):
            node = reply.cluster_resource_state.node_states.add(
                node_id=bytes([number + 1]) * 28,
                ray_node_type_name="cpu",
                node_state_version=self.version,
                idle_duration_ms=1000 * self.version,
                status=NodeStatus.IDLE if cpus == 4 else NodeStatus.RUNNING,
            )
            node.total_resources["CPU"] = 4.0
            node.available_resources["CPU"] = cpus
        return reply.SerializeToString()


def test_a_node_is_read_again_when_something_became_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ControlStore()
    monkeypatch.setattr(nodes, "GcsClient", lambda address: store)
    monkeypatch.setattr(nodes.ray, "nodes", list)
    looks = Nodes("", LocalReadings(Usage(), NoGpus()), Elsewhere(NOBODY, None), None, None)
    first, _ = looks.look({})
    same, _ = looks.look({})
    assert all(a is b for a, b in zip(first.nodes, same.nodes, strict=True))
    store.free[1] = 1.0
    other, _ = looks.look({})
    assert [a is b for a, b in zip(first.nodes, other.nodes, strict=True)] == [True, False, True]
    assert [(node.state, node.cpus_used) for node in other.nodes] == [("idle", 0), ("active", 3), ("idle", 0)]
