"""Warm nodes: an idle node keeps one process that has torch loaded already.

Loading it takes longer than anything else between a launch and the first step. A raylet starts such a
process on request (`PrestartWorkers`, which has no public name in Ray 2.60) and hands it to the first actor
that asks for the same runtime environment. Where it can't, a run starts as it does on a cold node.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Iterable

import grpc
import ray
from ray._private.grpc_utils import init_grpc_channel
from ray._private.ray_constants import WORKER_PROCESS_SETUP_HOOK_ENV_VAR
from ray._private.utils import get_runtime_env_info
from ray.core.generated.node_manager_pb2 import PrestartWorkersRequest  # pyright: ignore[reportAttributeAccessIssue]
from ray.core.generated.node_manager_pb2_grpc import NodeManagerServiceStub
from ray.runtime_env import RuntimeEnv

from gpu_worker.contract import ObservedNode

ENVIRONMENT = RuntimeEnv(env_vars={WORKER_PROCESS_SETUP_HOOK_ENV_VAR: f"{__name__}.begin"})
"""Of the actors that take a warm process where there is one."""
IDLE_SECONDS = 1.0
"""A node that comes up for a demand is idle for a moment, too."""
CALL_SECONDS = 5.0

log = logging.getLogger(__name__)
_loading = threading.Thread(target=lambda: importlib.import_module("gpu_worker.train.rank"), daemon=True)


def begin() -> None:
    """Runs in a process before it is given work, and lets it take some at once."""
    _loading.start()


def wait() -> None:
    """Returns when everything is loaded; at once where nothing was begun."""
    if _loading.ident is not None:
        _loading.join()


class WarmNodes:
    """Asks a node for a warm process each time it has become idle. One that is left when other work comes to
    the node is ended by Ray, which keeps as many processes as RAY_num_workers_soft_limit says (local.py).
    """

    def __init__(self) -> None:
        self._idle_since: dict[str, float] = {}
        self._asked: set[str] = set()

    def look(self, nodes: Iterable[ObservedNode]) -> None:
        """Called with the nodes as they are now; waits for nothing."""
        now = time.monotonic()
        idle = {node.node_id for node in nodes if node.state == "idle" and _is_free(node)}
        self._idle_since = {node_id: self._idle_since.get(node_id, now) for node_id in idle}
        self._asked &= idle
        due = {node_id for node_id, since in self._idle_since.items() if now - since >= IDLE_SECONDS}
        due -= self._asked
        self._asked |= due
        for node in ray.nodes() if due else []:
            if node["NodeID"] in due:
                _ask(f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}")


def _is_free(node: ObservedNode) -> bool:
    """Whether nothing on it is reserved either: a rank that starts (again) is not to be raced."""
    return not node.is_head and not node.cordoned and node.cpus_used == 0 and node.gpus_used == 0


def _ask(address: str) -> None:
    request = PrestartWorkersRequest(runtime_env_info=get_runtime_env_info(ENVIRONMENT), num_workers=1)
    channel = init_grpc_channel(address)

    def answered(call: grpc.Future) -> None:
        channel.close()
        if call.exception() is not None:
            log.warning("no warm process at %s: %s", address, call.exception())

    asked = NodeManagerServiceStub(channel).PrestartWorkers.future(request, timeout=CALL_SECONDS)
    asked.add_done_callback(answered)
