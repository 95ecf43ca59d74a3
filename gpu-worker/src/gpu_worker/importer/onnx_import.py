"""From ONNX bytes to an `Imported`, with its parity and tier measured rather than assumed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import helper
from torch import nn

from gpu_worker.data.spec import InputSpec
from gpu_worker.importer import (  # noqa: F401  (they register their translations)
    ops_conv,
    ops_dense,
    ops_norms,
    ops_plain,
    ops_reduce,
    ops_resize,
    ops_shape,
)
from gpu_worker.importer.build import Builder
from gpu_worker.importer.export import export_onnx, export_proto
from gpu_worker.importer.interface import declare_output
from gpu_worker.importer.limits import with_tier
from gpu_worker.importer.normalise import normalise
from gpu_worker.importer.slicing import halve, trace_groups
from gpu_worker.importer.types import PARITY_LIMIT, SMALLEST_REFERENCE, Imported, ImportRefused, Tier

INPUT_DTYPES = ("float32", "int64", "int32")

OPEN_SIZE = 32
"""Length tried for an input dimension that the model leaves open."""


def import_onnx(data: bytes) -> Imported:
    """An ONNX model as a torch module with real Conv, Linear and BatchNorm layers, checked against ONNX
    Runtime.

    Raises ImportRefused, naming the node, when an operator or the graph's form has no translation; its tier
    says what is left to do. A model that imports but differs from ONNX Runtime by more than 1e-4 gets tier 4.
    """
    try:
        return import_normalised(normalise(data), data)
    except MemoryError:
        raise
    except ImportRefused as refusal:
        raise with_tier(refusal, data) from refusal.__cause__
    # ONNX's inference, its reference operators and torch's constructors each raise kinds of their own.
    except Exception as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0][:300]
        refusal = ImportRefused("", "", f"The graph could not be followed: {detail}")
        raise with_tier(refusal, data) from error


def import_normalised(model: onnx.ModelProto, original: bytes | None = None) -> Imported:
    """As `import_onnx`, for a graph that is already in the plain form.

    original: the file that the graph was made from, which it must agree with, too.
    """
    imported, tokens = _follow(model)
    return _assess(imported, example_input(imported.input, tokens=tokens), original)


def plain_form(data: bytes) -> onnx.ModelProto:
    """The graph that `import_onnx` keeps of a model, without the runs that measure its parity and tier.

    Raises ImportRefused, naming the node, as `import_onnx` does.
    """
    return export_proto(_follow(normalise(data))[0])


def _follow(model: onnx.ModelProto) -> tuple[Imported, int]:
    """A model that is not assessed yet, and how many tokens its input knows."""
    spec = input_spec(model)
    if spec.dtype not in INPUT_DTYPES:
        reason = (
            f"The input '{spec.name}' is {spec.dtype}; models are trained on {' or '.join(INPUT_DTYPES)}."
        )
        raise ImportRefused("", "", reason)
    builder = Builder(model)
    module = builder.build()
    if not builder.layers:
        raise ImportRefused("", "", "The model has no convolution or linear layer with weights.")
    declare_output(model, builder.shapes.get(model.graph.output[0].name))
    imported = Imported(
        module, model, spec, model.graph.output[0].name, builder.layers, builder.weights, float("inf"), 4, []
    )
    return imported, builder.tokens


def input_spec(model: onnx.ModelProto) -> InputSpec:
    """Name, shape and dtype of the first graph input that is no initializer."""
    stored = {tensor.name for tensor in model.graph.initializer}
    value = next(value for value in model.graph.input if value.name not in stored)
    tensor = value.type.tensor_type
    shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    return InputSpec(value.name, shape, str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)))


def example_input(spec: InputSpec, batch: int = 3, seed: int = 0, tokens: int = 2) -> torch.Tensor:
    """Seeded noise of the model's input shape: normal, or whole numbers below `tokens` for an integer input.

    Open dimensions get 32.
    """
    shape = [batch, *(OPEN_SIZE if length is None else length for length in spec.shape[1:])]
    generator = torch.Generator().manual_seed(seed)
    if spec.dtype == "float32":
        return torch.randn(shape, generator=generator)
    return torch.randint(tokens, shape, generator=generator).to(getattr(torch, spec.dtype))


def parity(module: nn.Module, onnx_bytes: bytes, example: torch.Tensor) -> float:
    """Largest absolute difference between torch and ONNX Runtime, relative to the largest output.

    A file with a fixed batch size gets as many of the samples as it takes, repeated where there are too few.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # It runs once: weights laid out for speed, and memory kept for the next run, would be copies for nothing.
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    session = ort.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0]
    if isinstance(feed.shape[0], int):
        example = example[torch.arange(feed.shape[0]) % len(example)]
    expected = np.asarray(session.run(None, {feed.name: example.numpy()})[0])
    module.eval()
    with torch.no_grad():
        found = module(example).numpy()
    if found.shape != expected.shape or not np.isfinite(expected).all():
        return float("inf")
    return float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), SMALLEST_REFERENCE))


def _assess(imported: Imported, example: torch.Tensor, original: bytes | None) -> Imported:
    """Measures parity, then tries what tier 1 promises: halve every channel group and compare again."""
    difference = float("inf")
    tier: Tier = 4
    reasons: list[str] = []
    try:
        difference = parity(imported.module, export_onnx(imported), example)
        if original is not None:
            difference = max(difference, parity(imported.module, original, example))
        if not difference <= PARITY_LIMIT:
            reasons = [f"PyTorch and ONNX Runtime differ by {difference:.1e}, more than {PARITY_LIMIT:.0e}."]
        else:
            tier, reasons = _prunable(imported, example)
    # A runtime or torch error of any kind means that this model cannot be used here.
    except Exception as error:
        reasons = [f"A test run failed: {str(error).splitlines()[0][:300]}"]
    return replace(imported, parity=difference, tier=tier, tier_reasons=reasons)


def _prunable(imported: Imported, example: torch.Tensor) -> tuple[Tier, list[str]]:
    try:
        groups = trace_groups(imported, example)
        if not groups:
            return 2, ["No channels can be pruned: every layer is tied to the input or the output."]
        halved = halve(imported.module, groups)
        difference = parity(halved, export_onnx(imported, halved), example)
    # torch-pruning and torch raise whatever they meet in a graph they cannot follow.
    except Exception as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0][:300]
        return 2, [f"Channels cannot be pruned: something in the graph is tied to their number ({detail})."]
    if difference <= PARITY_LIMIT:
        return 1, []
    return 2, [
        f"Channels cannot be pruned: the pruned network differs from ONNX Runtime by {difference:.1e}."
    ]
