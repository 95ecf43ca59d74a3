"""How much each layer matters: what zeroing its smallest weights, and nothing else, does to the answers."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort

from gpu_worker.compress.allocate import Curve
from gpu_worker.compress.sections import Values, reaching, section
from gpu_worker.compress.sparsity import SortedWeights
from gpu_worker.evaluate.sessions import open_session
from gpu_worker.evaluate.tasks import class_divergence
from gpu_worker.importer import Imported, output_gives

Divergence = Callable[[np.ndarray, np.ndarray], float]
"""How far outputs (N, ...) moved from those before, both float64: see Task.divergence."""

RATIOS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SAMPLES, SEED = 512, 0
"""Train samples that a scan asks, and how they are drawn."""

LOST = 100.0
"""What answers count that are not even numbers any more; far more than any that are."""

BATCH = 64
HELD_BYTES = 1 << 29
"""What a scan may hold of the values between two layers; beyond it, it runs more of the network again."""


def never() -> bool:
    """For work that nobody wants to stop."""
    return False


class SensitivityScan:
    """Measures the layers in the order of the graph, each at every one of RATIOS, one step at a time.

    What was measured stays, so a scan can be left and gone on with at any step. Only what lies behind a layer
    is run for it, from the values that reach it in the parent: that halves the work. Steps are for one thread
    at a time; everything else may be read meanwhile.
    """

    def __init__(
        self,
        imported: Imported,
        weights: SortedWeights,
        samples: np.ndarray,
        threads: int = 2,
        divergence: Divergence | None = None,
    ) -> None:
        """weights: of the same model. samples: model input, float32 (N, ...), not of the test part.
        divergence: None reads outputs as those of one class.
        """
        if not len(samples):
            raise ValueError("A sensitivity scan needs at least one sample.")
        self._weights = weights
        self._layers = imported.layers
        self._threads = threads
        self._model = weights.export({})
        self._output = imported.output
        self._divergence = divergence or classes_of(self._model)
        nodes = self._model.graph.node
        self._places = [
            next(place for place, node in enumerate(nodes) if layer.initializer in node.input)
            for layer in self._layers
        ]
        feed = self._model.graph.input[0].name
        self._values: list[Values] = [
            {feed: samples[start : start + BATCH]} for start in range(0, len(samples), BATCH)
        ]
        self._start = 0
        self._parent: np.ndarray | None = None
        self._kl: list[float] = []
        self._seconds = 0.0

    @property
    def done(self) -> int:
        """Steps that are measured."""
        return len(self._kl)

    @property
    def total(self) -> int:
        """Steps of the whole scan: layers times ratios."""
        return len(self._layers) * len(RATIOS)

    @property
    def complete(self) -> bool:
        """Whether every layer has its curve."""
        return self.done == self.total

    @property
    def eta_seconds(self) -> float | None:
        """Seconds that the rest takes at the pace so far; None before the first step.

        A step counts as much as there are layers from its own on: they are what it runs.
        """
        left = len(self._layers) - np.arange(self.total) // len(RATIOS)
        past = int(left[: self.done].sum())
        return self._seconds * int(left[self.done :].sum()) / past if past else None

    @property
    def curves(self) -> dict[str, Curve]:
        """The curves of the layers measured to their end, by name."""
        size, measured = len(RATIOS), list(self._kl)
        return {
            layer.name: Curve(np.array(RATIOS), np.array(measured[size * n : size * (n + 1)]))
            for n, layer in enumerate(self._layers[: len(measured) // size])
        }

    def step(self, should_stop: Callable[[], bool] = never) -> bool:
        """Measures the next ratio; False, and nothing is kept of it, when `should_stop` said so between two
        batches.
        """
        since = time.perf_counter()
        number, ratio = divmod(self.done, len(RATIOS))
        layer, place = self._layers[number], self._places[number]
        if self._parent is None:
            self._parent = self._answers(self._rest(), should_stop)
        if self._parent is None or (ratio == 0 and not self._advance(place, should_stop)):
            return False
        part = self._rest()
        masks = self._weights.mask_for(0.0, {layer.name: RATIOS[ratio]})
        self._weights.write(part, {layer.parameter: masks[layer.parameter]})
        answers = self._answers(part, should_stop)
        if answers is None:
            return False
        harm = bounded(self._divergence(self._parent, answers))
        self._seconds += time.perf_counter() - since
        self._kl.append(harm)
        return True

    def _rest(self) -> onnx.ModelProto:
        return self._section(len(self._model.graph.node), [self._output])

    def _section(self, end: int, outputs: list[str]) -> onnx.ModelProto:
        return section(self._model, self._start, end, self._values[0], outputs)

    def _open(self, part: onnx.ModelProto) -> ort.InferenceSession:
        return open_session(part.SerializeToString(), self._threads)

    def _answers(self, part: onnx.ModelProto, should_stop: Callable[[], bool]) -> np.ndarray | None:
        """Outputs (N, ...), float64, from the values held; None when stopped."""
        session = self._open(part)
        found = []
        for values in self._values:
            if should_stop():
                return None
            found.append(np.asarray(session.run([self._output], values)[0], np.float64))
        return np.concatenate(found)

    def _advance(self, place: int, should_stop: Callable[[], bool]) -> bool:
        """Runs the parent on to a node and holds what reaches it, if that is not too much; False when
        stopped.
        """
        names = reaching(self._model.graph, place)
        new = [name for name in names if name not in self._values[0]]
        if not new:
            return True
        session = self._open(self._section(place, new))
        moved: list[Values] = []
        held = 0
        for values in self._values:
            if should_stop():
                return False
            made = values | dict(zip(new, map(np.asarray, session.run(new, values)), strict=True))
            moved.append({name: made[name] for name in names})
            held += sum(value.nbytes for value in moved[-1].values())
            if held > HELD_BYTES:
                return True
        self._values, self._start = moved, place
        return True


def classes_of(model: onnx.ModelProto) -> Divergence:
    """The KL divergence of outputs that are those of one class."""
    gives = output_gives(model)
    return lambda before, after: class_divergence(
        before.reshape(len(before), -1), after.reshape(len(after), -1), gives
    )


def bounded(divergence: float) -> float:
    """A divergence as it is kept: what is not even a number counts LOST, rounding below 0 nothing."""
    return max(0.0, float(np.nan_to_num(divergence, nan=LOST, posinf=LOST)))
