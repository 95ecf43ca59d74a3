"""Distributed training: `run_rank` is one rank of an attempt. Torch is imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpu_worker.train.rank import run_rank

__all__ = ["run_rank"]


def __getattr__(name: str) -> Any:
    if name == "run_rank":
        from gpu_worker.train.rank import run_rank

        return run_rank
    raise AttributeError(name)
