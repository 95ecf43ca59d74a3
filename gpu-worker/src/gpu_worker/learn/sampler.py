"""Which samples a step sees: one endless stream of shuffled epochs, cut into global batches.

The stream is a function of (seed, position) alone. A step's ids depend on neither the number of ranks nor on
what ran before, so a run resumes at any step, even with another number of ranks, without repeating or
skipping a sample. Batches cross epoch borders: no sample is dropped at the end of an epoch and every batch
has the same size.
"""

from __future__ import annotations

import math

import numpy as np


class SampleStream:
    """Global batches over `ids`, each epoch in an order of its own.

    ids: the train ids, int64 (N,). global_batch: samples per step over all ranks.
    """

    def __init__(self, ids: np.ndarray, global_batch: int, seed: int) -> None:
        if len(ids) == 0:
            raise ValueError("The dataset has no training samples.")
        if global_batch < 1:
            raise ValueError(f"The global batch must be at least 1, not {global_batch}.")
        self._ids = ids
        self._batch = global_batch
        self._seed = seed
        self._orders: dict[int, np.ndarray] = {}

    def steps(self, epochs: float) -> int:
        """Steps that show every sample `epochs` times: at least 1."""
        return max(1, math.ceil(epochs * len(self._ids) / self._batch))

    def ids(self, step: int, rank: int = 0, world: int = 1) -> np.ndarray:
        """The sample ids of one rank in a step (counted from 0), int64; all ranks together give the global
        batch.
        """
        first = step * self._batch
        positions = np.arange(first + self._batch * rank // world, first + self._batch * (rank + 1) // world)
        epochs, places = np.divmod(positions, len(self._ids))
        out = np.empty(len(positions), np.int64)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            out[here] = self._order(int(epoch))[places[here]]
        return out

    def _order(self, epoch: int) -> np.ndarray:
        if epoch not in self._orders:
            # A batch touches consecutive epochs only, so orders that lie further back are not asked for
            # again.
            self._orders = {known: order for known, order in self._orders.items() if known >= epoch - 1}
            # SeedSequence mixes non-negative words only.
            words = (abs(self._seed), int(self._seed < 0), epoch)
            self._orders[epoch] = np.random.default_rng(words).permutation(self._ids)
        return self._orders[epoch]
