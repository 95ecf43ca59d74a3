"""ONNX to trainable PyTorch and back."""

from gpu_worker.data.outputs import Gives, gives_probabilities, output_gives
from gpu_worker.data.spec import InputSpec
from gpu_worker.importer.export import export_onnx, export_proto
from gpu_worker.importer.onnx_import import example_input, import_onnx, input_spec, parity, plain_form
from gpu_worker.importer.outputs import to_logits
from gpu_worker.importer.recalibrate import reinsert_batchnorm
from gpu_worker.importer.slicing import ChannelGroup, Unit, remove_channels, trace_groups
from gpu_worker.importer.types import PARITY_LIMIT, Imported, ImportRefused, Layer, Tier, Weight
from gpu_worker.importer.weights_only import open_model

__all__ = [
    "PARITY_LIMIT",
    "ChannelGroup",
    "Gives",
    "ImportRefused",
    "Imported",
    "InputSpec",
    "Layer",
    "Tier",
    "Unit",
    "Weight",
    "example_input",
    "export_onnx",
    "export_proto",
    "gives_probabilities",
    "import_onnx",
    "input_spec",
    "open_model",
    "output_gives",
    "parity",
    "plain_form",
    "reinsert_batchnorm",
    "remove_channels",
    "to_logits",
    "trace_groups",
]
