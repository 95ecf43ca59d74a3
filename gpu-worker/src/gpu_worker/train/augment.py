"""Augmentation of small images, drawn from torch's generator, which a step seeds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PAD = 2


def shift_and_flip(images: Tensor) -> Tensor:
    """Each image moved by up to two pixels and mirrored with probability ½ (as in arXiv:1512.03385, section
    4.2).

    images: (N, C, H, W); anything of another rank is answered as it came, since it is no image.
    """
    if images.ndim != 4:
        return images
    n, _, height, width = images.shape
    flip = torch.rand(n, device=images.device) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    padded = F.pad(images, (PAD, PAD, PAD, PAD))
    top, left = torch.randint(0, 2 * PAD + 1, (2, n), device=images.device)
    rows = (top[:, None] + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (left[:, None] + torch.arange(width, device=images.device))[:, None, None, :]
    samples = torch.arange(n, device=images.device)[:, None, None, None]
    channels = torch.arange(images.shape[1], device=images.device)[None, :, None, None]
    return padded[samples, channels, rows, columns]
