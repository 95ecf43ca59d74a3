"""What nodes on other machines use, as Ray's own reporter on each tells the dashboard."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from gpu_worker.agent.gpu import GpuReading
from gpu_worker.agent.line import Line, LineError
from gpu_worker.agent.pace import Pace
from gpu_worker.agent.readings import NodeReading

EVERY_SECONDS = 5.0
"""The reporters speak every 2.5 s, and the answer tells of each worker process as well."""
CALL_SECONDS = 2.0
MIB = 2**20

log = logging.getLogger(__name__)


class Elsewhere:
    """Asks the dashboard now and then, and says how old what it answers is."""

    def __init__(self, dashboard_url: str, ray_token: str | None) -> None:
        self._line = Line(dashboard_url, ray_token)
        self._pace = Pace(EVERY_SECONDS)
        self._readings: dict[str, NodeReading] = {}
        self._heard: dict[str, tuple[float, float]] = {}

    def look(self) -> dict[str, NodeReading]:
        """The newest of each node, by its id; what was told before where the dashboard does not answer."""
        now = time.monotonic()
        if self._pace.is_due:
            with self._pace.measured():
                self._ask(now)
        return {
            node_id: reading.aged(round(1000 * (now - self._heard[node_id][1])))
            for node_id, reading in self._readings.items()
        }

    def _ask(self, now: float) -> None:
        try:
            answer = self._line.call("GET", "/nodes", {"view": "summary"}, seconds=CALL_SECONDS)
            if not answer.is_success:
                raise LineError(f"HTTP {answer.status}: {answer.words[:200]}")
            self._take(json.loads(answer.body)["data"]["summary"], now)
        except (LineError, ValueError, KeyError, TypeError) as error:
            log.warning("the dashboard does not tell what nodes use: %r", error)

    def _take(self, summary: list[dict[str, Any]], now: float) -> None:
        told = {node["raylet"]["nodeId"]: node for node in summary if "cpu" in node and "raylet" in node}
        for node_id, node in told.items():
            # Its clock may be wrong: what is new is known by being another time than before.
            before = self._heard.get(node_id)
            if before is None or before[0] != node["now"]:
                self._heard[node_id] = (node["now"], now)
        self._readings = {node_id: reading_of(node) for node_id, node in told.items()}
        self._heard = {node_id: heard for node_id, heard in self._heard.items() if node_id in told}


def reading_of(node: Mapping[str, Any]) -> NodeReading:
    """One node of the dashboard's summary. Its percent are of all cores, its GPUs' memory in MiB."""
    sent, received = node.get("networkSpeed") or (None, None)
    disk = (node.get("disk") or {}).get("/") or {}
    return NodeReading(
        cpu_percent=node["cpu"] * (node.get("cpus") or [1])[0],
        memory_bytes=(node.get("mem") or [None] * 4)[3],
        disk_bytes=disk.get("used"),
        received_bytes_per_second=received,
        sent_bytes_per_second=sent,
        gpus={gpu["index"]: _gpu(gpu) for gpu in node.get("gpus") or []},
    )


def _gpu(gpu: Mapping[str, Any]) -> GpuReading:
    milliwatts = gpu.get("powerMw")
    return GpuReading(
        percent=gpu.get("utilizationGpu"),
        memory_bytes=gpu["memoryUsed"] * MIB,
        memory_total_bytes=gpu["memoryTotal"] * MIB,
        celsius=gpu.get("temperatureC"),
        watts=None if milliwatts is None else milliwatts / 1000,
    )
