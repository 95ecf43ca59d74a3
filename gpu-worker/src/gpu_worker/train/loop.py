"""The steps of a rank to the end of a run, and what happens between them: evaluations, checkpoints, and what
follows a divergence.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

import torch
from torch import nn

from gpu_worker.contract import TrainHyper
from gpu_worker.jobs.ports import Door
from gpu_worker.learn.optimize import learning_rate
from gpu_worker.train.checkpoint import CheckpointWriter, Position, Snapshot, put_back, snapshot
from gpu_worker.train.divergence import LossWatch
from gpu_worker.train.evaluation import SubsetEvaluation
from gpu_worker.train.group import Group, Pulse
from gpu_worker.train.reporter import Reporter
from gpu_worker.train.step import Stepper


@dataclass(frozen=True)
class Told:
    """What a step leaves to be read once all ranks have told it: `own` is this rank's mean loss."""

    step: int
    pulse: Pulse
    own: float
    grad_norm: float


class TrainingLoop:
    """All ranks call the same collectives in the same order, and decide alike on what these answer.

    With `on_divergence` at 'lower_rate' a checkpoint is good, and only then stored, once the loss of a step
    after it was sound. A divergence brings its weights and optimizer back while steps and samples go on: the
    batches in between are not shown again (as in arXiv:2204.02311, section 5.1).
    """

    def __init__(
        self,
        hyper: TrainHyper,
        group: Group,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        stepper: Stepper,
        evaluation: SubsetEvaluation,
        position: Position,
        door: Door,
        reporter: Reporter,
        stop: threading.Event,
    ) -> None:
        self.hyper, self.group, self.module, self.optimizer = hyper, group, module, optimizer
        self.stepper, self.evaluation, self.position = stepper, evaluation, position
        self.door, self.reporter, self.stop = door, reporter, stop
        self.last = min(position.total_steps, hyper.stop_at_step or position.total_steps)
        """The step that this run ends with."""
        self.watch = LossWatch(position.losses)
        self.recovers = hyper.on_divergence == "lower_rate"
        self.good = snapshot(module, optimizer, position, {}) if self.recovers else None
        self.candidate: Snapshot | None = None
        """A checkpoint that no later loss speaks for yet."""
        self.restored_at = position.step
        """Losses up to this step are those of weights that are gone."""
        self.writer: CheckpointWriter | None = None

    def run(self) -> bool:
        """Steps to the last one; False when all ranks agreed to stop before it. Raises ValueError, on all
        ranks alike, when training diverged for good.
        """
        self.writer = CheckpointWriter(self.door, self._stored) if self.group.rank == 0 else None
        told: Told | None = None
        stopping = False
        resumed, earlier = time.monotonic(), self.position.seconds
        try:
            for step in range(self.position.step + 1, self.last + 1):
                self.stepper.settle(step - 1)
                began = time.perf_counter()
                lr = self._rate(step)
                loss, samples, grad_norm = self.stepper.step(step - 1, lr)
                taken = time.perf_counter() - began
                computed = self.stepper.clock.seconds() if self.group.world > 1 else taken
                self.reporter.step(step, taken, computed, lr, grad_norm, self.hyper.global_batch)
                seconds = earlier + time.monotonic() - resumed
                micro = self.stepper.micro
                self.position = replace(
                    self.position, step=step, seconds=seconds, micro_batch=micro.limit, proven=micro.most
                )
                # The sum over ranks is read a step later: agreeing to stop and the mean loss then cost no
                # wait.
                if told is not None:
                    stopping = self._read(told)
                asked = torch.tensor(float(self.stop.is_set()), device=loss.device)
                own = loss.item() / samples
                told = Told(step, self.group.sum_later(torch.stack([loss, asked])), own, grad_norm)
                at_end = stopping or step == self.last
                if at_end or self._is_due(step):
                    # What is stored has to know of every loss before it, so here it is waited for.
                    stopping = self._read(told) or stopping
                    told = None
                    self._pause(step, stopping or step == self.last)
                if stopping:
                    break
        finally:
            if self.writer is not None:
                self.writer.close()
        return self.position.step == self.last

    def _is_due(self, step: int) -> bool:
        return step % self.hyper.evaluate_every_steps == 0 or step % self.hyper.checkpoint_every_steps == 0

    def _rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        hyper = self.hyper
        lr = learning_rate(
            step - 1, self.position.total_steps, hyper.lr, hyper.warmup_fraction, hyper.schedule
        )
        return lr * hyper.lower_rate_factor**self.position.lowered

    def _read(self, told: Told) -> bool:
        """Tells and judges the loss of a step; True when a rank asked to stop."""
        summed, asked = told.pulse.read()
        loss = summed / self.hyper.global_batch
        self.reporter.loss(told.step, loss, told.own)
        if told.step <= self.restored_at:
            return asked > 0
        wrong = self.watch.judge(loss, told.grad_norm)
        if wrong is not None:
            self._diverged(f"{wrong} at step {told.step}")
        else:
            self.position = replace(self.position, losses=self.watch.known)
            if self.candidate is not None and self.watch.suspects == 0:
                self._keep(self.candidate)
        return asked > 0

    def _diverged(self, wrong: str) -> None:
        """Brings the last good checkpoint back in place, with a lower rate from here on. Raises ValueError
        when the run is to stop instead.
        """
        hyper, lowered = self.hyper, self.position.lowered
        peak = hyper.lr * hyper.lower_rate_factor**lowered
        if self.good is None or lowered == hyper.lower_rate_times:
            tried = f" {lowered} times a good checkpoint and a lower rate were tried." if lowered else ""
            raise ValueError(
                f"{wrong}: training diverged with a learning rate of {peak:g} and gradients clipped at"
                f" {hyper.clip_norm:g}.{tried} Lower one of them."
            )
        put_back(self.good, self.module, self.optimizer)
        self.candidate = None
        self.watch.forgive()
        self.restored_at = self.position.step
        self.position = replace(self.position, lowered=lowered + 1)
        self.reporter.warn(
            f"{wrong}: back to the weights of step {self.good.position.step}, learning rate from {peak:g} to"
            f" {peak * hyper.lower_rate_factor:g} ({lowered + 1} of at most {hyper.lower_rate_times} times)"
        )

    def _pause(self, step: int, at_end: bool) -> None:
        """Between steps: measures on the subset, and takes a checkpoint."""
        self.group.average_buffers(self.module)
        metrics: dict[str, float] = {}
        if step % self.hyper.evaluate_every_steps == 0 or step == self.last:
            metrics = self.evaluation.measure(self.module)
            if self.group.rank == 0:
                self.reporter.metrics(step, metrics)
                self.reporter.log(f"step {step} " + " ".join(f"{k} {v:.4f}" for k, v in metrics.items()))
        if not at_end and step % self.hyper.checkpoint_every_steps != 0:
            return
        if not self.recovers:
            if self.writer is not None:
                self.writer.submit(snapshot(self.module, self.optimizer, self.position, metrics))
        elif self.watch.suspects == 0:
            self.candidate = snapshot(self.module, self.optimizer, self.position, metrics)
            if at_end:
                self._keep(self.candidate)

    def _keep(self, taken: Snapshot) -> None:
        """What a divergence leads back to from now on; rank 0 stores it."""
        self.good, self.candidate = taken, None
        if self.writer is not None:
            self.writer.submit(taken)

    def _stored(self, step: int, size: int) -> None:
        self.reporter.log(f"checkpoint of step {step} stored, {size} bytes")
