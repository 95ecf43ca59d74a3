"""What nodes use: each question to a driver may fail by itself, and nothing that is no number is told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

from gpu_worker.agent.elsewhere import reading_of
from gpu_worker.agent.gpu import GpuReading, Nvml
from gpu_worker.agent.readings import NodeReading, columns
from gpu_worker.contract import to_wire


class NVMLError(Exception):
    """As the bindings raise it."""


@dataclass
class Library:
    """Two GPUs; the second is a slice of one, which has no use and no power of its own."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0
    is_there: bool = True

    def nvmlInit(self) -> None:
        if not self.is_there:
            raise NVMLError("no driver")

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(gpu=self._whole(handle, 87))

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(used=5, total=80)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return self._whole(handle, 412_500)

    def _whole(self, handle: int, value: int) -> int:
        if handle == 1:
            raise NVMLError("not supported")
        return value


def test_each_reading_of_a_gpu_may_be_missing_by_itself() -> None:
    assert Nvml(Library()).read() == [
        GpuReading(87, 5, 80, 61, 412.5),
        GpuReading(None, 5, 80, 61, None),
    ]
    assert Nvml(Library(is_there=False)).read() == []


def test_a_node_elsewhere_is_read_as_rays_dashboard_tells_it() -> None:
    gpu = {"index": 3, "utilizationGpu": 12, "memoryUsed": 2, "memoryTotal": 80, "powerMw": 90_500}
    told = {
        "now": 1.0,
        "cpu": 25.0,
        "cpus": [64, 32],
        "mem": [1000, 600, 40.0, 400],
        "disk": {"/": {"total": 100, "used": 30}},
        "networkSpeed": [5.0, 7.0],
        "gpus": [gpu],
    }
    assert reading_of(told) == NodeReading(
        cpu_percent=1600,
        memory_bytes=400,
        disk_bytes=30,
        received_bytes_per_second=7.0,
        sent_bytes_per_second=5.0,
        gpus={3: GpuReading(12, 2 * 2**20, 80 * 2**20, None, 90.5)},
    )


def test_columns_are_as_long_as_nodes_and_gpus_and_hold_numbers_or_nothing() -> None:
    gpu = GpuReading(50, 1, 2, 60, math.nan)
    told = to_wire(
        columns(
            {"a": NodeReading(cpu_percent=math.inf, memory_bytes=7), "b": NodeReading(gpus={1: gpu, 0: gpu})}
        )
    )
    assert told["nodeIds"] == ["a", "b"]
    assert told["cpuPercent"] == [None, None]
    assert told["memoryBytes"] == [7, None]
    assert told["gpus"]["node"] == [1, 1]
    assert told["gpus"]["index"] == [0, 1]
    assert told["gpus"]["percent"] == [50, 50]
    assert told["gpus"]["watts"] == [None, None]
