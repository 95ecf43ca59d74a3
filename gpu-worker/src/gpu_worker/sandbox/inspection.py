"""The checks in their order, run inside the child; parsers are imported only after our own rules passed."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_worker.sandbox.magic import check_magic
from gpu_worker.sandbox.report import (
    ChecklistItem,
    FileSizes,
    Inspection,
    Limits,
    OpCount,
    Refused,
    TensorSpec,
    TestRun,
)
from gpu_worker.sandbox.structure import check_structure

if TYPE_CHECKING:
    import numpy as np
    import onnx

OPEN_SIZE = 32
"""Length tried for an input dimension that the model leaves open."""

MAX_INPUT_BYTES = 256 << 20

MAX_PRODUCER = 200
"""Characters of the producer's name and version that are kept."""

NODE = re.compile(r"(?:Name:|node name:) ?([^\s(),]+)")
"""How the checker and shape inference name the node they complain of."""


def inspect(
    path: Path, name: str, limits: Limits, isolation: str, before_parsing: Callable[[], None] = lambda: None
) -> Iterator[ChecklistItem | Inspection]:
    """Yields the checklist as it proceeds and ends with the Inspection.

    before_parsing is called when the libraries are loaded and before they see the file: there the child
    limits its memory. Raises Refused at the first rule that the file breaks.
    """
    yield ChecklistItem("received", "running")
    size = path.stat().st_size
    if size > limits.file_bytes:
        message = f"{name} has {size} bytes; at most {limits.file_bytes} are accepted."
        raise Refused("size.limit", message, "Upload a smaller model.")
    data = path.read_bytes()
    yield ChecklistItem("received", "ok", f"{size} bytes, sha256 {hashlib.sha256(data).hexdigest()}")

    yield ChecklistItem("magic", "running")
    check_magic(data, name)
    yield ChecklistItem("magic", "ok", "no pickle, archive or program")

    yield ChecklistItem("structure", "running")
    found = check_structure(data)
    yield ChecklistItem("structure", "ok", f"{found.nodes} nodes, {found.initializers} initializers")

    import gpu_worker.compress
    import gpu_worker.importer  # noqa: F401

    before_parsing()
    yield ChecklistItem("checker", "running")
    model = _checked(data)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    infinite = _not_finite(model)
    said = f"opset {opset}, {model.producer_name[:MAX_PRODUCER] or 'unknown producer'}"
    yield ChecklistItem("checker", "ok", said + (f"; infinity in {infinite}" if infinite else ""))

    yield ChecklistItem("shapes", "running")
    model = _with_shapes(model)
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [_spec(value) for value in model.graph.input if value.name not in stored]
    outputs = [_spec(value) for value in model.graph.output]
    yield ChecklistItem("shapes", "ok", f"{_shown(inputs)} → {_shown(outputs)}")

    yield ChecklistItem("test_inference", "running")
    run = _run(data, inputs)
    yield ChecklistItem("test_inference", "ok", f"{_shown(run.outputs)} in {run.ms:.1f} ms")

    yield ChecklistItem("importable", "running")
    tier, reasons, limiting, parity = _tier(data)
    state = "ok" if tier == 1 else "warning"
    yield ChecklistItem("importable", state, " ".join([f"tier {tier}", *reasons]))

    yield _inspection(data, model, opset, inputs, outputs, run, tier, reasons, limiting, parity, isolation)


def _checked(data: bytes) -> onnx.ModelProto:
    import onnx

    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model, full_check=False)
    except Exception as error:  # the parser and the checker raise many kinds; each means the same here
        message = f"Not valid ONNX: {first_line(error)}"
        raise Refused("checker.invalid", message, "Export the model again.", place(error)) from error
    return model


def _not_finite(model: onnx.ModelProto) -> str:
    """The tensors that hold infinities, in words: masks of attention do, and the test run tells whether they
    spread. Raises Refused for NaN, which no honest weight is.
    """
    import numpy as np
    from onnx import numpy_helper

    tensors = [*model.graph.initializer]
    for node in model.graph.node:
        tensors.extend(attribute.t for attribute in node.attribute if attribute.HasField("t"))
    infinite: list[str] = []
    for tensor in tensors:
        values = numpy_helper.to_array(tensor)
        if values.dtype.kind not in "fc" or np.isfinite(values).all():
            continue
        if np.isnan(values).any():
            message = f"{int(np.isnan(values).sum())} of {values.size} values of '{tensor.name}' are NaN."
            remedy = "Training diverged or the file is damaged: export an earlier checkpoint."
            raise Refused("weights.nan", message, remedy, f"tensor {tensor.name}")
        infinite.append(tensor.name)
    return ", ".join(infinite[:3]) + (f" and {len(infinite) - 3} more" if len(infinite) > 3 else "")


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnx import shape_inference

    from gpu_worker.importer.shapes import drop_large

    drop_large(model)
    try:
        return shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:  # as above
        message = f"Shapes contradict each other: {first_line(error)}"
        raise Refused("shapes.invalid", message, "Export the model again.", place(error)) from error


