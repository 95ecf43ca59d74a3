"""From the library's results to the shapes that the console stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gpu_worker import compress, contract, data, evaluate


def to_sizes(sizes: compress.Sizes) -> contract.Sizes:
    """The four sizes, in bytes."""
    return contract.Sizes(file=sizes.file, zstd19=sizes.zstd19, sparse=sizes.sparse, packed=sizes.packed)


def to_merge(merge: contract.Merge) -> compress.Merge:
    """A merge by the digests of what it joins. Raises ValueError when it comes without them."""
    if merge.parents is None:
        raise ValueError("A merge needs the digests of its partner and of the shared ancestor.")
    return compress.Merge(
        method=merge.method,
        weight=merge.weight,
        density=merge.density,
        scale=merge.scale,
        partner=merge.parents.partner,
        ancestor=merge.parents.ancestor,
    )


def to_recipe(recipe: contract.Recipe) -> compress.Recipe:
    """What a compression does, for the library."""
    return compress.Recipe(
        channels=recipe.channels,
        sparsity=recipe.sparsity,
        pattern=recipe.pattern,
        precision=recipe.precision,
        calibration=recipe.calibration,
        keep_float=tuple(recipe.keep_float),
        calibration_samples=recipe.calibration_samples,
        calibration_seed=recipe.calibration_seed,
        round_to=recipe.round_to,
        allocation=recipe.allocation,
        layers=recipe.layers,
        recovery=recipe.recovery,
        merge=None if recipe.merge is None else to_merge(recipe.merge),
    )


def recipe_of(settings: contract.Settings) -> compress.Recipe:
    """The recipe that a commit of these dials has, by the defaults of the contract's Recipe: the studio
    measures the bytes that a commit makes.
    """
    return to_recipe(contract.Recipe(**settings.model_dump()))


def to_layers(layers: Iterable[compress.LayerChange]) -> list[contract.LayerChange]:
    """What a recipe did to each layer."""
    return [
        contract.LayerChange(
            name=layer.name,
            before=layer.before,
            after=layer.after,
            sparsity=layer.sparsity,
            parameters=layer.parameters,
        )
        for layer in layers
    ]


def to_sensitivity(scan: compress.SensitivityScan | None) -> contract.Sensitivity:
    """How far a scan is, and its curves once it is complete; None for a model that has no weights to zero."""
    if scan is None:
        return contract.Sensitivity(done=0, total=0, layers=[])
    curves = scan.curves if scan.complete else {}
    return contract.Sensitivity(
        done=scan.done,
        total=scan.total,
        layers=[
            contract.SensitivityCurve(name=name, ratios=curve.ratios.tolist(), kl=curve.kl.tolist())
            for name, curve in curves.items()
        ],
    )


def to_achieved(achieved: compress.Achieved) -> contract.AchievedRatio:
    """The shares that a recipe reached."""
    return contract.AchievedRatio(channels=achieved.channels, sparsity=achieved.sparsity)


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
