"""Every epoch shows every sample once, whoever shares the batches and wherever a run resumes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.learn.sampler import SampleStream

sizes = st.integers(1, 60)


@given(n=sizes, batch=st.integers(1, 70), seed=st.integers(-5, 5), epochs=st.integers(1, 3))
def test_each_epoch_shows_each_sample_once(n: int, batch: int, seed: int, epochs: int) -> None:
    ids = np.arange(100, 100 + n)
    stream = SampleStream(ids, batch, seed)
    steps = -(-n * epochs // batch)
    seen = np.concatenate([stream.ids(step) for step in range(steps)])
    for epoch in range(epochs):
        assert np.array_equal(np.sort(seen[epoch * n : (epoch + 1) * n]), ids)


@given(n=sizes, batch=st.integers(4, 70), world=st.integers(1, 4), step=st.integers(0, 30))
def test_ranks_share_a_batch_without_overlap(n: int, batch: int, world: int, step: int) -> None:
    whole = SampleStream(np.arange(n), batch, 1)
    shares = [SampleStream(np.arange(n), batch, 1).ids(step, rank, world) for rank in range(world)]
    assert np.array_equal(np.concatenate(shares), whole.ids(step))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(n=sizes, batch=st.integers(1, 70), cut=st.integers(0, 20), more=st.integers(1, 20))
def test_a_resumed_stream_goes_on_where_it_stopped(n: int, batch: int, cut: int, more: int) -> None:
    ids = np.arange(n)
    uninterrupted = SampleStream(ids, batch, 2)
    whole = [uninterrupted.ids(step) for step in range(cut + more)]
    resumed = SampleStream(ids, batch, 2)  # knows nothing of what ran before
    for step in range(cut, cut + more):
        assert np.array_equal(resumed.ids(step), whole[step])


@given(
    n=sizes,
    batch=st.integers(1, 70),
    stays=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6)), min_size=1, max_size=5),
)
def test_ranks_that_come_and_go_neither_repeat_nor_skip(
    n: int, batch: int, stays: list[tuple[int, int]]
) -> None:
    ids = np.arange(n)
    seen: list[np.ndarray] = []
    done = 0
    for world, steps in stays:  # the number of ranks of an attempt, and how far it comes
        resumed = [SampleStream(ids, batch, 3) for _ in range(world)]
        for step in range(done, done + steps):
            seen += [stream.ids(step, rank, world) for rank, stream in enumerate(resumed)]
        done += steps
    shown = np.concatenate(seen)
    assert len(shown) == done * batch
    for epoch in range(len(shown) // n):
        assert np.array_equal(np.sort(shown[epoch * n : (epoch + 1) * n]), ids)


def test_epochs_differ_and_seeds_differ() -> None:
    ids = np.arange(50)
    stream = SampleStream(ids, 50, 0)
    assert not np.array_equal(stream.ids(0), stream.ids(1))
    assert not np.array_equal(stream.ids(0), SampleStream(ids, 50, 1).ids(0))


def test_an_empty_train_part_is_refused() -> None:
    with pytest.raises(ValueError, match="no training samples"):
        SampleStream(np.empty(0, np.int64), 4, 0)
