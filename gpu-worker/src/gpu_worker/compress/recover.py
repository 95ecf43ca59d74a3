"""Distillation recovery: a pruned model learns its parent's answers again, and its zeros stay zero."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnx
import torch

from gpu_worker.compress.sensitivity import never
from gpu_worker.data.dataset import Dataset
from gpu_worker.evaluate.sessions import open_session, predict
from gpu_worker.importer import (
    export_proto,
    import_onnx,
    output_gives,
    reinsert_batchnorm,
)
from gpu_worker.learn.distil import Meaning, distillation
from gpu_worker.learn.optimize import ZeroMasks, build_optimizer, clip, lay_out, learning_rate
from gpu_worker.learn.sampler import SampleStream

BATCH = 64
LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM, WARMUP = 3e-3, 1e-4, 5.0, 0.05
ROUND = 10
"""Optimizer steps between two words of how far it is."""

CALIBRATION = 512
"""Train samples that a BatchNorm which is put back takes its first statistics from."""


class Recovery:
    """One training on one process, step by step: what was learnt stays when it is left and gone on with.

    The same model, dataset, epochs and seed give the same weights on one machine type and number of threads.
    """

    def __init__(
        self,
        pruned: bytes,
        parent: bytes,
        dataset: Dataset,
        epochs: float,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        """pruned: float ONNX whose zero weights are kept. parent: ONNX that answers for the teacher."""
        imported = import_onnx(pruned)
        drawn = np.random.default_rng(seed).permutation(dataset.train_ids)[:CALIBRATION]
        self._imported = reinsert_batchnorm(
            imported, [torch.from_numpy(dataset.batch(drawn, imported.input))]
        )
        self._dataset = dataset
        self._threads = threads
        self._seed = seed
        self._stream = SampleStream(dataset.train_ids, BATCH, seed)
        meaning = Meaning(
            output_gives(self._imported.model), output_gives(onnx.load_model_from_string(parent))
        )
        self._loss = distillation(dataset, meaning)
        self._teacher = open_session(parent, threads)
        self._module = lay_out(self._imported.module, torch.channels_last)
        self._masks = ZeroMasks(self._module)
        self._optimizer = build_optimizer(self._module, "adamw", LEARNING_RATE, WEIGHT_DECAY)
        self._learnt: onnx.ModelProto | None = None
        self._seconds = 0.0
        self.done = 0
        self.total = self._stream.steps(epochs)

    @property
    def complete(self) -> bool:
        """Whether every step was taken."""
        return self.done == self.total

    @property
    def eta_seconds(self) -> float | None:
        """Seconds that the rest takes at the pace so far; None before the first step."""
        return self._seconds / self.done * (self.total - self.done) if self.done else None

    def step(self, should_stop: Callable[[], bool] = never) -> bool:
        """Takes the next few optimizer steps; False when `should_stop` said so between two of them.

        Raises ValueError when the loss is no number any more.
        """
        since = time.perf_counter()
        torch.set_num_threads(self._threads)
        end = min(self.done + ROUND, self.total)
        while self.done < end and not should_stop():
            self._step()
        if self.complete and self._learnt is None:
            module = lay_out(self._module, torch.contiguous_format).eval()
            self._learnt = export_proto(self._imported, module)
            # What only steps need is several times as large as the model.
            del self._module, self._masks, self._optimizer, self._teacher
        self._seconds += time.perf_counter() - since
        return self.done == end

    def model(self) -> onnx.ModelProto:
        """The recovered float model, with BatchNorm kept. Raises RuntimeError before the last step."""
        if self._learnt is None:
            raise RuntimeError(f"{self.total - self.done} steps are still to be taken.")
        return self._learnt

    def _step(self) -> None:
        self._module.train()
        torch.manual_seed(self._seed * 1_000_003 + self.done)
        ids = self._stream.ids(self.done)
        inputs = self._dataset.batch(ids, self._imported.input)
        lr = learning_rate(self.done, self.total, LEARNING_RATE, WARMUP)
        for parameters in self._optimizer.param_groups:
            parameters["lr"] = lr
        taught = torch.from_numpy(predict(self._teacher, inputs))
        labels = torch.from_numpy(self._dataset.y[ids])
        loss = self._loss(self._module(torch.from_numpy(inputs)), labels, taught)
        if not torch.isfinite(loss):
            raise ValueError(
                f"Recovery diverged at step {self.done + 1} of {self.total}: the loss is {loss}."
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._masks.mask_gradients()
        clip(self._module.parameters(), CLIP_NORM)
        self._optimizer.step()
        self._masks.mask_weights()
        self.done += 1
