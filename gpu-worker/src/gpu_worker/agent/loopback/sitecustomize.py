"""Keeps a local Ray cluster on 127.0.0.1; Ray itself rewrites loopback to the outward address.

On the PYTHONPATH of every process of a local cluster. Does nothing unless RAY_LOOPBACK_ONLY is 1. It also
passes
`--modules-to-load` to the dashboard, which `ray start` has no option for: half the head's memory is modules
that nobody here uses.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from types import ModuleType
from typing import Any

LOOPBACK = "127.0.0.1"
PATCHED = "ray._private.services"


def patch(services: ModuleType) -> None:
    """Makes a freshly imported `ray._private.services` stay on loopback."""
    start = services.start_ray_process
    modules = os.environ.get("RAY_DASH_MODULES")

    def start_ray_process(command: list[str], process_type: str, *args: Any, **options: Any) -> Any:
        if modules and process_type == "dashboard":
            command = [*command, f"--modules-to-load={modules}"]
        return start(command, process_type, *args, **options)

    def resolve_ip_for_localhost(host: str) -> str:
        return LOOPBACK if host in ("localhost", LOOPBACK) else host

    services.__dict__.update(
        start_ray_process=start_ray_process,
        get_node_ip_address=lambda address=None: LOOPBACK,
        resolve_ip_for_localhost=resolve_ip_for_localhost,
    )


class PatchOnImport(importlib.abc.MetaPathFinder):
    """Patches the module when it is imported: importing it here would slow every Python process down."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> Any:
        if fullname != PATCHED:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            patch(module)

        spec.loader.exec_module = exec_module
        return spec


if os.environ.get("RAY_LOOPBACK_ONLY") == "1":
    sys.meta_path.insert(0, PatchOnImport())
