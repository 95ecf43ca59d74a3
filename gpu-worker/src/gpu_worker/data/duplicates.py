"""Equal samples, found by a hash of their bytes and confirmed by the bytes themselves.

The hash is multilinear over 32-bit words (Lemire & Kaser, Strongly universal string hashing is fast, 2014):
one vectorised product a block, 8 bytes kept a sample.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpu_worker.data.dataset import Dataset, Samples
from gpu_worker.data.spec import Leakage

BLOCK_BYTES = 16 << 20
PAIRS = 10
"""Pairs that a report names."""


def blocks(x: Samples, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, np.ndarray]]:
    """(first global id, samples) over all parts, so that a memory-mapped array is streamed."""
    first = 0
    for part in x.parts:
        rows = max(1, block_bytes // max(1, part[0].nbytes)) if len(part) else 1
        for start in range(0, len(part), rows):
            yield first + start, part[start : start + rows]
        first += len(part)


def find_duplicates(dataset: Dataset) -> Leakage:
    """Equal samples within the train part, and between it and the test part."""
    hashes = np.empty(len(dataset.x), np.uint64)
    for first, block in blocks(dataset.x):
        hashes[first : first + len(block)] = _hashes(block)
    in_test = np.zeros(len(hashes), bool)
    in_test[dataset.test_ids] = True
    # Train before test, by id within each: the first of a group is the one that the others repeat.
    order = np.lexsort((np.arange(len(hashes)), in_test, hashes))
    fresh = np.ones(len(order), bool)
    fresh[1:] = hashes[order[1:]] != hashes[order[:-1]]
    heads = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    candidate = ~fresh & ~in_test[heads]
    ids, originals = order[candidate], heads[candidate]
    equal = _equal(dataset.x, ids, originals)
    ids, originals = ids[equal], originals[equal]
    leaked = in_test[ids]
    pairs = sorted(zip(ids[leaked].tolist(), originals[leaked].tolist(), strict=True))[:PAIRS]
    return Leakage(
        between=int(leaked.sum()),
        pairs=[(original, test) for test, original in pairs],
        repeated=int((~leaked).sum()),
        conflicting=int(_differ(dataset.y[ids], dataset.y[originals]).sum()),
    )


def _hashes(block: np.ndarray) -> np.ndarray:
    """uint64 (n,) of samples (n, ...)."""
    rows = np.ascontiguousarray(block).reshape(len(block), -1).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))) if rows.shape[1] % 4 else rows
    words = padded.view(np.uint32)
    factors = np.random.default_rng(0x5EED).integers(0, 1 << 63, words.shape[1], np.uint64) * 2 + 1
    out = np.empty(len(words), np.uint64)
    rows_at_once = max(1, (4 << 20) // max(1, words.shape[1]))
    for start in range(0, len(words), rows_at_once):
        part = words[start : start + rows_at_once].astype(np.uint64)
        out[start : start + rows_at_once] = (part * factors).sum(axis=1, dtype=np.uint64)
    return out


def _equal(x: Samples, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """bool (n,): which pairs of samples have the same bytes."""
    out = np.zeros(len(left), bool)
    rows = max(1, BLOCK_BYTES // max(1, x.parts[0][0].nbytes))
    for start in range(0, len(left), rows):
        part = slice(start, start + rows)
        a, b = (
            np.ascontiguousarray(x.take(ids[part])).reshape(len(ids[part]), -1).view(np.uint8)
            for ids in (left, right)
        )
        out[part] = (a == b).all(axis=1)
    return out


def _differ(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """bool (n,): which pairs of labels (n,) or (n, ...) are not the same."""
    return (left != right).any(axis=tuple(range(1, left.ndim)))
