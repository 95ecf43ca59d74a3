"""Takes a node out of service by Ray's own drain, whose only caller is Ray's hidden `drain-node` command."""

from __future__ import annotations

from ray._raylet import GcsClient  # pyright: ignore[reportAttributeAccessIssue, reportMissingImports]
from ray.exceptions import RayError

PREEMPTION = 2
"""DrainNodeReason: always accepted, unlike a drain for idleness. What runs on the node is not ended."""
NO_DEADLINE = 0


class DrainError(Exception):
    """Ray did not take a node out of service."""


def drain(gcs_address: str, node_id: str, reason: str) -> None:
    """The node takes no new work from now on, and leaves once nothing runs on it. May be repeated. Raises
    DrainError.
    """
    try:
        accepted, message = GcsClient(address=gcs_address).drain_node(
            node_id, PREEMPTION, reason, NO_DEADLINE
        )
    except (RayError, RuntimeError, ValueError) as error:
        raise DrainError(f"node {node_id[:8]} could not be drained: {error}") from error
    if not accepted:
        raise DrainError(f"Ray does not drain node {node_id[:8]}: {message}")
