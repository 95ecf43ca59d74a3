"""Applying a transform to samples, and finding one: by the dtype, or by the train part of a table."""

from __future__ import annotations

import numpy as np

from gpu_worker.data.spec import Transform, refuse


def channel_axis(shape: tuple[int, ...], parts: int) -> int | None:
    """The axis of a sample (without N) that `parts` values belong to: its columns or channels, first or last;
    None when neither is so long.
    """
    if len(shape) in (1, 3) and shape[0] == parts:
        return 0
    return len(shape) - 1 if len(shape) == 3 and shape[-1] == parts else None


def check_transform(shape: tuple[int, ...], transform: Transform) -> None:
    """Raises DatasetError when a transform of several values does not belong to samples of this shape."""
    for name in ("mean", "std"):
        value = getattr(transform, name)
        if isinstance(value, tuple) and channel_axis(shape, len(value)) is None:
            raise refuse(
                "transform.shape",
                f"{name} has {len(value)} values, neither the columns nor the channels of samples of shape"
                f" {shape}.",
                "Give one value, or one for each column or channel.",
            )


def apply_transform(values: np.ndarray, transform: Transform) -> np.ndarray:
    """`(values * scale - mean) / std` of float32 samples (N, ...), in place."""
    values *= np.float32(transform.scale)
    if transform.mean != 0.0:
        values -= _shaped(transform.mean, values.shape[1:])
    if transform.std != 1.0:
        values /= _shaped(transform.std, values.shape[1:])
    return values


def is_per_part(transform: Transform) -> bool:
    """Whether columns or channels have values of their own, so that the layout matters."""
    return isinstance(transform.mean, tuple) or isinstance(transform.std, tuple)


def _shaped(value: float | tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray:
    if not isinstance(value, tuple):
        return np.asarray(value, np.float32)
    axis = channel_axis(shape, len(value))
    assert axis is not None, "open_dataset refuses what does not fit"
    return np.asarray(value, np.float32).reshape([-1 if i == axis else 1 for i in range(len(shape))])


class Moments:
    """Mean and deviation of columns, (F,), merged block by block (Chan, Golub & LeVeque 1983)."""

    def __init__(self, columns: int) -> None:
        self.n = 0
        self.mean = np.zeros(columns)
        self._squares = np.zeros(columns)

    def add(self, block: np.ndarray) -> None:
        """Rows (n, F)."""
        if not len(block):
            return
        rows = block.astype(np.float64)
        mean, n = rows.mean(axis=0), self.n + len(rows)
        apart = mean - self.mean
        self._squares += ((rows - mean) ** 2).sum(axis=0) + apart**2 * (self.n * len(rows) / n)
        self.mean += apart * (len(rows) / n)
        self.n = n

    @property
    def std(self) -> np.ndarray:
        """The population's deviation, (F,)."""
        return np.sqrt(self._squares / max(self.n, 1))


def standardising(moments: Moments) -> tuple[Transform, np.ndarray]:
    """The transform that gives each column mean 0 and deviation 1, and which columns are constant: those are
    centred only.
    """
    std = moments.std
    constant = std <= 1e-7 * np.maximum(np.abs(moments.mean), 1e-30)
    return Transform(
        1.0, tuple(moments.mean.tolist()), tuple(np.where(constant, 1.0, std).tolist())
    ), np.flatnonzero(constant)
