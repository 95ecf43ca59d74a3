"""Accuracy on a fixed subset while training goes on, shared by the ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gpu_worker.data import Dataset
from gpu_worker.importer import to_logits
from gpu_worker.train.group import Group
from gpu_worker.train.trainable import Trainable

SUBSET = 1_000
CHUNK = 250


class SubsetEvaluation:
    """Up to 1,000 test samples in an order that depends on the dataset only; every rank measures its
    share.
    """

    def __init__(
        self, dataset: Dataset, trainable: Trainable, group: Group, alive: Callable[[], None]
    ) -> None:
        chosen = np.random.default_rng(0).permutation(dataset.test_ids)[:SUBSET]
        self._ids = chosen[group.rank :: group.world]
        self._dataset, self._trainable, self._group = dataset, trainable, group
        self._alive = alive

    @torch.inference_mode()
    def measure(self, module: nn.Module) -> dict[str, float]:
        """eval/accuracy (fraction) and eval/loss over all ranks' shares. The module is left in eval mode."""
        module.eval()
        sums = torch.zeros(3, dtype=torch.float64)
        for start in range(0, len(self._ids), CHUNK):
            ids = self._ids[start : start + CHUNK]
            inputs = torch.from_numpy(self._dataset.batch(ids, self._trainable.input)).to(self._group.device)
            labels = torch.from_numpy(self._dataset.y[ids])
            logits = to_logits(module(inputs).float().cpu(), self._trainable.probabilities)
            sums[0] += int((logits.argmax(1) == labels).sum())
            sums[1] += float(F.cross_entropy(logits, labels, reduction="sum"))
            sums[2] += len(ids)
            self._alive()
        correct, loss, n = self._group.sum(sums.to(self._group.device)).tolist()
        return {"eval/accuracy": correct / n, "eval/loss": loss / n}
