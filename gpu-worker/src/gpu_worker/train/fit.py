"""How many samples a rank computes at a time, so that a step fits into its memory: tried, not estimated."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gpu_worker.contract import TrainHyper
from gpu_worker.jobs.memory import OutOfMemory, in_words, is_out_of_memory, shortage
from gpu_worker.train.group import Group
from gpu_worker.train.reporter import Reporter

REHEARSED = 2
"""Steps that are rehearsed: from the second on the optimizer's moments lie beside what a pass needs."""
LEAST_NORMALISED = 3
"""BatchNorm can't train on a single sample. Shares cut into twos may leave one, cut into threes never."""


class MicroBatch:
    """All ranks compute at most `most` samples at a time. The first steps are rehearsed: forward and backward
    of one micro-batch, whose gradients and statistics are thrown away. Ranks vote on how it went, so that one
    that ran out of memory leaves nobody waiting in the collectives of a step. What goes on from a checkpoint
    knows what fits.
    """

    def __init__(
        self,
        hyper: TrainHyper,
        group: Group,
        module: nn.Module,
        reporter: Reporter,
        limit: int | None,
        proven: int = 0,
    ) -> None:
        """limit: samples, from an attempt that ran out of memory with more; None where there was none.
        proven: samples at a time that earlier attempts made steps with: no more than these need no rehearsal.
        """
        self._hyper, self._group, self._module, self._reporter = hyper, group, module, reporter
        share = math.ceil(hyper.global_batch / group.world)
        usual = math.ceil(share / hyper.accumulate)
        self.limit = limit
        self.most = min(usual, limit or usual)
        normalises = any(isinstance(part, _BatchNorm) for part in module.modules())
        self._least = LEAST_NORMALISED if normalises else 1
        self._left = REHEARSED if self.most > proven else 0
        self._reporter.micro_batch(self.most)
        if self.is_proven and limit is not None:
            self._reporter.log(f"{self.most} samples at a time, as before")

    @property
    def is_proven(self) -> bool:
        """Whether enough steps have been rehearsed."""
        return self._left == 0

    def pieces(self, samples: int) -> int:
        """The micro-batches that so many samples are cut into."""
        return max(self._hyper.accumulate, math.ceil(samples / self.most))

    def rehearse(self, attempt: Callable[[], None]) -> None:
        """Calls `attempt`, which computes one micro-batch, and halves `most` until it passes on all ranks.

        Raises OutOfMemory on a rank where not even one sample passes, or where something smaller does and the
        run is to stop; RuntimeError then on ranks that have the memory.
        """
        kept = [(buffer, buffer.clone()) for buffer in self._module.buffers()]
        before, lacked, lacking = self.most, "", set[int]()
        while True:
            told = self._try(attempt)
            with torch.no_grad():
                for buffer, value in kept:
                    buffer.copy_(value)
            who = self._vote(told is not None)
            if not who:
                break
            lacking |= set(who)
            lacked = lacked or told or ""
            if told is not None:
                self._reporter.warn(f"out of memory with {self.most} samples at a time: {told}")
            if self.most <= self._least:
                raise self._refusal(before, lacked, lacking, f"Not even {self.most} at a time fit.")
            self.most = self.limit = max(self._least, self.most // 2)
            self._left = REHEARSED
            self._reporter.micro_batch(self.most)
        self._left -= 1
        if self.most < before and self._hyper.on_out_of_memory == "stop":
            raise self._refusal(before, lacked, lacking, f"{self._fits()}: launch it again with that many.")
        if self.is_proven:
            say = self._reporter.warn if self.limit is not None else self._reporter.log
            say(f"{self._fits()}; the global batch stays {self._hyper.global_batch}")

    def _try(self, attempt: Callable[[], None]) -> str | None:
        """None when it passed, else what memory lacked. No gradient stays."""
        if self._group.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._group.device)
        told = None
        try:
            attempt()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            told = shortage(error)
        # Here the error is gone, and with it the frames that held activations.
        self._module.zero_grad(set_to_none=True)
        if told is not None and self._group.device.type == "cuda":
            torch.cuda.empty_cache()
        return told

    def _vote(self, failed: bool) -> list[int]:
        """The ranks that ran out of memory."""
        votes = torch.zeros(self._group.world, device=self._group.device)
        votes[self._group.rank] = float(failed)
        return [rank for rank, vote in enumerate(self._group.sum(votes).tolist()) if vote > 0]

    def _fits(self) -> str:
        """'32 samples at a time fit in 3.1 GB on a worker, 4 micro-batches a step'."""
        share = math.ceil(self._hyper.global_batch / self._group.world)
        pieces = self.pieces(share)
        micro = f"{pieces} micro-batch{'es' if pieces > 1 else ''} a step"
        return f"{self.most} samples at a time fit in {in_words(self._peak())} on a worker, {micro}"

    def _peak(self) -> int:
        """Bytes: of the GPU since the rehearsal began; on a CPU the most that this process ever held."""
        if self._group.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._group.device)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def _refusal(self, before: int, lacked: str, lacking: set[int], advice: str) -> Exception:
        ranks = f"Rank {', '.join(map(str, sorted(lacking)))}"
        if self._group.rank not in lacking:
            return RuntimeError(f"{ranks} ran out of memory.")
        return OutOfMemory(
            f"{ranks} ran out of memory with {before} samples at a time: rank {self._group.rank} {lacked}."
            f" {advice}"
        )
