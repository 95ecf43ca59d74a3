"""One optimizer step of a rank: samples, forward, backward in micro-batches, clipping, masks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gpu_worker.contract import TrainSpec
from gpu_worker.data import Dataset
from gpu_worker.importer import to_logits
from gpu_worker.jobs.ports import Door
from gpu_worker.learn.optimize import ZeroMasks, clip, summed_loss
from gpu_worker.learn.sampler import SampleStream
from gpu_worker.train.augment import shift_and_flip
from gpu_worker.train.fit import MicroBatch
from gpu_worker.train.group import ComputeClock, Group
from gpu_worker.train.teacher import open_teacher
from gpu_worker.train.trainable import Trainable


class Stepper:
    """Makes steps: the gradient is that of the mean loss over the global batch, however many ranks and
    micro-batches share it. Weights and their updates are fp32, whatever the forward pass computes in.
    """

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
        door: Door,
        on_ready: Callable[[], None],
        micro: MicroBatch,
    ) -> None:
        self.spec, self.hyper, self.group = spec, spec.hyper, group
        self.module, self.optimizer, self.masks = module, optimizer, masks
        self.dataset, self.trainable, self.stream = dataset, trainable, stream
        self.clock = ComputeClock(group.device, on_ready)
        self.wrapped = group.wrap(module, self.clock)
        self.teacher = open_teacher(spec.teacher, door, group.device)
        self.micro = micro

    def settle(self, index: int) -> None:
        """Before step `index`: makes sure, where that is not known yet, that a micro-batch fits into the
        memory of every rank. Raises as `MicroBatch.rehearse` does. Leaves the training as it is.
        """
        if self.micro.is_proven:
            return
        self.module.train()
        inputs, labels = self._batch(index)

        def attempt() -> None:
            self._backward(*self._cut(inputs, labels)[0], last=False)

        self.micro.rehearse(attempt)

    def step(self, index: int, lr: float) -> tuple[Tensor, int, float]:
        """Step `index` (from 0); (this rank's summed loss, its samples, the gradient's norm before
        clipping).
        """
        self.clock.begin()
        self.module.train()
        seed_step(self.hyper.seed, index, self.group.rank)
        inputs, labels = self._batch(index)
        if self.hyper.augment:
            inputs = shift_and_flip(inputs)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = lr
        self.optimizer.zero_grad(set_to_none=True)
        micro = self._cut(inputs, labels)
        losses = [self._backward(*batch, last=at == len(micro) - 1) for at, batch in enumerate(micro)]
        if self.masks is not None:
            self.masks.mask_gradients()
        grad_norm = clip(self.module.parameters(), self.hyper.clip_norm)
        self.optimizer.step()
        if self.masks is not None:
            self.masks.mask_weights()
        return torch.stack(losses).sum(), len(labels), grad_norm

    def _batch(self, index: int) -> tuple[Tensor, Tensor]:
        """This rank's inputs and labels of a step."""
        ids = self.stream.ids(index, self.group.rank, self.group.world)
        inputs = torch.from_numpy(self.dataset.batch(ids, self.trainable.input)).to(self.group.device)
        return inputs, torch.from_numpy(self.dataset.y[ids]).to(self.group.device)

    def _cut(self, inputs: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Micro-batches, the largest first."""
        pieces = self.micro.pieces(len(labels))
        return list(zip(inputs.tensor_split(pieces), labels.tensor_split(pieces), strict=True))

    def _backward(self, inputs: Tensor, labels: Tensor, last: bool) -> Tensor:
        """Adds the gradient of a micro-batch, and after the last one that of the other ranks; its summed
        loss.
        """
        taught = self.teacher(inputs) if self.teacher is not None else None
        teacher = self.spec.teacher
        with nullcontext() if last else self._alone():
            with self._computing():
                outputs = self.wrapped(inputs)
            loss = summed_loss(
                to_logits(outputs.float(), self.trainable.probabilities),
                labels,
                taught,
                teacher.temperature if teacher else 1.0,
                teacher.weight if teacher else 0.0,
            )
            # DDP averages over ranks, whose shares may differ by a sample: this makes it the global batch's
            # mean.
            (loss * (self.group.world / self.hyper.global_batch)).backward()
        return loss.detach()

    def _alone(self) -> AbstractContextManager[None]:
        """Gradients within stay this rank's own."""
        wrapped = self.wrapped
        return wrapped.no_sync() if isinstance(wrapped, DistributedDataParallel) else nullcontext()

    def _computing(self) -> AbstractContextManager[object]:
        """Operations within compute in what the run asks for."""
        if self.hyper.compute == "fp32":
            return nullcontext()
        return torch.autocast(self.group.device.type, torch.bfloat16)


def refuse_compute(compute: str, device: torch.device) -> None:
    """Raises ValueError when the device cannot compute in what was asked for."""
    if compute == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(False):
        name = torch.cuda.get_device_name(device)
        raise ValueError(f"{name} does not compute in bf16. Launch the run again with fp32.")


def seed_step(seed: int, step: int, rank: int) -> None:
    """Makes every random draw of a step (dropout, augmentation) a function of (seed, step, rank)."""
    torch.manual_seed((seed * 1_000_003 + step) * 4_099 + rank)
