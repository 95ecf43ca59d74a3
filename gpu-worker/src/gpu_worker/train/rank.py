"""One rank of a training attempt, top to bottom: load, join, step, checkpoint, and on rank 0 the result.

Data parallel by DDP. The gradient of a step is that of the mean loss over the global batch, however many
ranks share it. Randomness is a function of (seed, step, rank) and samples of (seed, step), so a run that was
interrupted at a checkpoint goes on exactly as it would have.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import torch
import torch._dynamo  # the first optimizer imports it, a second of work that belongs before the start
from torch import Tensor, nn

from gpu_worker.contract import AttemptSpec, TrainResult, TrainSpec
from gpu_worker.data import Dataset
from gpu_worker.importer import to_logits
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.ports import Door, Stopped
from gpu_worker.learn.optimize import ZeroMasks, build_optimizer, clip, lay_out, learning_rate, summed_loss
from gpu_worker.learn.sampler import SampleStream
from gpu_worker.train.augment import shift_and_flip
from gpu_worker.train.checkpoint import CheckpointWriter, Position, restore, snapshot
from gpu_worker.train.evaluation import SubsetEvaluation
from gpu_worker.train.group import ComputeClock, Group, Pulse, join_group
from gpu_worker.train.reporter import Reporter
from gpu_worker.train.result import build_result
from gpu_worker.train.teacher import open_teacher
from gpu_worker.train.trainable import Trainable, load_trainable


def run_rank(
    spec: AttemptSpec,
    rank: int,
    world: int,
    master_addr: str,
    master_port: int,
    device: str,
    door: Door,
    report: Callable[[dict[str, object]], None],
    stop: threading.Event,
) -> TrainResult | None:
    """Trains one rank of `world` and answers the result on rank 0, None on the others and when stopped.

    device: 'cpu' or 'cuda:N'. report: events for the driver; {"event": "step", "rank", "step"} after each
    step. stop: set on any rank, all of them leave after the same step, with a checkpoint written. Raises
    ValueError when the spec cannot be trained, RuntimeError when a peer is lost.
    """
    train = spec.spec
    if not isinstance(train, TrainSpec):
        raise ValueError(f"run_rank trains; a '{train.kind}' run goes to run_single.")
    hyper = train.hyper
    if hyper.global_batch < world:
        raise ValueError(f"A global batch of {hyper.global_batch} cannot be shared by {world} workers.")
    torch.set_num_threads(max(1, int(spec.resources.cpus)))

    dataset = open_reference(door, train.dataset)
    stream = SampleStream(dataset.train_ids, hyper.global_batch, hyper.seed)
    total = stream.steps(hyper.epochs)
    position = Position(0, total, hyper.seed, hyper.global_batch, len(dataset.train_ids))
    reporter = Reporter(door, report, rank, total)
    reporter.phase("preparing", "Loading the model", 0)
    trainable = load_trainable(train, door, dataset)

    with join_group(rank, world, master_addr, master_port, device, train.backend) as group:
        # Channels last is 1.2 times as fast in these convolutions on a CPU.
        module = lay_out(trainable.module.to(group.device), torch.channels_last)
        # A checkpoint holds no masks: they are the zeros of the weights the run started from.
        masks = ZeroMasks(module) if train.keep_masks else None
        optimizer = build_optimizer(module, hyper.optimizer, hyper.lr, hyper.weight_decay)
        if spec.checkpoint is not None:
            stored = restore(str(door.blob(spec.checkpoint.sha256)), module, optimizer)
            if replace(stored, step=0, seconds=0.0) != position:
                raise ValueError(f"The checkpoint belongs to another run: {stored} against {position}.")
            position = stored
            reporter.log(f"resumed at step {position.step} of {total}")
        loop = TrainingLoop(
            train, group, module, optimizer, masks, dataset, trainable, stream, position, door, reporter, stop
        )
        finished = loop.run()
        seconds = loop.position.seconds
    if not finished or rank != 0:
        return None
    module = lay_out(module.to("cpu"), torch.contiguous_format).eval()
    try:
        return build_result(spec, train, trainable, module, dataset, door, reporter, group, seconds, stop)
    except Stopped:
        return None


class TrainingLoop:
    """The steps of one rank. All ranks call the same collectives in the same order."""

    def __init__(
        self,
        spec: TrainSpec,
        group: Group,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        masks: ZeroMasks | None,
        dataset: Dataset,
        trainable: Trainable,
        stream: SampleStream,
        position: Position,
        door: Door,
        reporter: Reporter,
        stop: threading.Event,
    ) -> None:
        self.spec, self.hyper = spec, spec.hyper
        self.group, self.module, self.optimizer, self.masks = group, module, optimizer, masks
        self.dataset, self.trainable, self.stream = dataset, trainable, stream
        self.position, self.door, self.reporter, self.stop = position, door, reporter, stop
        self.clock = ComputeClock(group.device)
        self.wrapped = group.wrap(module, self.clock)
        self.teacher = open_teacher(spec.teacher, door, group.device)
        self.evaluation = SubsetEvaluation(dataset, trainable, group)

    def run(self) -> bool:
        """Steps to the end; False when all ranks agreed to stop before it."""
        writer = CheckpointWriter(self.door, self._stored) if self.group.rank == 0 else None
        pulse: Pulse | None = None
        own = 0.0
        total, every = self.position.total_steps, self.hyper
        stopping = False
        resumed, earlier = time.monotonic(), self.position.seconds
        try:
            for step in range(self.position.step + 1, total + 1):
                began = time.perf_counter()
                lr = learning_rate(step - 1, total, self.hyper.lr, self.hyper.warmup_fraction)
                loss, samples, grad_norm = self._step(step - 1, lr)
                taken = time.perf_counter() - began
                computed = self.clock.seconds() if self.group.world > 1 else taken
                self.reporter.step(step, taken, computed, lr, grad_norm, self.hyper.global_batch)
                # The sum over ranks is read a step later: agreeing to stop and the mean loss then cost no
                # wait.
                if pulse is not None:
                    stopping = self._read(pulse, own, step - 1)
                asked = torch.tensor(float(self.stop.is_set()), device=loss.device)
                own = loss.item() / samples
                pulse = self.group.sum_later(torch.stack([loss.detach(), asked]))
                seconds = earlier + time.monotonic() - resumed
                self.position = replace(self.position, step=step, seconds=seconds)
                at_end = stopping or step == total
                if (
                    at_end
                    or step % every.evaluate_every_steps == 0
                    or step % every.checkpoint_every_steps == 0
                ):
                    self._pause(step, at_end, writer)
                if stopping:
                    break
            if pulse is not None:
                self._read(pulse, own, self.position.step)
        finally:
            if writer is not None:
                writer.close()
        return self.position.step == total

    def _step(self, index: int, lr: float) -> tuple[Tensor, int, float]:
        """One optimizer step; (this rank's summed loss, its samples, the gradient's norm before clipping)."""
        self.clock.begin()
        self.module.train()
        seed_step(self.hyper.seed, index, self.group.rank)
        ids = self.stream.ids(index, self.group.rank, self.group.world)
        inputs = torch.from_numpy(self.dataset.batch(ids, self.trainable.input)).to(self.group.device)
        labels = torch.from_numpy(self.dataset.y[ids]).to(self.group.device)
        if self.hyper.augment:
            inputs = shift_and_flip(inputs)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = lr
        taught = self.teacher(inputs) if self.teacher is not None else None
        teacher = self.spec.teacher
        logits = to_logits(self.wrapped(inputs), self.trainable.probabilities)
        loss = summed_loss(
            logits,
            labels,
            taught,
            teacher.temperature if teacher else 1.0,
            teacher.weight if teacher else 0.0,
        )
        self.optimizer.zero_grad(set_to_none=True)
        # DDP averages over ranks, whose shares may differ by a sample: this makes it the global batch's mean.
        (loss * (self.group.world / self.hyper.global_batch)).backward()
        if self.masks is not None:
            self.masks.mask_gradients()
        grad_norm = clip(self.module.parameters(), self.hyper.clip_norm)
        self.optimizer.step()
        if self.masks is not None:
            self.masks.mask_weights()
        return loss, len(ids), grad_norm

    def _read(self, pulse: Pulse, own: float, step: int) -> bool:
        """Tells the loss of an earlier step, `own` being this rank's; True when a rank asked to stop.

        Raises ValueError, on all ranks alike, when the loss is no number any more.
        """
        loss, asked = pulse.read()
        if not math.isfinite(loss):
            raise ValueError(
                f"The loss is {loss} at step {step}: training diverged with a learning rate of"
                f" {self.hyper.lr:g} and gradients clipped at {self.hyper.clip_norm:g}. Lower one of them."
            )
        self.reporter.loss(step, loss / self.hyper.global_batch, own)
        return asked > 0

    def _pause(self, step: int, at_end: bool, writer: CheckpointWriter | None) -> None:
        """Between steps: measures on the subset, and hands a copy of the state to the writer."""
        self.group.average_buffers(self.module)
        metrics: dict[str, float] = {}
        if step % self.hyper.evaluate_every_steps == 0 or step == self.position.total_steps:
            metrics = self.evaluation.measure(self.module)
            if self.group.rank == 0:
                self.reporter.metrics(step, metrics)
                self.reporter.log(f"step {step} " + " ".join(f"{k} {v:.4f}" for k, v in metrics.items()))
        if writer is not None and (at_end or step % self.hyper.checkpoint_every_steps == 0):
            writer.submit(snapshot(self.module, self.optimizer, self.position, metrics))

    def _stored(self, step: int, size: int) -> None:
        self.reporter.log(f"checkpoint of step {step} stored, {size} bytes")


def seed_step(seed: int, step: int, rank: int) -> None:
    """Makes every random draw of a step (dropout, augmentation) a function of (seed, step, rank)."""
    torch.manual_seed((seed * 1_000_003 + step) * 4_099 + rank)
