"""From the results of measuring to the shapes that the console stores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gpu_worker import contract, data, evaluate


def to_paired(paired: evaluate.PairedDifference) -> contract.PairedDifference:
    """A difference on the same samples."""
    return contract.PairedDifference(
        n=paired.n,
        gained=paired.gained,
        lost=paired.lost,
        difference=paired.difference,
        half_width=paired.half_width,
        mcnemar_p=paired.mcnemar_p,
    )


def to_slices(
    dataset: data.Dataset, scores: np.ndarray, compared: np.ndarray | None, graded: bool
) -> list[contract.SliceResult]:
    """How well each slice of the test set is answered. scores, compared: of the model and of its baseline,
    float64 (n,), in the order of the test ids.
    """
    if dataset.slices is None:
        return []
    found: list[contract.SliceResult] = []
    for name, places in dataset.slices.ids(dataset.test_ids):
        mine = scores[places]
        low, high = evaluate.score_interval(mine)
        paired = None
        if compared is not None:
            paired = to_paired(evaluate.paired_difference(compared[places], mine, graded=graded))
        found.append(
            contract.SliceResult(
                name=name,
                n=len(mine),
                accuracy=float(mine.mean()),
                half_width=(high - low) / 2,
                paired=paired,
            )
        )
    return found


def to_latency(
    measured: Mapping[int, evaluate.Latency], against_itself: bool = False
) -> list[contract.Latency]:
    """Latencies by batch, ascending. A model timed against itself has no baseline to be compared with."""
    return [
        contract.Latency(
            batch=batch,
            p50_ms=found.p50_ms,
            baseline_p50_ms=None if against_itself else found.baseline_p50_ms,
            ratio=None if against_itself else found.ratio,
            ratio_low=None if against_itself else found.spread[0],
            ratio_high=None if against_itself else found.spread[1],
            rounds=found.n,
        )
        for batch, found in sorted(measured.items())
    ]


def gained_and_lost(
    task: evaluate.Task, labels: np.ndarray, baseline: np.ndarray, candidate: np.ndarray, width: int
) -> list[contract.PerClassItem]:
    """By label, of `width`: samples or tokens with it, how many of them the candidate has right, those that
    only it has right, and those that only the baseline has. baseline, candidate: answers; [] for numbers.
    """
    of, before = task.parts(baseline, labels)
    _, after = task.parts(candidate, labels)
    if not len(of):
        return []
    chosen = (of >= 0, after, after & ~before, before & ~after)
    counts = [np.bincount(of[which], minlength=width) for which in chosen]
    return [
        contract.PerClassItem(label=label, n=int(n), correct=int(right), gained=int(gained), lost=int(lost))
        for label, (n, right, gained, lost) in enumerate(zip(*counts, strict=True))
    ]


def to_figures(
    task: evaluate.Task,
    labels: np.ndarray,
    parent: np.ndarray | None,
    candidate: np.ndarray,
) -> list[contract.Figure]:
    """What is told beside the score. parent: the baseline's answers to the same samples."""
    before = {} if parent is None or task.is_relative else task.figures(parent, labels, parent)
    return [
        contract.Figure.model_validate({"name": name, "value": value, "baseline": before.get(name)})
        for name, value in task.figures(candidate, labels, parent).items()
    ]
