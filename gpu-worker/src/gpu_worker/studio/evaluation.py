"""One setting measured: a stream of partial results, from what arithmetic knows to the whole test set."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import onnxruntime as ort

from gpu_worker.compress import Compressed, Sizes, macs, sizes_live, zstd19
from gpu_worker.contract import (
    ChangedSample,
    EvaluateRequest,
    MovedSample,
    PerClassItem1,
    Settings,
    StudioAccuracy,
    StudioBuilt,
    StudioChanged,
    StudioDone,
    StudioFailed,
    StudioLatency,
    StudioSettled,
    StudioSizes,
    StudioSuperseded,
    StudioTried,
    StudioWork,
)
from gpu_worker.evaluate import STEP, joined, marks, open_session, paired_difference
from gpu_worker.jobs.recipes import to_achieved, to_layers, to_sizes
from gpu_worker.jobs.wire import gained_and_lost, to_figures, to_latency, to_paired
from gpu_worker.studio.bench import Bench

Partial = (
    StudioWork
    | StudioTried
    | StudioSettled
    | StudioBuilt
    | StudioAccuracy
    | StudioLatency
    | StudioSizes
    | StudioChanged
    | StudioDone
    | StudioSuperseded
    | StudioFailed
)

log = logging.getLogger(__name__)

ASKED, SHOWN = 1_000, 24
"""Changed samples that are compared by probability, and how many of them are told."""


class Superseded(Exception):
    """A newer revision arrived; what was measured so far stays told."""


class Desk:
    """Takes settings one at a time. The newest revision wins: an older one ends at the next chunk of samples.

    Background work asks `idle` between its own chunks and waits while anybody's settings are measured.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._turn = threading.Lock()
        self._changed = threading.Condition()
        self._newest = -1
        self._asking = 0
        self._closed = False

    def evaluate(
        self, request: EvaluateRequest, gone: Callable[[], bool], tell: Callable[[Partial], None]
    ) -> None:
        """Measures a setting, and tells each partial result. gone: whether the asker went away.

        The last word is done, superseded or failed.
        """

        def work(arrived: float, stop: Callable[[], bool]) -> None:
            for line in measure(self.bench, request.rev, request.settings, arrived, stop):
                tell(line)

        self.take(request.rev, work, gone, tell)

    def take(
        self,
        rev: int,
        work: Callable[[float, Callable[[], bool]], None],
        gone: Callable[[], bool],
        tell: Callable[[Partial], None],
    ) -> None:
        """Does the work of a revision when its turn comes, given when it came and what tells it to stop."""
        arrived = time.perf_counter()
        with self._changed:
            self._newest = max(self._newest, rev)
            self._asking += 1

        def check() -> bool:
            return self._newest > rev or self._closed or gone()

        try:
            with self._turn:
                work(arrived, check)
        except Superseded:
            tell(StudioSuperseded(rev=rev, by=self._newest))
        except ValueError as error:
            tell(StudioFailed(rev=rev, message=str(error)))
        except Exception as error:  # one setting that a library chokes on must not end the session
            log.exception("revision %d failed", rev)
            tell(StudioFailed(rev=rev, message=f"This could not be measured: {error!r}"))
        finally:
            with self._changed:
                self._asking -= 1
                self._changed.notify_all()

    def in_background(self, work: Callable[[], None]) -> bool:
        """Runs a short piece of work when nobody's settings are being measured; False once the desk is
        closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._asking == 0 or self._closed)
            if self._closed:
                return False
        with self._turn:
            if not self._closed:
                work()
        return not self._closed

    def wanted(self) -> bool:
        """Whether background work should step aside now."""
        return self._asking > 0 or self._closed

    def close(self) -> None:
        """Ends what runs at its next chunk."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def prepare(
    bench: Bench, rev: int, settings: Settings, elapsed: Callable[[], float], stop: Callable[[], bool]
) -> Iterator[StudioWork]:
    """Does what must be complete before a setting can be built, and says how far it is.

    Whoever waits does the work; what is done stays when a newer setting ends the wait. Raises Superseded.
    """
    if stop():
        raise Superseded
    awaited: tuple[Literal["scan", "recovery"], ...] = ("scan", "recovery")
    for what in awaited:
        work = bench.awaited_scan(settings) if what == "scan" else bench.awaited_recovery(settings)
        while work is not None and not work.complete:
            yield StudioWork(
                rev=rev,
                elapsed_ms=elapsed(),
                what=what,
                done=work.done,
                total=work.total,
                eta_seconds=work.eta_seconds,
            )
            if not work.step(stop) or stop():
                raise Superseded


