"""Schedule, masks and loss do what their formulas say."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gpu_worker.learn.optimize import ZeroMasks, learning_rate, summed_loss


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    rates = [learning_rate(step, 100, 1.0, 0.1) for step in range(101)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10] == 1.0
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0)


def test_a_linear_rate_falls_evenly_and_a_constant_one_stays() -> None:
    linear = [learning_rate(step, 100, 2.0, 0.1, "linear") for step in range(101)]
    assert linear[:10] == pytest.approx([2 * (step + 1) / 10 for step in range(10)])
    assert linear[10:] == pytest.approx([2 * (1 - step / 90) for step in range(91)])
    assert {learning_rate(step, 100, 2.0, 0.1, "constant") for step in range(9, 101)} == {2.0}


def test_zero_weights_stay_zero_and_biases_stay_free() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(8, 4)
    with torch.no_grad():
        layer.weight[:, ::2] = 0
        layer.bias.zero_()
    masks = ZeroMasks(layer)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(16, 8)).square().sum().backward()
        masks.mask_gradients()
        assert layer.weight.grad is not None
        assert not layer.weight.grad[:, ::2].any()
        optimizer.step()
        masks.mask_weights()
    assert not layer.weight[:, ::2].any()
    assert layer.weight[:, 1::2].all()
    assert layer.bias.all()


def test_distillation_mixes_cross_entropy_with_the_scaled_divergence() -> None:
    torch.manual_seed(1)
    student, teacher, labels = torch.randn(6, 3), torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    soft = (F.softmax(teacher / 4, 1) * (F.log_softmax(teacher / 4, 1) - F.log_softmax(student / 4, 1))).sum()
    expected = 0.1 * F.cross_entropy(student, labels, reduction="sum") + 0.9 * 16 * soft
    assert summed_loss(student, labels, teacher, 4.0, 0.9) == pytest.approx(float(expected), rel=1e-5)
    alone = F.cross_entropy(student, labels, reduction="sum")
    assert summed_loss(student, labels, None, 4.0, 0.9) == alone
