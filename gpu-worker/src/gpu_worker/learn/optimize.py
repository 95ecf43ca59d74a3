"""The optimizer side of a step: schedule, zero masks, and the distillation loss."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Schedule = Literal["cosine", "linear", "constant"]


def learning_rate(
    step: int, total: int, peak: float, warmup_fraction: float, schedule: Schedule = "cosine"
) -> float:
    """Linear warm-up to `peak`, then half a cosine (arXiv:1608.03983) or a line that ends at 0 after the last
    step, or `peak` itself.
    """
    warmup = math.ceil(total * warmup_fraction)
    if step < warmup:
        return peak * (step + 1) / warmup
    match schedule:
        case "cosine":
            return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
        case "linear":
            return peak * (1 - (step - warmup) / max(1, total - warmup))
        case "constant":
            return peak


def build_optimizer(
    module: nn.Module, name: Literal["adamw", "sgd"], lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW or SGD with Nesterov momentum; biases and normalisation are not decayed, as is usual in
    vision.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=lr, fused=True)
    return torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True, fused=True)


class ZeroMasks:
    """Keeps the weights that are zero now at zero: what pruning removed must not grow back.

    Only matrices and kernels are masked; a bias or BatchNorm parameter that happens to be 0 stays free.
    """

    def __init__(self, module: nn.Module) -> None:
        self._masks: list[tuple[nn.Parameter, Tensor]] = []
        for parameter in module.parameters():
            if parameter.ndim > 1 and bool((parameter == 0).any()):
                self._masks.append((parameter, (parameter != 0).to(parameter.dtype)))

    def __len__(self) -> int:
        return len(self._masks)

    def mask_gradients(self) -> None:
        """Before clipping, so that the norm counts living weights only."""
        for parameter, mask in self._masks:
            if parameter.grad is not None:
                parameter.grad.mul_(mask)

    @torch.no_grad()
    def mask_weights(self) -> None:
        """After the optimizer step: momentum and decay could have moved them."""
        for parameter, mask in self._masks:
            parameter.mul_(mask)


def summed_loss(
    logits: Tensor, labels: Tensor, teacher: Tensor | None, temperature: float, weight: float
) -> Tensor:
    """Cross entropy, mixed with distillation where a teacher answers; summed, not averaged, over the samples.

    logits, teacher: (N, classes). Distillation is T²·KL(teacher ‖ student) at temperature T
    (arXiv:1503.02531): the factor keeps its gradient on the scale of the cross entropy.
    """
    hard = F.cross_entropy(logits, labels, reduction="sum")
    if teacher is None or weight == 0:
        return hard
    soft = F.kl_div(
        F.log_softmax(logits / temperature, dim=1),
        F.log_softmax(teacher / temperature, dim=1),
        reduction="sum",
        log_target=True,
    )
    return (1 - weight) * hard + weight * temperature**2 * soft


def clip(parameters: Iterable[nn.Parameter], limit: float) -> float:
    """Scales the gradients to a total norm of at most `limit`; answers the norm before."""
    return float(nn.utils.clip_grad_norm_(parameters, limit, foreach=True))


def lay_out(module: nn.Module, memory_format: torch.memory_format) -> nn.Module:
    """Arranges the kernels of 2-D convolutions in place; inputs follow by themselves."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            # `contiguous` leaves 1×1 kernels as they are, and DDP then copies their gradients at every step.
            arranged = torch.empty(
                parameter.shape, dtype=parameter.dtype, device=parameter.device, memory_format=memory_format
            )
            parameter.data = arranged.copy_(parameter.data)
    return module
