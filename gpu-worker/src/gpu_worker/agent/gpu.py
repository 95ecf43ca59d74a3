"""What the GPUs of this machine do, as NVIDIA's management library tells it."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GpuReading:
    """One GPU now; None where its driver does not tell. Bytes, °C and watts; percent of the last moments."""

    percent: float | None
    memory_bytes: float | None
    memory_total_bytes: float | None
    celsius: float | None
    watts: float | None


class GpuReader(Protocol):
    """Reads all GPUs of this machine."""

    def read(self) -> list[GpuReading]:
        """In the driver's order; empty without GPUs or driver."""
        ...


class Nvml:
    """Through the bindings that come with Ray. Each question may fail by itself: a GPU in MIG mode has no use
    of its own, a virtual one no power.
    """

    def __init__(self, library: Any = None) -> None:
        """library: a module as pynvml; None takes that of Ray."""
        self._library = library or _ray_bindings()
        self._handles: list[Any] | None = None

    def read(self) -> list[GpuReading]:
        """See `GpuReader`."""
        if self._library is None:
            return []
        if self._handles is None:
            self._handles = self._open()
        return [self._read(handle) for handle in self._handles]

    def _open(self) -> list[Any]:
        nvml = self._library
        try:
            nvml.nvmlInit()
            return [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        except nvml.NVMLError as error:
            log.info("no GPU is read: %s", error)
            return []

    def _read(self, handle: Any) -> GpuReading:
        nvml = self._library
        use = self._ask(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        memory = self._ask(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        celsius = self._ask(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
        milliwatts = self._ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        return GpuReading(
            percent=use,
            memory_bytes=None if memory is None else memory.used,
            memory_total_bytes=None if memory is None else memory.total,
            celsius=celsius,
            watts=None if milliwatts is None else milliwatts / 1000,
        )

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except self._library.NVMLError:
            return None


def _ray_bindings() -> Any:
    """Private in Ray 2.60; None where it is not there."""
    try:
        return importlib.import_module("ray._private.thirdparty.pynvml")
    except ImportError:
        return None
