"""Which layers suffer most from a lower precision: the first to be kept in fp32 when a target is missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx

from gpu_worker.compress.batchnorm import fold_batchnorm
from gpu_worker.compress.pipeline import Compressor
from gpu_worker.compress.quantize import activations, insert_qdq
from gpu_worker.compress.recipe import Recipe
from gpu_worker.compress.sensitivity import BATCH, bounded, never
from gpu_worker.compress.weights import nodes_reading
from gpu_worker.evaluate.sessions import open_session

SAMPLES, SEED = 256, 0
"""Train samples that the answers are compared on, and how they are drawn."""


@dataclass(frozen=True)
class LayerHarm:
    """What lowering the precision of one layer alone does to the answers: their divergence from those in
    fp32, by the dataset's task (see Task.divergence).
    """

    name: str
    kl: float


def harmful_layers(
    compressor: Compressor, recipe: Recipe, should_stop: Callable[[], bool] = never
) -> list[LayerHarm]:
    """The layers that a resolved recipe lowers, most harmful first; ties in the order of the graph.

    Each is lowered while every other one stays fp32 (the idea of NNCF's accuracy-aware quantization), on the
    recipe's channels and zeros. Layers that the precision does not reach count 0. Empty when stopped. Raises
    ValueError as `Compressor.build` does, and for fp32.
    """
    if recipe.precision == "fp32":
        raise ValueError("In fp32 no layer is lowered: choose another precision to rank them.")
    plain = compressor.build(recipe.model_copy(update={"precision": "fp32"}))
    compressor.check(recipe)
    model = onnx.load_model_from_string(plain.float_onnx)
    samples = compressor.calibration(SAMPLES, SEED)
    divergence = compressor.divergence()
    lower = _lowering(compressor, recipe, model)

    def answers(data: bytes) -> np.ndarray | None:
        session, found = open_session(data, compressor.threads), []
        for start in range(0, len(samples), BATCH):
            if should_stop():
                return None
            scores = session.run(None, {session.get_inputs()[0].name: samples[start : start + BATCH]})[0]
            found.append(np.asarray(scores, np.float64))
        return np.concatenate(found)

    parent = answers(plain.float_onnx)
    layers = [layer for layer in compressor.imported.layers if layer.name not in recipe.keep_float]
    everything = {layer.initializer for layer in compressor.imported.layers}
    harms = []
    for layer in layers:
        if parent is None or should_stop():
            return []
        lowered = answers(lower(everything - {layer.initializer}))
        if lowered is None:
            return []
        harms.append(LayerHarm(layer.name, bounded(divergence(parent, lowered))))
    return sorted(harms, key=lambda harm: -harm.kl)


def _lowering(compressor: Compressor, recipe: Recipe, model: onnx.ModelProto) -> Callable[[set[str]], bytes]:
    """What lowers a graph but for the initializers it is given; ranges of static int8 are measured once."""
    if recipe.precision != "int8":
        return lambda keep: compressor.lower(model, recipe, keep)
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    fold_batchnorm(folded)
    ranges = compressor.quantizer(recipe).ranges(folded, activations(folded))
    weights = {layer.initializer for layer in compressor.imported.layers}

    def lower(keep: set[str]) -> bytes:
        graph = onnx.ModelProto()
        graph.CopyFrom(folded)
        # The nodes between layers stay fp32, too: they are the same for every layer.
        alone = nodes_reading(graph, weights - keep)
        names = [node.name for node in graph.graph.node if node.name not in alone]
        return insert_qdq(graph, ranges, names).SerializeToString(deterministic=True)

    return lower
