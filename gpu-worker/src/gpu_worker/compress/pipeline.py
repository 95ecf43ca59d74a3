"""A recipe applied: the one path by which the studio measures a setting and a commit makes a version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from gpu_worker.compress.allocate import Curve, allocate_by_sensitivity, allocate_uniform, check_layers
from gpu_worker.compress.available import pattern_refusal, precision_refusals
from gpu_worker.compress.calibrate import Calibration
from gpu_worker.compress.channels import ChannelPruner
from gpu_worker.compress.merge import RECALIBRATION_SAMPLES, Merger, norms_of, recalibrate_norms
from gpu_worker.compress.pattern import SHARE
from gpu_worker.compress.quantize import StaticQuantizer
from gpu_worker.compress.recipe import Merge, Recipe
from gpu_worker.compress.recover import Recovery
from gpu_worker.compress.sensitivity import SAMPLES, SEED, Divergence, SensitivityScan, classes_of
from gpu_worker.compress.sparsity import Masks, SortedWeights, zero_share
from gpu_worker.compress.weights import to_fp16, to_int4, to_int8_dynamic
from gpu_worker.data.dataset import Dataset
from gpu_worker.evaluate.tasks import task_of
from gpu_worker.importer import (
    Imported,
    example_input,
    export_onnx,
    import_onnx,
    open_model,
    output_gives,
)

RECOVERIES = 6
"""Trainings that are kept, so that a search or another precision finds what was learnt."""


@dataclass(frozen=True)
class LayerChange:
    """One layer after a recipe: output channels before and after, share of zeroed weights, weights that
    remain.
    """

    name: str
    before: int
    after: int
    sparsity: float
    parameters: int


@dataclass(frozen=True)
class Achieved:
    """The shares reached: of inner output channels removed, and of the remaining weights zeroed."""

    channels: float
    sparsity: float


@dataclass(frozen=True)
class Compressed:
    """A compressed model.

    onnx: the bytes to measure and serve. float_onnx: the same before quantization (equal for fp32), which is
    what training starts from (`trainable`). masks: by torch parameter name, for `apply_masks`.
    """

    onnx: bytes
    float_onnx: bytes
    masks: Masks
    layers: list[LayerChange]
    achieved: Achieved

    def trainable(self) -> Imported:
        """The compressed model before quantization as fresh torch modules; `masks` fit their names."""
        return import_onnx(self.float_onnx)


class Compressor:
    """Holds what every recipe on one model and dataset shares: channel groups, sorted weights, calibration
    samples.

    The same recipe always gives the same bytes, whatever was built before it. merge: what `imported` came out
    of, if it was merged (see `merged`); recipes on it name the same.
    """

    def __init__(
        self, imported: Imported, dataset: Dataset | None, threads: int = 2, merge: Merge | None = None
    ) -> None:
        self.imported = imported
        self.merge = merge
        self.dataset = dataset
        self.threads = threads
        self._merger: Merger | None = None
        self._pruner: ChannelPruner | None = None
        self._pruned: dict[tuple[float, int], tuple[float, SortedWeights]] = {}
        self._quantizers: dict[tuple[int, int, Calibration], StaticQuantizer] = {}
        self._recoveries: dict[str, Recovery] = {}

    def warm(self) -> None:
        """Does beforehand what the first setting would otherwise wait for."""
        self._base(0.0, 16)
        if self.imported.tier == 1:
            self.pruner()

    def merged(self, recipe: Recipe, model: Callable[[str], bytes]) -> Compressor:
        """The model after the recipe's merge, for its other steps; itself for a recipe without one.

        model: gives the float graph behind a digest. Raises ValueError naming the first difference where the
        graphs do not agree.
        """
        if recipe.merge is None:
            return self
        if self.imported.tier > 2:
            raise ValueError(f"This model cannot be merged. {' '.join(self.imported.tier_reasons)}")
        if self._merger is None:
            self._merger = Merger(self.imported, model, lambda: self.calibration(RECALIBRATION_SAMPLES, SEED))
        found = self._merger.merge(recipe.merge)
        module = found.imported.module
        if norms_of(module) and not found.is_parent:
            recalibrate_norms(module, self.calibration(RECALIBRATION_SAMPLES, recipe.calibration_seed))
        return Compressor(found.imported, self.dataset, self.threads, recipe.merge)

    def pruner(self) -> ChannelPruner:
        """The traced channel groups. Raises ValueError where the tier does not allow pruning."""
        if self.imported.tier != 1:
            raise ValueError(
                f"This model's channels cannot be pruned. {' '.join(self.imported.tier_reasons)}"
            )
        if self._pruner is None:
            self._pruner = ChannelPruner(self.imported, example_input(self.imported.input))
        return self._pruner

    def scan(self) -> SensitivityScan:
        """A sensitivity scan of the unchanged model, on train samples.

        Raises ValueError without a dataset.
        """
        _, weights = self._base(0.0, 16)
        return SensitivityScan(
            self.imported, weights, self.calibration(SAMPLES, SEED), self.threads, self.divergence()
        )

    def divergence(self) -> Divergence:
        """How far outputs moved, by the dataset's task; as those of one class without a dataset."""
        if self.dataset is None:
            return classes_of(self.imported.model)
        return task_of(self.dataset, output_gives(self.imported.model)).divergence

    def needs_scan(self, recipe: Recipe) -> bool:
        """Whether `resolve` needs curves: shares are asked for by sensitivity, and not all are locked.

        Raises ValueError for a share of an unknown layer.
        """
        sizes = self._base(0.0, 16)[1].sizes
        check_layers(recipe.layers, sizes)
        return recipe.allocation == "sensitivity" and recipe.sparsity > 0 and len(recipe.layers) < len(sizes)

    def resolve(self, recipe: Recipe, curves: Mapping[str, Curve] | None = None) -> Recipe:
        """What a commit carries: the recipe, with a ratio for every layer unless weights go by magnitude.

        A layer that the pattern fits gives up at least the pattern's share, unless it is locked. curves: of a
        complete scan; they stay those of the unchanged model when channels are removed, too.
        """
        if recipe.allocation == "magnitude":
            return recipe
        weights = self._base(recipe.channels, recipe.round_to)[1]
        fitting = weights.fitting(recipe.pattern)
        held = dict(recipe.layers)
        while True:
            layers = self._allocate(recipe, weights.sizes, held, curves)
            low = [name for name in fitting if name not in held and layers[name] < SHARE]
            if not low:
                return recipe.model_copy(update={"layers": layers})
            # What they give beyond their share, the others need not.
            held |= dict.fromkeys(low, SHARE)

    def _allocate(
        self,
        recipe: Recipe,
        sizes: Mapping[str, int],
        held: Mapping[str, float],
        curves: Mapping[str, Curve] | None,
    ) -> dict[str, float]:
        if not self.needs_scan(recipe):
            return allocate_uniform(sizes, held, recipe.sparsity)
        if curves is None:
            raise ValueError("Shares by sensitivity need a scan first.")
        return allocate_by_sensitivity(curves, sizes, held, recipe.sparsity)

    def unfit(self) -> tuple[list[str], str | None]:
        """The layers by name that 2:4 does not fit, in the order of the graph; why it is no choice where
        these are all.
        """
        weights = self._base(0.0, 16)[1]
        fitting = weights.fitting("2:4")
        return [name for name in weights.sizes if name not in fitting], pattern_refusal(weights)

    def check(self, recipe: Recipe) -> None:
        """Raises ValueError, with the reason, for a pattern, precision or layer that this model does not
        have.
        """
        weights = self._base(recipe.channels, recipe.round_to)[1]
        check_layers(recipe.keep_float, weights.sizes)
        refusals = (
            None if recipe.pattern == "none" else pattern_refusal(weights),
            precision_refusals(self.imported).get(recipe.precision),
        )
        for refusal in refusals:
            if refusal is not None:
                raise ValueError(refusal)

    def recovery(self, recipe: Recipe) -> Recovery | None:
        """The training of a resolved recipe, as far as it is; None where the recipe has none.

        `build` takes it to its end. Raises ValueError without a dataset.
        """
        if recipe.recovery == 0:
            return None
        if self.imported.tier > 2:
            raise ValueError(f"This model cannot learn. {' '.join(self.imported.tier_reasons)}")
        if self.dataset is None:
            raise ValueError("Recovery needs a dataset to learn from.")
        key = recipe.learnt().canonical_json()
        found = self._recoveries.pop(key, None)
        if found is None:
            _, weights = self._base(recipe.channels, recipe.round_to)
            pruned = weights.export(weights.mask_for(recipe.sparsity, recipe.layers, recipe.pattern))
            found = Recovery(
                pruned.SerializeToString(),
                export_onnx(self.imported),
                self.dataset,
                recipe.recovery,
                recipe.calibration_seed,
                self.threads,
            )
        # The latest lies last; the one that was not asked for longest goes first.
        self._recoveries[key] = found
        while len(self._recoveries) > RECOVERIES:
            del self._recoveries[next(iter(self._recoveries))]
        return found

    def build(self, recipe: Recipe) -> Compressed:
        """The model that a resolved recipe makes.

        Raises ValueError, with the reason, for what this model does not allow.
        """
        if self.imported.tier > 3:
            raise ValueError(f"This model can only be served. {' '.join(self.imported.tier_reasons)}")
        assert recipe.merge == self.merge, "a recipe is built on the model that its merge makes"
        achieved, weights = self._base(recipe.channels, recipe.round_to)
        missing = [name for name in weights.sizes if name not in recipe.layers]
        if recipe.allocation != "magnitude" and missing:
            raise ValueError(
                f"A recipe by {recipe.allocation} holds the ratio of every layer, but not of"
                f" {', '.join(missing)}."
            )
        self.check(recipe)
        masks = weights.mask_for(recipe.sparsity, recipe.layers, recipe.pattern)
        learning = self.recovery(recipe)
        while learning is not None and not learning.complete:
            learning.step()
        proto = weights.export(masks) if learning is None else learning.model()
        plain = proto.SerializeToString(deterministic=True)
        final = self.lower(proto, recipe, self.initializers(recipe.keep_float))
        layers = [
            LayerChange(
                layer.name,
                layer.channels,
                masks[layer.parameter].shape[layer.channel_dim],
                zero_share({layer.parameter: masks[layer.parameter]}),
                masks[layer.parameter].numel(),
            )
            for layer in self.imported.layers
        ]
        return Compressed(final, plain, masks, layers, Achieved(achieved, zero_share(masks)))

    def initializers(self, layers: Collection[str]) -> list[str]:
        """Where the weights of layers live in the graph."""
        return [layer.initializer for layer in self.imported.layers if layer.name in layers]

    def lower(self, proto: onnx.ModelProto, recipe: Recipe, keep: Collection[str]) -> bytes:
        """A graph in the recipe's precision. keep: initializers whose nodes stay fp32."""
        if recipe.precision == "int8":
            return self.quantizer(recipe).quantize(proto, keep)
        if recipe.precision == "int8_dynamic":
            return to_int8_dynamic(proto, keep)
        if recipe.precision == "int4":
            return to_int4(proto, keep)
        if recipe.precision == "fp16":
            return to_fp16(proto, keep)
        return proto.SerializeToString(deterministic=True)

    def calibration(self, samples: int, seed: int) -> np.ndarray:
        """The model input that int8 ranges and BatchNorm statistics come from: train samples drawn by
        seed.
        """
        if self.dataset is None:
            raise ValueError("Calibration needs a dataset.")
        ids = np.random.default_rng(seed).permutation(self.dataset.train_ids)[:samples]
        return self.dataset.batch(np.sort(ids), self.imported.input)

    def _base(self, ratio: float, round_to: int) -> tuple[float, SortedWeights]:
        """The model after channel pruning with its weights sorted; unpruned and latest are kept."""
        key = (ratio, round_to) if ratio > 0 else (0.0, 0)
        found = self._pruned.get(key)
        if found is None:
            if ratio > 0:
                pruning = self.pruner().prune(ratio, round_to)
                pruned, achieved = self.imported.with_module(pruning.module), pruning.achieved
            else:
                pruned, achieved = self.imported, 0.0
            found = (achieved, SortedWeights(pruned))
            self._pruned = {k: v for k, v in self._pruned.items() if k == (0.0, 0)} | {key: found}
        return found

    def quantizer(self, recipe: Recipe) -> StaticQuantizer:
        """What makes static int8 by a recipe's calibration. Raises ValueError without a dataset."""
        key = (recipe.calibration_samples, recipe.calibration_seed, recipe.calibration)
        if key not in self._quantizers:
            samples = self.calibration(recipe.calibration_samples, recipe.calibration_seed)
            self._quantizers = {key: StaticQuantizer(samples, self.threads, recipe.calibration)}
        return self._quantizers[key]


def apply_recipe(
    model: bytes,
    recipe: Recipe,
    dataset: Dataset | None,
    threads: int = 2,
    relative: Callable[[str], bytes] | None = None,
) -> Compressed:
    """A recipe on a parent's bytes: the same recipe, parent and dataset give the same bytes on one machine
    type.

    relative: gives the float graph behind a digest that the recipe's merge names. Raises ImportRefused or
    ValueError with the reason when the model does not allow it.
    """
    compressor = Compressor(open_model(model), dataset, threads)
    if recipe.merge is not None:
        if relative is None:
            raise ValueError("A recipe with a merge needs the graphs that it names.")
        compressor = compressor.merged(recipe, relative)
    return compressor.build(recipe)
