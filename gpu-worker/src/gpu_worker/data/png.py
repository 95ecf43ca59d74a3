"""A grey or RGB PNG from an array with zlib alone (PNG specification, W3C)."""

from __future__ import annotations

import struct
import zlib

import numpy as np


def encode_png(pixels: np.ndarray) -> bytes:
    """PNG bytes of a uint8 array (H, W) or (H, W, 3)."""
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    rows = np.ascontiguousarray(pixels, np.uint8).reshape(height, -1)
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def sample_pixels(sample: np.ndarray, largest: int = 64) -> np.ndarray | None:
    """A sample as uint8 pixels (H, W) or (H, W, 3), at most `largest` on a side; None when it is no image.

    Values other than uint8 are stretched from the sample's own smallest to its largest.
    """
    if sample.ndim == 3 and sample.shape[0] in (1, 3) and sample.shape[2] not in (1, 3):
        sample = sample.transpose(1, 2, 0)
    if sample.ndim == 3 and sample.shape[2] == 1:
        sample = sample[..., 0]
    if sample.ndim not in (2, 3) or (sample.ndim == 3 and sample.shape[2] != 3):
        return None
    step = -(-max(sample.shape[:2]) // largest)
    sample = sample[::step, ::step]
    if sample.dtype == np.uint8:
        return sample
    values = np.nan_to_num(sample.astype(np.float64))
    low, high = values.min(), values.max()
    return ((values - low) * (255.0 / (high - low) if high > low else 0.0)).astype(np.uint8)
