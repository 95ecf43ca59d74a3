"""The run that makes a version by a recipe: the studio's commit."""

from __future__ import annotations

import threading

from gpu_worker import compress
from gpu_worker.contract import CompressResult, CompressSpec
from gpu_worker.evaluate import task_of
from gpu_worker.importer import open_model
from gpu_worker.jobs.data import open_reference
from gpu_worker.jobs.measure import measure_version
from gpu_worker.jobs.ports import Door, Stopped
from gpu_worker.jobs.progress import Checklist
from gpu_worker.jobs.recipes import to_achieved, to_layers, to_recipe


def compress_version(spec: CompressSpec, door: Door, stop: threading.Event, threads: int) -> CompressResult:
    """Makes the child version of a recipe and measures it against its parent on the whole test set.

    The same parent, recipe and dataset give the same bytes. Raises ValueError with the reason for what the
    parent does not allow.
    """
    recovers = spec.recipe.recovery > 0
    checklist = Checklist(
        door, {"load": 1.0} | ({"recover": 40.0} if recovers else {}) | {"build": 1.0, "measure": 8.0}
    )
    checklist.start("load", "Opening model and dataset")
    dataset = open_reference(door, spec.dataset)
    parent = door.blob(spec.parent).read_bytes()
    checklist.finish("load", f"{len(dataset.test_ids)} test samples")
    if stop.is_set():
        raise Stopped("stopped before the child was built")
    recipe = to_recipe(spec.recipe)
    compressor = compress.Compressor(open_model(door.blob(spec.parent_float).read_bytes()), dataset, threads)
    compressor = compressor.merged(recipe, lambda sha256: door.blob(sha256).read_bytes())
    learning = compressor.recovery(recipe)
    if learning is not None:
        checklist.start("recover", "Learning the parent's answers again")
        while not learning.complete:
            if not learning.step(stop.is_set):
                raise Stopped("stopped while the child was learning")
            checklist.advance(
                "recover", learning.done, learning.total, f"{learning.done} of {learning.total} steps"
            )
        checklist.finish("recover", f"{learning.total} steps")
    checklist.start("build", "Applying the recipe")
    built = compressor.build(recipe)
    checklist.finish("build", f"{len(built.onnx)} bytes, parent {len(parent)}")
    checklist.start("measure", "Measuring the child against its parent")
    artifacts = measure_version(
        built.onnx,
        built.float_onnx,
        parent,
        dataset,
        door,
        lambda n, total: checklist.advance("measure", n, total, f"{n} of {total} answers"),
        stop,
        threads,
    )
    checklist.finish("measure", f"{task_of(dataset).figure} {artifacts.evaluation.accuracy:.4f}")
    return CompressResult(
        artifacts=artifacts,
        achieved=to_achieved(built.achieved),
        layers=to_layers(built.layers),
        recipe_digest=compress.recipe_digest(recipe, spec.parent),
    )
