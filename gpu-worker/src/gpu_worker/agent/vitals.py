"""How an agent fares: what its operators count, and whether it is ready."""

from __future__ import annotations

import math
import time
from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
)

from gpu_worker.contract import ObservedJob, ObservedService

SILENT_SECONDS = 3.0
"""Ray answers several times a second."""

UNTOLD_SECONDS = 15.0
"""Three heartbeats that did not arrive."""

disable_created_metrics()  # when a series began is of no use to anybody


class Vitals:
    """Counts from any thread. `registry` holds them for Prometheus, with the process's CPU and memory."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._ray_at = self._told_at = -math.inf
        for name, what, seconds in (
            ("lathe_agent_ray_silent_seconds", "Since Ray answered the agent.", self.ray_silent),
            ("lathe_agent_untold_seconds", "Since the console took what the agent told.", self.untold),
        ):
            Gauge(name, what, registry=self.registry).set_function(seconds)
        self._tells = Counter(
            "lathe_agent_tells", "Tells to the console.", ["outcome"], registry=self.registry
        )
        self._actions = Counter(
            "lathe_agent_actions", "Planned actions.", ["action", "outcome"], registry=self.registry
        )
        self._jobs = Gauge(
            "lathe_agent_jobs", "Jobs of attempts, by state.", ["state"], registry=self.registry
        )
        self._services = Gauge(
            "lathe_agent_services", "Services, by kind and state.", ["kind", "state"], registry=self.registry
        )
        for outcome in ("sent", "failed"):
            self._tells.labels(outcome)

    def ray_answered(self) -> None:
        self._ray_at = time.monotonic()

    def ray_silent(self) -> float:
        """Seconds since Ray answered; infinite before it did."""
        return time.monotonic() - self._ray_at

    def told(self) -> None:
        self._told_at = time.monotonic()
        self._tells.labels("sent").inc()

    def not_told(self) -> None:
        self._tells.labels("failed").inc()

    def untold(self) -> float:
        """Seconds since the console took what was told; infinite before it did."""
        return time.monotonic() - self._told_at

    def acted(self, action: object, *, taken: bool) -> None:
        """An action of the plan was taken, or will be planned again."""
        self._actions.labels(type(action).__name__, "taken" if taken else "failed").inc()

    def seen(self, jobs: Sequence[ObservedJob], services: Sequence[ObservedService]) -> None:
        """What there is now, in place of what there was."""
        for gauge, tally in (
            (self._jobs, Tally((str(job.state),) for job in jobs)),
            (self._services, Tally((str(service.kind), str(service.state)) for service in services)),
        ):
            gauge.clear()
            for labels, count in tally.items():
                gauge.labels(*labels).set(count)

    def not_ready(self) -> list[dict[str, str]]:
        """What is missing and why; nothing when all is well."""
        silent, untold = self.ray_silent(), self.untold()
        missing = []
        if silent >= SILENT_SECONDS:
            missing.append({"name": "ray", "why": since("Ray has not answered", silent)})
        if untold >= UNTOLD_SECONDS:
            missing.append({"name": "console", "why": since("the console has taken nothing", untold)})
        return missing


def since(what: str, seconds: float) -> str:
    """What has not happened, and for how long."""
    return f"{what} yet" if math.isinf(seconds) else f"{what} for {seconds:.0f} s"
