"""Nodes that a cluster's control store knows and nobody runs: what it takes to look at many, on one machine.

Each is registered as a raylet registers itself, and answers the control store when it asks whether the node
lives; it takes no work. Prints a line once all are registered, and goes on until it is ended.
"""

from __future__ import annotations

import argparse
import os
import signal
from concurrent.futures import ThreadPoolExecutor

from gpu_worker.agent.local import ray_environment
from gpu_worker.agent.settings import Settings

SETTINGS = Settings.from_environment()
os.environ.update(ray_environment(SETTINGS))

import grpc  # noqa: E402
from ray._private.grpc_utils import init_grpc_channel  # noqa: E402
from ray.core.generated.gcs_pb2 import GcsNodeInfo  # noqa: E402  # pyright: ignore[reportAttributeAccessIssue]
from ray.core.generated.gcs_service_pb2 import RegisterNodeRequest  # noqa: E402  # pyright: ignore[reportAttributeAccessIssue]
from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub  # noqa: E402

ADDRESS = "127.0.0.1"
SERVING = b"\x08\x01"
"""A `grpc.health.v1.HealthCheckResponse`."""


class Answers(grpc.GenericRpcHandler):
    """Says that the node lives, and to anything else an empty answer."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """How a call is answered."""
        is_health = handler_call_details.method == "/grpc.health.v1.Health/Check"
        answer = SERVING if is_health else b""
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)


def main() -> None:
    """Registers as many nodes as are asked for."""
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--pool", required=True)
    asked = options.parse_args()
    server = grpc.server(ThreadPoolExecutor(4), handlers=[Answers()])
    port = server.add_insecure_port(f"{ADDRESS}:0")
    server.start()
    control = NodeInfoGcsServiceStub(init_grpc_channel(SETTINGS.gcs_address))
    for number in range(asked.count):
        control.RegisterNode(RegisterNodeRequest(node_info=node(number, port, asked.pool)), timeout=10)
    print(f"{asked.count} nodes are registered", flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])


def node(number: int, port: int, pool: str) -> GcsNodeInfo:
    """One of eight GPUs."""
    return GcsNodeInfo(
        node_id=os.urandom(28),
        node_manager_address=ADDRESS,
        node_manager_port=port,
        node_manager_hostname=f"registered-{number}",
        node_name=f"registered-{number}",
        instance_id=f"registered-{number}",
        node_type_name=pool,
        resources_total={"CPU": 64, "GPU": 8, "memory": 512 * 2**30, "object_store_memory": 64 * 2**30},
        labels={"ray.io/node-type": pool},
    )


if __name__ == "__main__":
    main()
