"""What a search for a target asks of the bench, and its answers as lines for the console."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnxruntime as ort

from gpu_worker.compress import Compressed, Sizes, sizes_live, zstd19
from gpu_worker.contract import Settings, SolveRequest, StudioSettled, StudioTried
from gpu_worker.evaluate import confidence_sequence, joined, marks, open_session
from gpu_worker.jobs.recipes import to_sizes
from gpu_worker.studio.bench import Bench
from gpu_worker.studio.evaluation import Partial, Superseded, measure, prepare
from gpu_worker.studio.target import Difference, Search, Trial


def solve(
    bench: Bench,
    request: SolveRequest,
    stops: list[float],
    arrived: float,
    stop: Callable[[], bool],
    tell: Callable[[Partial], None],
) -> None:
    """Searches, settles, and measures what it settled on. Raises Superseded, and ValueError when nothing
    meets the target.
    """
    rev = request.rev

    def elapsed() -> float:
        return (time.perf_counter() - arrived) * 1000

    def tried(trial: Trial) -> None:
        tell(_tried(trial, rev, elapsed()))

    probe = SessionProbe(bench, rev, elapsed, stop, tell)
    search = Search(probe, request.settings, bench.precisions(), stops, tried)
    settled = search.run(request.target).settings
    tell(StudioSettled(rev=rev, elapsed_ms=elapsed(), settings=settled))
    for line in measure(bench, rev, settled, arrived, stop):
        tell(line)


TIMINGS, NEAR = 5, 0.15
"""A latency within so much of its limit is the median of so many timings."""


class SessionProbe:
    """Answers a search from the bench; keeps the last setting built, and how its answers compare so far."""

    def __init__(
        self,
        bench: Bench,
        rev: int,
        elapsed: Callable[[], float],
        stop: Callable[[], bool],
        tell: Callable[[Partial], None],
    ) -> None:
        self._bench, self._rev = bench, rev
        self._elapsed, self._stop, self._tell = elapsed, stop, tell
        self._settings: Settings | None = None

    def _open(self, settings: Settings) -> Compressed:
        if self._settings != settings:
            for line in prepare(self._bench, self._rev, settings, self._elapsed, self._stop):
                self._tell(line)
            self._built = self._bench.build(settings)
            self._session: ort.InferenceSession | None = None
            self._answers = np.empty(0, np.int64)
            self._settings = settings
        if self._stop():
            raise Superseded
        return self._built

    def sizes(self, settings: Settings) -> Sizes:
        model = self._open(settings).onnx
        live = sizes_live(model)
        return Sizes(live.file, zstd19(model), live.sparse, live.packed)

    def difference(self, settings: Settings, bound: float) -> Difference:
        for mark in marks(len(self._bench.order)):
            found = self._upto(settings, mark)
            if found.low > bound or found.high < bound:
                return found
        return self.whole(settings)

    def whole(self, settings: Settings) -> Difference:
        return self._upto(settings, len(self._bench.order))

    def latency(self, settings: Settings, batch: int, limit: float) -> float:
        """The version's milliseconds times the paired ratio: a machine that is busier in one step than in the
        next decides nothing.
        """
        candidate = open_session(self._open(settings).onnx, 1)
        if batch not in self._bench.own_latency:
            raise ValueError(f"This version takes no batch of {batch}: choose the other batch size.")
        own = self._bench.own_latency[batch].p50_ms
        ratios: list[float] = []
        while True:
            measured = self._bench.time(candidate, self._stop, (batch,))
            if self._stop() or batch not in measured:
                raise Superseded
            ratios.append(measured[batch].ratio)
            taken = own * float(np.median(ratios))
            if len(ratios) == TIMINGS or abs(taken / limit - 1) > NEAR:
                return taken

    def harmful(self, settings: Settings) -> list[str]:
        self._open(settings)
        layers = self._bench.harmful(settings, self._stop)
        if self._stop():
            raise Superseded
        return layers

    def _upto(self, settings: Settings, n: int) -> Difference:
        """The first n samples, in the order in which everything here is measured.

        Errors of numbers have no upper end, but a confidence sequence needs one: while only a part is
        measured, a sample counts at most one variance more or less than in the version. The whole test set is
        taken as it is.
        """
        model = self._open(settings).onnx
        if self._session is None:
            self._session = self._bench.open(model)
        known = len(self._answers)
        baseline = self._bench.baseline(n, self._stop)
        if known < n:
            more = self._bench.predict(self._session, known, n, self._stop)
            self._answers = joined(self._answers, more)
        if baseline is None or len(self._answers) < n:
            raise Superseded
        differences = self._bench.scores(self._answers[:n]) - self._bench.scores(baseline)
        if n == len(self._bench.order):
            mean = float(differences.mean())
            return Difference(n, mean, mean, mean)
        bounded = np.clip(differences, -1, 1)
        low, high = confidence_sequence(bounded, len(self._bench.order))
        return Difference(n, float(bounded.mean()), low, high)


def _tried(trial: Trial, rev: int, elapsed: float) -> StudioTried:
    found = trial.difference
    return StudioTried(
        rev=rev,
        elapsed_ms=elapsed,
        settings=trial.settings,
        holds=trial.holds,
        n=0 if found is None else found.n,
        difference=None if found is None else found.mean,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        sizes=to_sizes(trial.sizes),
        latency_ms=trial.latency_ms,
    )
