"""What a model is taught by its parent's outputs and the labels of a dataset, by the dataset's task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gpu_worker.data.dataset import Dataset
from gpu_worker.data.labels import IGNORED
from gpu_worker.importer import Gives, to_logits
from gpu_worker.learn.optimize import summed_loss

TEMPERATURE, WEIGHT = 4.0, 0.9
"""Softmax temperature, and the share of the parent's answers in the loss; the labels have the rest."""

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(outputs, labels, the parent's outputs) of a batch to its mean loss."""


@dataclass(frozen=True)
class Meaning:
    """What outputs of the model that learns and of its parent are."""

    learner: Gives
    parent: Gives


def distillation(dataset: Dataset, meaning: Meaning) -> Loss:
    """The loss of a task: KL divergence for classes and tokens (arXiv:1503.02531), binary cross entropy with
    the parent's probabilities for labels, squared error for numbers and for outputs without labels.
    """
    match dataset.task:
        case "classification":
            return lambda outputs, labels, taught: _classes(outputs, labels, taught, meaning)
        case "tokens":
            return lambda outputs, labels, taught: _tokens(outputs, labels, taught, meaning)
        case "multilabel":
            return lambda outputs, labels, taught: _labels(outputs, labels, taught, meaning)
        case "regression":
            variance = dataset.y[dataset.train_ids].var(axis=0).astype(np.float32)
            return lambda outputs, labels, taught: _numbers(
                outputs, labels, taught, torch.from_numpy(variance)
            )
        case "unlabelled":
            return lambda outputs, _, taught: _outputs(outputs, taught, meaning)


def _logits(outputs: Tensor, gives: Gives) -> Tensor:
    """Outputs (n, ...) before their Softmax, see `to_logits`, or before their Sigmoid, as rows."""
    flat = to_logits(outputs, gives == "softmax")
    return torch.logit(flat, 1e-6) if gives == "sigmoid" else flat


def _classes(outputs: Tensor, labels: Tensor, taught: Tensor, meaning: Meaning) -> Tensor:
    """Outputs (n, classes, ...) and labels (n,)."""
    logits, teacher = _logits(outputs, meaning.learner), _logits(taught, meaning.parent)
    return summed_loss(logits, labels, teacher, TEMPERATURE, WEIGHT) / len(labels)


def _tokens(outputs: Tensor, labels: Tensor, taught: Tensor, meaning: Meaning) -> Tensor:
    """(n, T, classes) and (n, T); tokens that do not count teach nothing."""
    counts = labels != IGNORED
    return _classes(outputs[counts], labels[counts], taught[counts], meaning)


def _labels(outputs: Tensor, labels: Tensor, taught: Tensor, meaning: Meaning) -> Tensor:
    logits = _logits(outputs, meaning.learner)
    teacher = torch.sigmoid(_logits(taught, meaning.parent))
    # Cross entropy is linear in its targets, so mixing these mixes both losses.
    return F.binary_cross_entropy_with_logits(logits, WEIGHT * teacher + (1 - WEIGHT) * labels.float())


def _numbers(outputs: Tensor, labels: Tensor, taught: Tensor, variance: Tensor) -> Tensor:
    """Squared errors over the variance of the labels, so that all numbers weigh the same."""
    flat, teacher = outputs.flatten(1), taught.flatten(1)
    errors = WEIGHT * (flat - teacher) ** 2 + (1 - WEIGHT) * (flat - labels.float()) ** 2
    return (errors / variance).mean()


def _outputs(outputs: Tensor, taught: Tensor, meaning: Meaning) -> Tensor:
    """Squared error over the mean square of the parent's outputs, softmax and sigmoid undone."""
    learner, teacher = _logits(outputs, meaning.learner), _logits(taught, meaning.parent)
    return ((learner - teacher) ** 2).mean() / (teacher**2).mean().clamp_min(1e-12)
