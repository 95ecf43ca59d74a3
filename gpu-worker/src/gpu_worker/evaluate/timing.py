"""Latency of a candidate beside its baseline, interleaved so that both meet the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort

from gpu_worker.evaluate.sessions import open_session

WARMUP = 3
LEAST_MS = 1.0
"""A round repeats short calls until it lasts about this long, so that the clock and the scheduler matter
less.
"""


@dataclass(frozen=True)
class Latency:
    """Median milliseconds of one call, the median of the paired ratios candidate / baseline with its
    5th and 95th percentile (`spread`), and the number of rounds."""

    p50_ms: float
    baseline_p50_ms: float
    ratio: float
    spread: tuple[float, float]
    n: int


def latency(
    candidate: bytes | ort.InferenceSession,
    baseline: bytes | ort.InferenceSession,
    example: np.ndarray,
    batches: tuple[int, ...] = (1, 64),
    rounds: int = 20,
    threads: int = 1,
    should_stop: Callable[[], bool] | None = None,
) -> dict[int, Latency]:
    """Times both models on the same input at each batch size; a round calls both, in alternating order.
    A session beside itself is called once a round: its ratio is 1.

    example: model input, float32 (N, ...), repeated to the batch. A batch that a model with a fixed batch
    cannot take is left out, and so are those after a stop.
    """
    pair = [open_session(m, threads) if isinstance(m, bytes) else m for m in (candidate, baseline)]
    is_one = pair[0] is pair[1]
    result: dict[int, Latency] = {}
    for batch in batches:
        if any(
            isinstance(s.get_inputs()[0].shape[0], int) and s.get_inputs()[0].shape[0] != batch for s in pair
        ):
            continue
        rows = np.ascontiguousarray(np.resize(example, (batch, *example.shape[1:])))
        runs = [_runner(session, rows) for session in pair]
        single = min(_time(run, WARMUP) for run in (runs[:1] if is_one else runs))
        repeats = max(1, round(LEAST_MS / max(single, 1e-3)))
        times = np.empty((rounds, 2))
        for number in range(rounds):
            if should_stop is not None and should_stop():
                return result
            if is_one:
                times[number] = _time(runs[0], repeats)
                continue
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                times[number, which] = _time(runs[which], repeats)
        ratios = times[:, 0] / times[:, 1]
        p50, base = np.median(times, axis=0)
        low, high = np.quantile(ratios, (0.05, 0.95))
        result[batch] = Latency(
            float(p50), float(base), float(np.median(ratios)), (float(low), float(high)), rounds
        )
    return result


def _runner(session: ort.InferenceSession, rows: np.ndarray) -> Callable[[], object]:
    feed = {session.get_inputs()[0].name: rows}
    return lambda: session.run(None, feed)


def _time(run: Callable[[], object], repeats: int) -> float:
    """Milliseconds of one call, averaged over `repeats`."""
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) * 1e3 / repeats
