"""N:M zeros: of every four weights that lie side by side along a layer's inputs, the two smallest (Mishra et
al., 2021, arXiv:2104.08378).
"""

from __future__ import annotations

from typing import Literal

import torch

Pattern = Literal["none", "2:4"]

GROUP, ZEROS = 4, 2
"""Of so many neighbours so many are zero."""

SHARE = ZEROS / GROUP


def fits(weight: torch.Tensor, input_dim: int) -> bool:
    """Whether a weight's inputs fall into whole groups: a first layer of one channel, or a depthwise one,
    does not.
    """
    return weight.shape[input_dim] % GROUP == 0


def pattern_zeros(weight: torch.Tensor, input_dim: int) -> torch.Tensor:
    """The places, int64 in the flattened weight, that the pattern zeroes: half of them.

    Ties go to the earlier input, so a weight always gives the same zeros.
    """
    places = torch.arange(weight.numel()).view(weight.shape)
    groups = weight.abs().movedim(input_dim, -1).reshape(-1, GROUP)
    smallest = groups.argsort(dim=1, stable=True)[:, :ZEROS]
    return places.movedim(input_dim, -1).reshape(-1, GROUP).gather(1, smallest).flatten()