def measure(
    bench: Bench, rev: int, settings: Settings, arrived: float, stop: Callable[[], bool]
) -> Iterator[Partial]:
    """A setting, from what must come first to the whole test set. Raises Superseded."""

    def elapsed() -> float:
        return (time.perf_counter() - arrived) * 1000

    def go_on() -> None:
        if stop():
            raise Superseded

    yield from prepare(bench, rev, settings, elapsed, stop)
    built = bench.build(settings)
    sizes = sizes_live(built.onnx)
    yield _built(built, sizes, rev, elapsed())
    go_on()
    session = bench.open(built.onnx)
    total = len(bench.order)
    answers = np.empty(0, np.int64)
    for mark in marks(total):
        # The version's own answers are cached, so this waits only where a session has just begun.
        baseline = bench.baseline(mark, stop)
        answers = joined(answers, bench.predict(session, len(answers), mark, stop))
        if baseline is None or len(answers) < mark:
            raise Superseded
        yield _accuracy(bench, rev, elapsed(), baseline, answers)
        if mark == min(STEP, total):
            measured = bench.time(open_session(built.onnx, 1), stop)
            go_on()
            yield StudioLatency(rev=rev, elapsed_ms=elapsed(), latency=to_latency(measured))
    go_on()
    complete = Sizes(sizes.file, zstd19(built.onnx), sizes.sparse, sizes.packed)
    yield StudioSizes(rev=rev, elapsed_ms=elapsed(), sizes=to_sizes(complete))
    yield _changed(bench, rev, elapsed, session, answers)
    yield StudioDone(rev=rev, elapsed_ms=elapsed())


def _built(built: Compressed, sizes: Sizes, rev: int, elapsed: float) -> StudioBuilt:
    return StudioBuilt(
        rev=rev,
        elapsed_ms=elapsed,
        achieved=to_achieved(built.achieved),
        layers=to_layers(built.layers),
        sizes=to_sizes(sizes),
        macs=macs(built.float_onnx),
    )


def _changed(
    bench: Bench,
    rev: int,
    elapsed: Callable[[], float],
    session: ort.InferenceSession,
    answers: np.ndarray,
) -> StudioChanged:
    """The samples that are answered otherwise: of single classes those whose probabilities moved most, else
    those whose score fell most.
    """
    before = bench.baseline_measured()[: len(answers)]
    if bench.task.name != "classification":
        return _moved(bench, rev, elapsed, before, answers)
    places = np.flatnonzero(before != answers)
    asked = places[:ASKED]
    was, now = bench.probabilities(bench.session, asked), bench.probabilities(session, asked)
    moved = np.abs(was - now).sum(axis=1) / 2
    most = np.argsort(-moved, kind="stable")[:SHOWN]
    return StudioChanged(
        rev=rev,
        elapsed_ms=elapsed(),
        total=len(places),
        samples=[
            ChangedSample(
                id=int(bench.order[asked[row]]),
                label=int(bench.dataset.y[bench.order[asked[row]]]),
                before=int(before[asked[row]]),
                after=int(answers[asked[row]]),
                before_confidence=float(was[row, before[asked[row]]]),
                after_confidence=float(now[row, answers[asked[row]]]),
            )
            for row in most
        ],
    )


def _moved(
    bench: Bench, rev: int, elapsed: Callable[[], float], before: np.ndarray, answers: np.ndarray
) -> StudioChanged:
    was, now = bench.scores(before), bench.scores(answers)
    other = (before != answers).reshape(len(answers), -1).any(axis=1)
    order = np.argsort(now - was, kind="stable")[:SHOWN]
    return StudioChanged(
        rev=rev,
        elapsed_ms=elapsed(),
        total=int(other.sum()),
        samples=[],
        moved=[
            MovedSample(id=int(bench.order[place]), before=float(was[place]), after=float(now[place]))
            for place in order
            if now[place] < was[place]
        ],
    )


def _accuracy(
    bench: Bench, rev: int, elapsed: float, baseline: np.ndarray, answers: np.ndarray
) -> StudioAccuracy:
    task, labels = bench.task, bench.labels(len(answers))
    before, scores = bench.scores(baseline), bench.scores(answers)
    changes = gained_and_lost(task, labels, baseline, answers, bench.dataset.num_classes)
    return StudioAccuracy(
        rev=rev,
        elapsed_ms=elapsed,
        n=len(scores),
        total=len(bench.order),
        accuracy=float(scores.mean()),
        baseline_accuracy=float(before.mean()),
        paired=to_paired(paired_difference(before, scores, len(bench.order), task.is_graded)),
        figures=to_figures(task, labels, baseline, answers),
        per_class=[PerClassItem1(label=row.label, gained=row.gained, lost=row.lost) for row in changes],
    )
