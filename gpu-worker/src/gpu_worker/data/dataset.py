"""Opening a dataset: samples by global id, labels, and the train and test parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gpu_worker.data.files import read_idx, read_npz
from gpu_worker.data.labels import find_task, label_width, read_labels
from gpu_worker.data.layout import Adapter, adapter
from gpu_worker.data.normalise import apply_transform, check_transform, is_per_part
from gpu_worker.data.slices import Slices, read_slices
from gpu_worker.data.spec import DatasetFile, InputSpec, Role, Split, TaskName, Transform, refuse

SLICES = ("slice", "slice_test")
"""Arrays of an NPZ file that name the slice of each sample."""


class Samples:
    """Arrays of one sample shape laid end to end and read in place by global id."""

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self.parts = list(parts)
        self._starts = np.cumsum([0, *(len(part) for part in self.parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...) over all parts."""
        return (len(self), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """The dtype on disk."""
        return self.parts[0].dtype

    def __getitem__(self, index: int | np.ndarray) -> np.ndarray:
        """One sample, or the samples with these ids in their order."""
        if isinstance(index, (int, np.integer)):
            return self.take(np.asarray([index]))[0]
        return self.take(np.asarray(index))

    def take(self, ids: np.ndarray) -> np.ndarray:
        """The samples with these global ids, (len(ids), ...), in their order."""
        if len(self.parts) == 1:
            return np.asarray(self.parts[0][ids])
        which = np.searchsorted(self._starts, ids, side="right") - 1
        out = np.empty((len(ids), *self.shape[1:]), self.dtype)
        for number, part in enumerate(self.parts):
            mine = which == number
            if mine.any():
                out[mine] = part[ids[mine] - self._starts[number]]
        return out


@dataclass(frozen=True)
class Dataset:
    """Samples with fixed train and test parts.

    x: samples by global id, (N, ...). y: labels as `read_labels` has them for the task, int64 (N,) for single
    classes. num_classes: largest label + 1, or the labels or numbers of a sample. train_ids, test_ids: sorted
    global ids, int64, disjoint. slices: None where the files name none.
    """

    x: Samples
    y: np.ndarray
    num_classes: int
    train_ids: np.ndarray
    test_ids: np.ndarray
    transform: Transform
    task: TaskName = "classification"
    slices: Slices | None = None
    _adapters: dict[InputSpec, Adapter] = field(default_factory=dict, repr=False, compare=False)

    def batch(self, ids: np.ndarray, input_spec: InputSpec) -> np.ndarray:
        """Model input for these samples: float32, contiguous, transformed and in the model's layout.

        A model that reads whole numbers (tokens) gets them as they are, in its own dtype.

        Raises ValueError, naming both shapes, when the samples cannot fit the model.
        """
        adapt = self._adapters.get(input_spec)
        if adapt is None:
            adapt = self._adapters.setdefault(input_spec, adapter(self.x.shape[1:], input_spec))
        samples = self.x.take(np.asarray(ids))
        if np.issubdtype(input_spec.dtype, np.integer):
            return np.ascontiguousarray(adapt(samples), input_spec.dtype)
        if is_per_part(self.transform):
            return np.ascontiguousarray(adapt(apply_transform(samples.astype(np.float32), self.transform)))
        return np.ascontiguousarray(apply_transform(adapt(samples).astype(np.float32), self.transform))


@dataclass(frozen=True)
class RawParts:
    """Arrays as the files hold them, train before test; y is empty where no file has labels. slices: for each
    array of x, None where the file names none.
    """

    x: list[np.ndarray]
    y: list[np.ndarray]
    slices: list[np.ndarray | None]


def read_parts(files: Sequence[DatasetFile], split: Split, task: TaskName | None = None) -> RawParts:
    """The sample and label arrays: train first, then the test part of a `files` split. Labels may be missing
    from all files where no task needs them.

    Raises DatasetError when an array is missing or a file unreadable.
    """
    arrays: dict[Role, np.ndarray] = {}
    slices: dict[str, np.ndarray] = {}
    for file in files:
        if file.role == "data":
            found = read_npz(file.path, ("x", "y", "x_test", "y_test", *SLICES), may_be_text=SLICES)
            arrays.update({role: found[role] for role in ("x", "y", "x_test", "y_test") if role in found})
            slices.update({name: found[name] for name in SLICES if name in found})
        elif file.format == "idx":
            arrays[file.role] = read_idx(file.path)
        else:
            found = read_npz(file.path, (file.role, file.role.removesuffix("_test")))
            if found:
                arrays[file.role] = next(iter(found.values()))
    wanted: tuple[Role, ...] = ("x", "y") if split.kind == "seeded" else ("x", "y", "x_test", "y_test")
    if task == "unlabelled" or (task is None and not arrays.keys() & {"y", "y_test"}):
        wanted = tuple(role for role in wanted if role.startswith("x"))
    missing = [role for role in wanted if role not in arrays]
    if missing:
        raise refuse(
            "arrays.missing",
            f"The dataset has no array {', '.join(missing)} (found: {', '.join(arrays) or 'none'}).",
            "Save the samples as x and the labels as y"
            + (
                ", and the test part as x_test and y_test, or choose a seeded split."
                if split.kind == "files"
                else "."
            ),
        )
    samples: list[Role] = [role for role in wanted if role[0] == "x"]
    return RawParts(
        [arrays[role] for role in samples],
        [arrays[role] for role in wanted if role[0] == "y"],
        [slices.get(role.replace("x", "slice")) for role in samples],
    )


def open_dataset(
    files: Sequence[DatasetFile], split: Split, transform: Transform, task: TaskName | None = None
) -> Dataset:
    """Opens files that `check_dataset` accepted. Large uncompressed arrays stay on disk. task: None takes
    what the labels look like.

    Raises DatasetError (a ValueError) with rule and remedy when an array is missing, samples and labels do
    not match, or labels are not what the task needs.
    """
    parts = read_parts(files, split, task)
    for place, x in enumerate(parts.x):
        y = parts.y[place] if parts.y else None
        if x.ndim < 2 or len(x) == 0 or (y is not None and (y.ndim == 0 or len(x) != len(y))):
            beside = "" if y is None else f" and labels of shape {y.shape} do not match"
            raise refuse(
                "arrays.match",
                f"Samples of shape {x.shape}{beside or ' are none'}.",
                "x needs one row for each label in y." if parts.y else "x needs one row for each sample.",
            )
    if any(x.shape[1:] != parts.x[0].shape[1:] or x.dtype != parts.x[0].dtype for x in parts.x):
        raise refuse(
            "arrays.test_shape",
            f"Train samples are {parts.x[0].dtype} {parts.x[0].shape[1:]},"
            f" test samples {parts.x[1].dtype} {parts.x[1].shape[1:]}.",
            "Both parts need one shape and dtype.",
        )
    check_transform(parts.x[0].shape[1:], transform)
    task = task or find_task(parts.y)
    y = read_labels(parts.y, task, sum(map(len, parts.x)))
    if split.kind == "files":
        edge = len(parts.x[0])
        train, test = np.arange(edge, dtype=np.int64), np.arange(edge, len(y), dtype=np.int64)
    else:
        strata = y if task == "classification" else np.zeros(len(y), np.int64)
        train, test = stratified_split(strata, split.seed, split.test_fraction)
    slices = read_slices(parts.slices, [len(x) for x in parts.x])
    return Dataset(Samples(parts.x), y, label_width(y, task), train, test, transform, task, slices)


def stratified_split(y: np.ndarray, seed: int, test_fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """(train ids, test ids), sorted: each class gives its rounded share, and at least one sample to each
    part.

    The same labels, seed and fraction always give the same split.
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"The test fraction must lie between 0 and 1, not {test_fraction}.")
    rng = np.random.default_rng(seed)
    test: list[np.ndarray] = []
    for label in np.unique(y):
        ids = rng.permutation(np.flatnonzero(y == label))
        share = round(len(ids) * test_fraction)
        test.append(ids[: min(max(share, 1), len(ids) - 1)])
    chosen = np.sort(np.concatenate(test)).astype(np.int64)
    return np.setdiff1d(np.arange(len(y), dtype=np.int64), chosen), chosen
