"""What a run trains: a torch module, the input it wants, and the way back to ONNX."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import fx, nn

from gpu_worker.contract import InitArchitecture, TrainSpec
from gpu_worker.data import Dataset, InputSpec
from gpu_worker.importer import (
    ImportRefused,
    export_onnx,
    gives_probabilities,
    import_onnx,
    reinsert_batchnorm,
)
from gpu_worker.jobs.ports import Blobs
from gpu_worker.train import architectures
from gpu_worker.train.fresh import draw_weights

OPSET = 18
CALIBRATION = 512
"""Train samples that a BatchNorm which is put back takes its first statistics from."""


@dataclass(frozen=True)
class Trainable:
    """module: on the CPU, in eval mode. export: the trained module (on the CPU, in eval mode) to ONNX bytes
    with BatchNorm kept, so that the result can be trained again. probabilities: the module ends in a Softmax.
    """

    module: nn.Module
    input: InputSpec
    export: Callable[[nn.Module], bytes]
    probabilities: bool = False


def load_trainable(spec: TrainSpec, blobs: Blobs, dataset: Dataset) -> Trainable:
    """The module a spec starts from. Raises ValueError when it cannot be trained or the dataset does not fit
    it.
    """
    if dataset.task != "classification":
        raise ValueError(
            f"A training run learns single classes, and this dataset is one of {dataset.task}. Recover in the"
            " studio, which learns the parent's answers, or train elsewhere and upload the model."
        )
    if isinstance(spec.init, InitArchitecture):
        trainable = from_architecture(spec.init, spec.hyper.seed)
        classes = spec.init.classes
        if dataset.num_classes > classes:
            raise ValueError(
                f"The dataset has {dataset.num_classes} classes, the architecture only {classes}."
            )
    else:
        trainable = from_version(blobs.blob(spec.init.blob).read_bytes(), spec.hyper.seed, dataset)
        if spec.init.weights == "fresh":
            assert isinstance(trainable.module, fx.GraphModule)
            draw_weights(trainable.module, spec.hyper.seed)
    dataset.batch(dataset.train_ids[:1], trainable.input)
    return trainable


def from_architecture(init: InitArchitecture, seed: int) -> Trainable:
    """A built-in architecture with fresh weights."""
    module = architectures.build(init.name, init.input_shape, init.classes, seed).eval()
    shape = tuple(init.input_shape)
    return Trainable(module, InputSpec("input", (None, *shape)), lambda trained: export_fresh(trained, shape))


def from_version(model: bytes, seed: int, dataset: Dataset) -> Trainable:
    """An ONNX model through the importer, with BatchNorm put back where its exporter folded it.

    Raises ValueError with the importer's reason.
    """
    try:
        imported = import_onnx(model)
    except ImportRefused as refusal:
        raise ValueError(f"This version cannot be trained. {refusal}") from refusal
    if imported.tier > 2:
        raise ValueError(f"This version cannot be trained. {' '.join(imported.tier_reasons)}")
    classes = imported.output_layer.channels
    if dataset.num_classes > classes:
        raise ValueError(f"The dataset has {dataset.num_classes} classes, the version tells {classes} apart.")
    drawn = np.random.default_rng(abs(seed)).permutation(dataset.train_ids)[:CALIBRATION]
    trained_from = reinsert_batchnorm(imported, [torch.from_numpy(dataset.batch(drawn, imported.input))])
    return Trainable(
        trained_from.module,
        trained_from.input,
        lambda module: export_onnx(trained_from, module),
        gives_probabilities(trained_from.model),
    )


def export_fresh(module: nn.Module, input_shape: tuple[int, ...]) -> bytes:
    """ONNX bytes of a plain module with one input and an open batch size; BatchNorm stays a node of its own.

    The same weights always give the same bytes: what the exporter notes about source files is dropped.
    """
    import onnxscript.optimizer  # half a second that a run from a version need not pay

    # It warns on every export that torchvision's operators are not there.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    program = torch.onnx.export(
        module,
        (torch.zeros(2, *input_shape),),
        input_names=["input"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
        optimize=False,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    # The exporter's own optimizer would fold BatchNorm; constants and dead nodes alone may go.
    onnxscript.optimizer.fold_constants(model)
    _drop_zero_biases(model.graph)
    onnxscript.optimizer.remove_unused_nodes(model)
    for part in [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output]:
        part.doc_string = ""
        del part.metadata_props[:]
    del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _drop_zero_biases(graph: onnx.GraphProto) -> None:
    """The exporter gives each convolution without a bias one of zeros, which would come back as a
    parameter.
    """
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        bias = stored.get(node.input[2]) if node.op_type == "Conv" and len(node.input) == 3 else None
        if bias is not None and not numpy_helper.to_array(bias).any():
            del node.input[2]
