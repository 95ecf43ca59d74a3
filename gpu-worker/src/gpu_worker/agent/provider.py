"""The nodes of a local cluster: real raylets on this machine, started and stopped by Ray's own autoscaler.

This and `local.py` are the only files that use private parts of Ray's autoscaler; tests/agent/engine
runs against them.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import ray._private.node
from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider
from ray.autoscaler.tags import TAG_RAY_USER_NODE_TYPE

from gpu_worker.agent.launches import Turns
from gpu_worker.agent.pools import local_gpus
from gpu_worker.agent.settings import Settings

ATTEMPTS = 3
log = logging.getLogger(__name__)


class QuietNode(ray._private.node.Node):
    """A node without Ray's log monitor, which passes what workers print on to drivers. Ours do not ask for
    it, and it takes a second of a core to start, 2% of one after that, and outlives a start that fails.
    """

    def start_log_monitor(self) -> None:
        """Starts nothing."""


# Where Ray's own class, which has no option for it, looks for what it makes.
ray._private.node.Node = QuietNode


class LocalNodes(FakeMultiNodeProvider):
    """Raylets with node ids that are never used twice, started one after another."""

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config, cluster_name)
        # The head is of this type; Ray's own class knows it by another name.
        self._nodes[self._head_node_id]["tags"]["ray-user-node-type"] = "head"
        # A raylet dies when its helper takes longer than 15 s to start, which several at once make it do.
        self._one_at_a_time = threading.Lock()
        settings = Settings.from_environment()
        self._turns, self._config = Turns(settings.refusals), settings.autoscaler_config
        self._gpus = local_gpus()
        self._gpus_of: dict[str, list[str]] = {}

    def _next_hex_node_id(self) -> str:
        return os.urandom(28).hex()

    def create_node_with_resources_and_labels(
        self, node_config: Any, tags: Any, count: int, resources: dict[str, float], labels: Any
    ) -> None:
        """Starts `count` nodes once it is their pool's turn. Raises whatever keeps one from starting."""
        pool = tags[TAG_RAY_USER_NODE_TYPE]
        self._turns.wait(pool, lambda: self._config.stat().st_mtime_ns)
        try:
            super().create_node_with_resources_and_labels(node_config, tags, count, resources, labels)
        except Exception as error:
            self._turns.refuse(pool, count, str(error))
            raise
        self._turns.grant(pool)

    def _create_node_with_resources_and_labels(
        self, node_config: Any, tags: Any, count: int, resources: dict[str, float], labels: Any
    ) -> None:
        with self._one_at_a_time:
            for attempt in range(1, ATTEMPTS + 1):
                before = set(self._nodes)
                taken = self._take_gpus(int(resources.get("GPU", 0)))
                try:
                    super()._create_node_with_resources_and_labels(
                        node_config, tags, count, resources, labels
                    )
                except Exception:
                    log.exception("a node did not start (attempt %d of %d)", attempt, ATTEMPTS)
                    if attempt == ATTEMPTS:
                        raise
                    continue
                finally:
                    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
                for node_id in set(self._nodes) - before:
                    self._gpus_of[node_id] = taken
                return

    def _take_gpus(self, count: int) -> list[str]:
        """Shows the next raylet its own GPUs only."""
        if count == 0:
            return []
        used = {gpu for node_id, gpus in self._gpus_of.items() if node_id in self._nodes for gpu in gpus}
        free = [gpu for gpu in self._gpus if gpu not in used][:count]
        if len(free) < count:
            raise RuntimeError(f"The node needs {count} GPUs; {len(free)} of {len(self._gpus)} are free.")
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(free)
        return free

    def _terminate_node(self, node: dict[str, Any]) -> None:
        # By now the raylet has drained and left, or died: nothing is left to be graceful about.
        node["node"].kill_all_processes(check_alive=False, allow_graceful=False)