def _run(data: bytes, inputs: list[TensorSpec]) -> TestRun:
    """One inference at batch 1 on seeded random input, on one thread and without a memory arena."""
    import numpy as np
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.log_severity_level = 4
    rng = np.random.default_rng(0)
    feeds = {spec.name: _random(spec, rng) for spec in inputs}
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        start = time.perf_counter()
        results: list[Any] = list(session.run(None, feeds))
        ms = (time.perf_counter() - start) * 1e3
    except MemoryError:
        raise
    except Exception as error:  # ONNX Runtime has an exception class for each status code
        if "alloc" in str(error).lower():
            raise MemoryError(str(error)) from error
        message = f"A test run failed: {first_line(error)}"
        raise Refused(
            "inference.failed", message, "Run the model with ONNX Runtime and export it again."
        ) from error
    outputs = [
        TensorSpec(output.name, str(value.dtype), list(value.shape))
        for output, value in zip(session.get_outputs(), map(np.asarray, results), strict=True)
    ]
    if not all(np.isfinite(value).all() for value in map(np.asarray, results) if value.dtype.kind == "f"):
        raise Refused(
            "inference.not_finite",
            "A test run on random input gave NaN or infinity.",
            "Check the weights and export the model again.",
        )
    return TestRun(ms, outputs)


def _random(spec: TensorSpec, rng: np.random.Generator) -> np.ndarray:
    import numpy as np

    shape = [
        1 if axis == 0 and n is None else OPEN_SIZE if n is None else n for axis, n in enumerate(spec.shape)
    ]
    dtype = np.dtype(spec.dtype)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size > MAX_INPUT_BYTES:
        message = f"The input '{spec.name}' takes {size} bytes for one sample."
        remedy = f"At most {MAX_INPUT_BYTES} bytes are accepted."
        raise Refused("inference.input_size", message, remedy, f"input {spec.name}")
    return rng.standard_normal(shape).astype(dtype) if dtype.kind == "f" else np.zeros(shape, dtype)


def _tier(data: bytes) -> tuple[int, list[str], str | None, float | None]:
    """Tier, its reasons, the node that limits it where one does, and parity."""
    from gpu_worker.importer import ImportRefused, import_onnx

    try:
        imported = import_onnx(data)
    except ImportRefused as error:
        return error.tier, [str(error)], error.node or None, None
    parity = imported.parity if imported.parity != float("inf") else None
    return imported.tier, imported.tier_reasons, None, parity


def _inspection(
    data: bytes,
    model: onnx.ModelProto,
    opset: int,
    inputs: list[TensorSpec],
    outputs: list[TensorSpec],
    run: TestRun,
    tier: int,
    reasons: list[str],
    limiting: str | None,
    parity: float | None,
    isolation: str,
) -> Inspection:
    from collections import Counter

    import onnx

    from gpu_worker.compress import macs_by_node, parameter_count, sizes
    from gpu_worker.sandbox.graph import graph_view
    from gpu_worker.sandbox.layers import layers

    counted = sizes(data)
    macs = macs_by_node(data)
    # Read again: shape inference left the values of large weights out.
    rows = layers(onnx.load_model_from_string(data), macs)
    graph = graph_view(model, rows)
    drawn = {node.name for node in graph.nodes}
    ops = Counter(node.op_type for node in model.graph.node)
    return Inspection(
        ir_version=model.ir_version,
        opset=opset,
        producer=f"{model.producer_name} {model.producer_version}".strip()[:MAX_PRODUCER],
        inputs=inputs,
        outputs=outputs,
        parameters=parameter_count(data),
        ops=[OpCount(op, count) for op, count in sorted(ops.items(), key=lambda item: (-item[1], item[0]))],
        layers=list(rows.values()),
        test_inference=run,
        tier=tier,
        tier_reasons=reasons,
        tier_node=limiting if limiting in drawn else None,
        parity=parity,
        sizes=FileSizes(counted.file, counted.zstd19, counted.sparse, counted.packed),
        macs=sum(macs.values()),
        isolation=isolation,
        graph=graph,
    )


def _spec(value: onnx.ValueInfoProto) -> TensorSpec:
    from onnx import helper

    tensor = value.type.tensor_type
    try:
        dtype = str(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    except KeyError:
        dtype = "unknown"
    shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    return TensorSpec(value.name, dtype, shape)


def _shown(specs: list[TensorSpec]) -> str:
    return ", ".join(
        f"{spec.name} {spec.dtype} {'×'.join('?' if n is None else str(n) for n in spec.shape) or 'scalar'}"
        for spec in specs
    )


def place(error: BaseException) -> str | None:
    """The node that an error of the ONNX libraries names."""
    found = NODE.search(str(error))
    return f"node {found[1]}" if found else None


def first_line(error: BaseException) -> str:
    """The first line of an error, cut to what fits on a screen."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
