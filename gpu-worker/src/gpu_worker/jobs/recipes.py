"""Recipes and what came of them, between the library of compression and the console."""

from __future__ import annotations

from collections.abc import Iterable

from gpu_worker import compress, contract


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
