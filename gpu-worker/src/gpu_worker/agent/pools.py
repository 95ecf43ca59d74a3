"""From the pools that the console desires to the file that Ray's autoscaler reads.

Autoscaler v2 reads its file anew before each decision, so writing it is all that a change of pools takes.
"""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpu_worker.contract import DesiredPool

HEAD_TYPE = "head"
OBJECT_STORE_BYTES = 80_000_000
"""Of each local node. What is passed through it is small; a node must not reserve a third of the machine."""

log = logging.getLogger(__name__)


def local_gpus() -> list[str]:
    """The GPUs that this machine's driver reports, by index; empty without a driver."""
    return _ask_driver("index")


def gpu_model() -> str | None:
    """What the driver calls the first GPU of this machine; None without one."""
    return next(iter(_ask_driver("name")), None)


def _ask_driver(field: str) -> list[str]:
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return asked.stdout.strip().splitlines()


def autoscaler_config(
    pools: Sequence[DesiredPool], gcs_address: str, head_id: str, gpus: int
) -> dict[str, Any]:
    """The whole configuration of a local cluster. A pool whose nodes would need more GPUs than the driver
    reports can start none: no node may advertise a GPU that does not exist.
    """
    types: dict[str, Any] = {
        HEAD_TYPE: {"resources": {"CPU": 0}, "node_config": {}, "min_workers": 0, "max_workers": 0}
    }
    for pool in pools:
        per_node = pool.resources.get("GPU", 0)
        most = pool.max if per_node == 0 else min(pool.max, int(gpus // per_node))
        if most < pool.max:
            log.warning("pool %s: %d of %d nodes have the GPUs they need", pool.name, most, pool.max)
        types[pool.name] = {
            "resources": {**pool.resources, "object_store_memory": OBJECT_STORE_BYTES},
            "node_config": {},
            "min_workers": min(pool.min, most),
            "max_workers": most,
            "idle_timeout_s": pool.idle_seconds,
        }
    return {
        "cluster_name": "lathe",
        "max_workers": sum(kind["max_workers"] for kind in types.values()),
        "idle_timeout_minutes": 1,
        "upscaling_speed": 10,
        "provider": {
            "type": "external",
            "module": "gpu_worker.agent.provider.LocalNodes",
            "launch_multiple": True,
            "head_node_id": head_id,
            "gcs_address": gcs_address,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": types,
        "head_node_type": HEAD_TYPE,
        "file_mounts": {},
        "auth": {},
        "cluster_synced_files": [],
        "docker": {},
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "initialization_commands": [],
        "head_start_ray_commands": [],
        "worker_start_ray_commands": [],
    }


def write_config(path: Path, config: dict[str, Any]) -> None:
    """Replaces the autoscaler's file at once: it may be read at any moment."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(config, indent=1))  # JSON is YAML
    partial.replace(path)


def rewrite_pools(path: Path, pools: Sequence[DesiredPool]) -> None:
    """Gives a running local cluster other pools. Raises FileNotFoundError when none was started here."""
    provider = json.loads(path.read_text())["provider"]
    write_config(
        path, autoscaler_config(pools, provider["gcs_address"], provider["head_node_id"], len(local_gpus()))
    )
