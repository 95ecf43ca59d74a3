"""What a session holds warm: the version, its dials, the samples in their order, and the version's own
answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
import onnxruntime as ort

from gpu_worker.compress import (
    Compressed,
    Compressor,
    Merge,
    Recipe,
    Recovery,
    SensitivityScan,
    harmful_layers,
    macs,
    parameter_count,
    precision_refusals,
    sizes,
)
from gpu_worker.contract import (
    DesiredSession,
    LayerChange,
    Settings,
    Sizes,
    UnavailableItem,
)
from gpu_worker.data import Dataset
from gpu_worker.evaluate import (
    Latency,
    evaluate,
    evaluation_order,
    joined,
    latency,
    log_probabilities,
    open_session,
    predict,
    session_input,
    task_of,
)
from gpu_worker.importer import ImportRefused, Unit, open_model, output_gives
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.ports import Blobs
from gpu_worker.jobs.recipes import recipe_of, to_layers, to_sizes
from gpu_worker.jobs.threads import evaluation_threads

BATCHES = (1, 64)
COMPACT = ("int4", "int8", "fp16")
"""Precisions that a search tries, the most compact first; dynamic int8 weighs what static does."""

LATENCY_ROUNDS, OWN_ROUNDS = 12, 5
"""Of a candidate beside the version, and of the version alone: whoever opens a session waits for these."""

MERGES_KEPT = 4
"""Merged models that stay warm: who turns another dial or compares two weights waits for nothing."""
UNTOUCHED = Settings(channels=0, sparsity=0, precision="fp32")


class Unavailable(ValueError):
    """A setting that this version does not allow; the message is the reason."""


class Dials:
    """What builds the settings of one base: the version, or the version with a partner merged in."""

    def __init__(self, compressor: Compressor) -> None:
        self.compressor = compressor
        self._scan: SensitivityScan | None = None

    @property
    def scan(self) -> SensitivityScan:
        """How sensitive the layers of this base are; begun when first asked for."""
        if self._scan is None:
            self._scan = self.compressor.scan()
        return self._scan

    @property
    def known_scan(self) -> SensitivityScan | None:
        """The scan, if it has been asked for."""
        return self._scan


@dataclass(frozen=True)
class BaselineFacts:
    """What is known of the version without a sample."""

    sizes: Sizes
    macs: int
    parameters: int
    layers: list[LayerChange]
    channel_stops: list[float]
    units: list[Unit]
    latency: dict[int, Latency]


class Bench:
    """One version on one dataset. Methods are called from one thread at a time, except
    `baseline_measured`.
    """

    def __init__(self, desired: DesiredSession, blobs: Blobs) -> None:
        self._blobs = blobs
        self.dataset: Dataset = open_reference(blobs, desired.dataset)
        self.order = evaluation_order(self.dataset)
        self.threads = evaluation_threads(desired.cpus)
        self._model = blobs.blob(desired.model).read_bytes()
        self.session = open_session(self._model, self.threads)
        # Refuses here, with both shapes, a dataset that does not fit the version.
        self.example = self.dataset.batch(self.order[: max(BATCHES)], session_input(self.session))
        self._gives = output_gives(onnx.load_model_from_string(self._model))
        # Whatever is built from a version ends as it does.
        self.task = task_of(self.dataset, self._gives)
        # Refuses here, with both shapes, outputs that the dataset's labels do not fit.
        self.task.answers(predict(self.session, self.example[:1]))
        self._answers = np.empty(0, np.int64)
        self.unavailable: list[UnavailableItem] = []
        self.pattern_unfit: list[str] = []
        self._version = self._open_dials(blobs.blob(desired.float_model).read_bytes())
        self.scan: SensitivityScan | None = None if self._version is None else self._version.scan
        self._merged: dict[Merge, Dials] = {}
        self._latency_session = open_session(self._model, 1)

    def facts(self) -> BaselineFacts:
        """Measures what the console shows of the version itself."""
        layers: list[LayerChange] = []
        stops: list[float] = []
        units: list[Unit] = []
        if self._version is not None:
            compressor = self._version.compressor
            layers = to_layers(compressor.build(recipe_of(UNTOUCHED)).layers)
            if self.allows("channels"):
                stops = [stop for stop in compressor.pruner().stops() if stop <= 0.9]
                units = compressor.pruner().units()
        return BaselineFacts(
            sizes=to_sizes(sizes(self._model)),
            macs=macs(self._model),
            parameters=parameter_count(self._model),
            layers=layers,
            channel_stops=stops,
            units=units,
            latency=self.own_latency,
        )

    @cached_property
    def own_latency(self) -> dict[int, Latency]:
        """The version timed alone."""
        return latency(self._latency_session, self._latency_session, self.example, BATCHES, OWN_ROUNDS)

    def allows(self, dial: str) -> bool:
        """Whether this version can be changed by a dial, by some of its choices at least."""
        return all(item.dial != dial or item.option is not None for item in self.unavailable)

    def _offers(self, precision: str) -> bool:
        """Whether this version can be lowered to a precision."""
        return all(
            item.dial != "precision" or item.option not in (None, precision) for item in self.unavailable
        )

    def awaited_scan(self, settings: Settings) -> SensitivityScan | None:
        """The scan that must be complete before these settings can be built; None where they need none.

        Raises as `build` does.
        """
        dials = self._dials(settings)
        return dials.scan if dials.compressor.needs_scan(recipe_of(settings)) else None

    def awaited_recovery(self, settings: Settings) -> Recovery | None:
        """The training that must be complete before these settings can be built; None where they need none.

        The scan that they need is complete. Raises as `build` does.
        """
        dials, recipe = self._resolved(settings)
        return dials.compressor.recovery(recipe)

    def precisions(self) -> list[str]:
        """What may be asked for besides fp32, the most compact first."""
        return [name for name in COMPACT if self._offers(name)]

    def harmful(self, settings: Settings, stop: Callable[[], bool]) -> list[str]:
        """Layers of these settings by name that cost something in their precision, the most harmful first;
        none when stopped.
        """
        dials, recipe = self._resolved(settings)
        found = harmful_layers(dials.compressor, recipe, stop)
        return [layer.name for layer in found if layer.kl > 0]

    def build(self, settings: Settings) -> Compressed:
        """The candidate. Raises Unavailable, with the reason, when a dial that is turned cannot be, and
        ValueError for a layer that the version does not have or a partner whose graph is another.
        """
        dials, recipe = self._resolved(settings)
        return dials.compressor.build(recipe)

    def _resolved(self, settings: Settings) -> tuple[Dials, Recipe]:
        dials, recipe = self._dials(settings), recipe_of(settings)
        scan = dials.known_scan
        curves = scan.curves if scan is not None and scan.complete else None
        return dials, dials.compressor.resolve(recipe, curves)

    def open(self, model: bytes) -> ort.InferenceSession:
        """A session for counting right answers."""
        return open_session(model, self.threads)

    def predict(
        self, session: ort.InferenceSession, start: int, end: int, stop: Callable[[], bool]
    ) -> np.ndarray:
        """Answers to the samples order[start:end], see Task; fewer when `stop` says so."""
        ids = self.order[start:end]
        return evaluate(session, self.dataset, ids, should_stop=stop, task=self.task).answers

    def probabilities(self, session: ort.InferenceSession, places: np.ndarray) -> np.ndarray:
        """What a model says of the classes of the samples order[places]: float (N, classes)."""
        if not len(places):
            return np.empty((0, self.dataset.num_classes))
        batch = self.dataset.batch(self.order[places], session_input(session))
        scores = np.asarray(predict(session, batch), np.float64).reshape(len(places), -1)
        return np.exp(log_probabilities(scores, self._gives == "softmax"))

    def scores(self, answers: np.ndarray) -> np.ndarray:
        """What answers to the first samples score, float64 (n,); the version's own are known that far."""
        n = len(answers)
        return self.task.scores(answers, self.labels(n), self._answers[:n])

    def labels(self, n: int) -> np.ndarray:
        """Labels of the first n samples."""
        return self.dataset.y[self.order[:n]]

    def baseline(self, n: int, stop: Callable[[], bool]) -> np.ndarray | None:
        """The version's own answers to the first n samples, measured once; None when stopped before."""
        if len(self._answers) < n:
            self._answers = joined(self._answers, self.predict(self.session, len(self._answers), n, stop))
        return self._answers[:n] if len(self._answers) >= n else None

    def baseline_measured(self) -> np.ndarray:
        """The version's own answers so far."""
        return self._answers

    def time(
        self,
        candidate: ort.InferenceSession,
        stop: Callable[[], bool],
        batches: tuple[int, ...] = BATCHES,
    ) -> dict[int, Latency]:
        """Latency of a candidate (a one-thread session) beside the version's, interleaved."""
        return latency(
            candidate, self._latency_session, self.example, batches, LATENCY_ROUNDS, should_stop=stop
        )

    def _dials(self, settings: Settings) -> Dials:
        """What builds these settings; raises Unavailable when it cannot."""
        turned = {
            "channels": settings.channels > 0,
            "sparsity": settings.sparsity > 0 or any(settings.layers.values()),
            "pattern": settings.pattern != "none",
            "recovery": settings.recovery > 0,
            "precision": settings.precision != "fp32",
            "merge": settings.merge is not None,
        }
        for item in self.unavailable:
            if turned[item.dial] and item.option in (None, settings.precision):
                raise Unavailable(item.reason)
        if self._version is None:
            raise Unavailable(self.unavailable[0].reason)
        recipe = recipe_of(settings)
        return (
            self._version if recipe.merge is None else self._merged_into(self._version, recipe, recipe.merge)
        )

    def _merged_into(self, version: Dials, recipe: Recipe, merge: Merge) -> Dials:
        """The version with a partner merged in; the latest few are kept."""
        found = self._merged.pop(merge, None)
        if found is None:
            found = Dials(version.compressor.merged(recipe, lambda sha: self._blobs.blob(sha).read_bytes()))
        self._merged[merge] = found
        while len(self._merged) > MERGES_KEPT:
            del self._merged[next(iter(self._merged))]
        return found

    def _open_dials(self, float_model: bytes) -> Dials | None:
        try:
            imported = open_model(float_model)
            if imported.tier > 3:
                raise ImportRefused("", "", " ".join(imported.tier_reasons))
        except ImportRefused as refusal:
            self.unavailable = [
                UnavailableItem(dial="channels", reason=str(refusal)),
                UnavailableItem(dial="sparsity", reason=str(refusal)),
                UnavailableItem(dial="pattern", reason=str(refusal)),
                UnavailableItem(dial="recovery", reason=str(refusal)),
                UnavailableItem(dial="precision", reason=str(refusal)),
                UnavailableItem(dial="merge", reason=str(refusal)),
            ]
            return None
        compressor = Compressor(imported, self.dataset, self.threads)
        compressor.warm()
        if imported.tier > 1:
            reason = " ".join([f"Tier {imported.tier}.", *imported.tier_reasons])
            missing = ("channels",) if imported.tier == 2 else ("channels", "recovery", "merge")
            self.unavailable = [UnavailableItem(dial=dial, reason=reason) for dial in missing]
        self.pattern_unfit, refusal = compressor.unfit()
        if refusal is not None:
            self.unavailable.append(UnavailableItem(dial="pattern", reason=refusal))
        self.unavailable.extend(
            UnavailableItem(dial="precision", option=precision, reason=reason)
            for precision, reason in precision_refusals(imported).items()
        )
        return Dials(compressor)
