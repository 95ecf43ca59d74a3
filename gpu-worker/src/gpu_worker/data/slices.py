"""Named subsets of the samples, as the owner of a dataset names them: by site, device, language or group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpu_worker.data.spec import SliceCount, refuse

MAX_SLICES = 100
MAX_NAME = 60
"""Characters, as of a class."""

LAST_CHARACTER = 0x10FFFF

REMEDY = "slice needs one name, or one whole number, for each sample; an empty name is no slice."


@dataclass(frozen=True)
class Slices:
    """names: of the slices, sorted. of: int64 (N,) by global id, the place in `names`, -1 for none."""

    names: tuple[str, ...]
    of: np.ndarray

    def ids(self, ids: np.ndarray) -> list[tuple[str, np.ndarray]]:
        """Each slice with the places in `ids` whose samples are in it; those without any are left out."""
        mine = self.of[ids]
        found = [(name, np.flatnonzero(mine == place)) for place, name in enumerate(self.names)]
        return [(name, places) for name, places in found if len(places)]

    def counts(self, train_ids: np.ndarray, test_ids: np.ndarray) -> list[SliceCount]:
        """Samples of each slice in both parts."""
        train, test = (
            np.bincount(self.of[ids][self.of[ids] >= 0], minlength=len(self.names))
            for ids in (train_ids, test_ids)
        )
        return [SliceCount(name, int(a), int(b)) for name, a, b in zip(self.names, train, test, strict=True)]


def read_slices(parts: Sequence[np.ndarray | None], lengths: Sequence[int]) -> Slices | None:
    """The slices of all samples, by the array of each part; None where no part has one.

    parts: text or whole numbers (n,), train before test. A part without an array is in no slice. Raises
    DatasetError when an array does not match its samples, holds anything else, or names too many slices.
    """
    if all(part is None for part in parts):
        return None
    texts = [
        np.full(length, "") if part is None else _texts(part, length)
        for part, length in zip(parts, lengths, strict=True)
    ]
    names, of = np.unique(np.concatenate(texts), return_inverse=True)
    nameless = int(names[0] == "")
    names = names[nameless:]
    if len(names) > MAX_SLICES:
        raise refuse(
            "slices.many",
            f"slice holds {len(names)} different names; at most {MAX_SLICES} slices are told apart.",
            "Name groups, not samples.",
        )
    return Slices(tuple(map(str, names)), of.astype(np.int64) - nameless)


def _texts(part: np.ndarray, length: int) -> np.ndarray:
    if part.shape != (length,):
        raise refuse("slices.match", f"slice has the shape {part.shape} beside {length} samples.", REMEDY)
    if part.dtype.kind in "biu":
        return part.astype(str)
    if part.dtype.kind != "U":
        raise refuse("slices.kind", f"slice holds {part.dtype} values.", REMEDY)
    native = np.ascontiguousarray(part, part.dtype.newbyteorder("="))
    points = native.view(np.uint32)
    # What a file calls text may hold any numbers, and Python has no string of these.
    if ((points > LAST_CHARACTER) | ((points >= 0xD800) & (points <= 0xDFFF))).any():
        raise refuse("slices.text", "slice holds what is no Unicode text.", REMEDY)
    texts = np.char.strip(native)
    longest = int(np.char.str_len(texts).max(initial=0))
    if longest > MAX_NAME:
        raise refuse(
            "slices.name",
            f"A name in slice has {longest} characters; at most {MAX_NAME} are shown.",
            "Give slices shorter names.",
        )
    return texts
