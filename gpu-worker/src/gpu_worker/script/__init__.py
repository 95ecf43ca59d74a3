"""An engineer's own script: `run_script` is one rank of it. The script runs behind walls, in a process that
knows nothing of the worker's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpu_worker.script.run import ScriptFailed, run_script
    from gpu_worker.script.variables import Seat

__all__ = ["ScriptFailed", "Seat", "run_script"]


def __getattr__(name: str) -> Any:
    # The keeper, which has no libraries, imports its own part of this package.
    if name in ("ScriptFailed", "run_script"):
        from gpu_worker.script import run

        return getattr(run, name)
    if name == "Seat":
        from gpu_worker.script.variables import Seat

        return Seat
    raise AttributeError(name)
