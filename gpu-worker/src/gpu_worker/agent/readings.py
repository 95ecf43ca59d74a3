"""What nodes use now, as the columns of the contract."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import psutil

from gpu_worker.agent.gpu import GpuReader, GpuReading
from gpu_worker.agent.pace import Pace
from gpu_worker.agent.usage import Usage
from gpu_worker.contract import Gpus, Readings

EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class NodeReading:
    """One node now; None where nobody knows. Bytes, bytes a second, milliseconds; percent of one core."""

    cpu_percent: float | None = None
    memory_bytes: float | None = None
    disk_bytes: float | None = None
    received_bytes_per_second: float | None = None
    sent_bytes_per_second: float | None = None
    heartbeat_age_ms: float | None = None
    gpus: Mapping[int, GpuReading] | None = None

    def aged(self, milliseconds: float) -> NodeReading:
        """The same, heard so long ago."""
        return replace(self, heartbeat_age_ms=milliseconds)


class Machine:
    """Disk and network of this machine, which its nodes share."""

    def __init__(self) -> None:
        self._network = psutil.net_io_counters()
        self._at = time.monotonic()

    @property
    def disk_total(self) -> int:
        """Bytes of the disk that nodes write to."""
        return psutil.disk_usage("/").total

    def look(self) -> NodeReading:
        """Rates since the look before."""
        now, network = time.monotonic(), psutil.net_io_counters()
        elapsed, before = now - self._at, self._network
        self._at, self._network = now, network
        received = sent = None
        if before is not None and network is not None and elapsed > 0:
            # A counter that starts over is a reading that nobody has.
            received = _rate(network.bytes_recv - before.bytes_recv, elapsed)
            sent = _rate(network.bytes_sent - before.bytes_sent, elapsed)
        return NodeReading(
            disk_bytes=psutil.disk_usage("/").used,
            received_bytes_per_second=received,
            sent_bytes_per_second=sent,
        )


class LocalReadings:
    """Of nodes that are raylets of this machine; of others nothing is known here."""

    def __init__(self, usage: Usage, gpus: GpuReader) -> None:
        self._usage, self._reader = usage, gpus
        self._machine = Machine()
        self._pace = Pace(EVERY_SECONDS)
        self._asked: set[str] = set()
        self._read: dict[str, NodeReading] = {}
        self._read_at = 0.0
        self._gpus: list[GpuReading] = []
        self.disk_total = self._machine.disk_total
        """Bytes of the disk that nodes write to."""

    @property
    def gpu_memory_bytes(self) -> float | None:
        """Of one GPU, as it was read last."""
        return self._gpus[0].memory_total_bytes if self._gpus else None

    def look(self, node_ids: set[str]) -> dict[str, NodeReading]:
        """The nodes that are here, measured as often as their number allows, with the age of what is told."""
        if self._pace.is_due or node_ids != self._asked:
            with self._pace.measured():
                self._measure(node_ids)
        age = round(1000 * (time.monotonic() - self._read_at))
        return {node_id: reading.aged(age) for node_id, reading in self._read.items()}

    def _measure(self, node_ids: set[str]) -> None:
        self._asked, self._read_at = node_ids, time.monotonic()
        self._usage.look(node_ids)
        shared = self._machine.look()
        self._gpus = self._reader.read()
        self._read = {node_id: self._of(node_id, shared) for node_id in node_ids if self._usage.of(node_id)}

    def _of(self, node_id: str, shared: NodeReading) -> NodeReading:
        usage = self._usage.of(node_id)
        assert usage is not None
        own = self._usage.gpus_of(node_id)
        return replace(
            shared,
            cpu_percent=usage.cpu_percent,
            memory_bytes=usage.memory_bytes,
            gpus={place: self._gpus[gpu] for place, gpu in enumerate(own) if gpu < len(self._gpus)},
        )


def columns(readings: Mapping[str, NodeReading]) -> Readings:
    """For the wire. JSON has no NaN: what is no number is not known."""
    nodes = list(readings.values())
    gpus = [
        (node, index, gpu)
        for node, reading in enumerate(nodes)
        for index, gpu in sorted((reading.gpus or {}).items())
    ]
    return Readings(
        node_ids=list(readings),
        cpu_percent=_column([node.cpu_percent for node in nodes]),
        memory_bytes=_column([node.memory_bytes for node in nodes]),
        disk_bytes=_column([node.disk_bytes for node in nodes]),
        received_bytes_per_second=_column([node.received_bytes_per_second for node in nodes]),
        sent_bytes_per_second=_column([node.sent_bytes_per_second for node in nodes]),
        heartbeat_age_ms=_column([node.heartbeat_age_ms for node in nodes]),
        gpus=Gpus(
            node=[node for node, _, _ in gpus],
            index=[index for _, index, _ in gpus],
            percent=_column([gpu.percent for _, _, gpu in gpus]),
            memory_bytes=_column([gpu.memory_bytes for _, _, gpu in gpus]),
            celsius=_column([gpu.celsius for _, _, gpu in gpus]),
            watts=_column([gpu.watts for _, _, gpu in gpus]),
        ),
    )


def _column(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None or not math.isfinite(value) else round(value, 1) for value in values]


def _rate(difference: float, seconds: float) -> float | None:
    return difference / seconds if difference >= 0 else None
