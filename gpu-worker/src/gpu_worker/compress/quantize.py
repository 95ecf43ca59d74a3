"""Static int8 quantization (QDQ): uint8 activations, int8 weights by channel, ranges from calibration
samples.

Weights use 7 of their 8 bits. A CPU without VNNI adds two products of bytes in 16 bits, which full weights
overflow: the sample model then loses 0.67 points where it gains 0.02 with 7 bits. So a version answers the
same wherever it is served, and it packs better.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.registry import QDQRegistry

from gpu_worker.compress.batchnorm import fold_batchnorm
from gpu_worker.compress.calibrate import Calibration, clipped, stride_for
from gpu_worker.compress.weights import nodes_reading
from gpu_worker.evaluate.sessions import session_options
from gpu_worker.importer.normalise import normalise

CHUNK = 16
"""Samples per calibration run: few enough that an output is still in cache when its range is taken."""

# fmt: off
QUANTIZED = (
    "Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool",
    "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Relu", "Clip", "LeakyRelu", "Sigmoid", "Softmax",
)
# fmt: on

Ranges = dict[str, tuple[np.float32, np.float32]]
UNIT = (np.float32(0), np.float32(1))


class StaticQuantizer:
    """Quantizes models of one input against one set of calibration samples.

    What depends on a graph's structure alone is kept, so that another set of weights only costs one pass over
    the samples: with 512 samples of a 175k ResNet about 210 of 260 ms.
    """

    def __init__(self, calibration: np.ndarray, threads: int = 2, method: Calibration = "minmax") -> None:
        """calibration: model input, float32 (N, ...). method: how its values become ranges."""
        if not len(calibration):
            raise ValueError("Quantization needs at least one calibration sample.")
        self._calibration = calibration
        self._threads = threads
        self._method: Calibration = method
        self._input_range = (np.float32(calibration.min()), np.float32(calibration.max()))
        self._scaled: dict[str, list[str]] = {}

    def quantize(self, model: onnx.ModelProto, keep: Collection[str] = ()) -> bytes:
        """The int8 model. The same model and calibration always give the same bytes.

        keep: initializers whose nodes stay fp32.
        """
        folded = onnx.ModelProto()
        folded.CopyFrom(model)
        fold_batchnorm(folded)
        excluded = nodes_reading(folded, keep)
        result = insert_qdq(folded, self.ranges(folded, self._names(folded, excluded)), excluded)
        return result.SerializeToString(deterministic=True)

    def ranges(self, model: onnx.ModelProto, names: list[str]) -> Ranges:
        """The range of each named activation over all samples; the others have a placeholder, which the
        quantizer asks for and does not use.
        """
        rectified = {node.output[0] for node in model.graph.node if node.op_type == "Relu"}
        observed = observe(model, names, rectified)
        looked_at = [] if self._method == "minmax" else names
        steps = self._strides(model, looked_at)
        pick(observed, steps)
        session = ort.InferenceSession(
            observed.SerializeToString(), session_options(self._threads), providers=["CPUExecutionProvider"]
        )
        feed = session.get_inputs()[0].name
        outputs = [output.name for output in session.get_outputs()][1:]
        runs = [
            session.run(outputs, {feed: self._calibration[start : start + CHUNK]})
            for start in range(0, len(self._calibration), CHUNK)
        ]
        taken = {
            name: np.concatenate([np.ravel(np.asarray(run[i])) for run in runs])
            for i, name in enumerate(outputs)
        }
        found: Ranges = {name: UNIT for name in activations(model)}
        if feed in names:
            found[feed] = self._input_range
        for name in names:
            if name != feed:
                smallest = np.float32(0) if name in rectified else taken[f"{name}.ReduceMin"].min()
                found[name] = (smallest, taken[f"{name}.ReduceMax"].max())
        for name in looked_at:
            values = self._calibration.ravel()[:: steps[name]] if name == feed else taken[f"{name}.picked"]
            found[name] = clipped(values, *found[name], self._method)
        return found

    def _strides(self, model: onnx.ModelProto, names: list[str]) -> dict[str, int]:
        """Every how many-th value of each activation is looked at: its size is that of one sample's run."""
        if not names:
            return {}
        feed, sample = model.graph.input[0].name, self._calibration[:1]
        sized = onnx.ModelProto()
        sized.CopyFrom(model)
        made = [name for name in names if name != feed]
        for name in made:
            sized.graph.node.append(helper.make_node("Size", [name], [f"{name}.Size"]))
            sized.graph.output.append(helper.make_tensor_value_info(f"{name}.Size", TensorProto.INT64, []))
        session = ort.InferenceSession(
            sized.SerializeToString(), session_options(self._threads), providers=["CPUExecutionProvider"]
        )
        found = session.run([f"{name}.Size" for name in made], {feed: sample})
        sizes = {feed: sample.size, **dict(zip(made, (int(np.asarray(size)) for size in found), strict=True))}
        return {name: stride_for(sizes[name] * len(self._calibration)) for name in names}

    def _names(self, model: onnx.ModelProto, excluded: list[str]) -> list[str]:
        """The tensors that get a scale: found once for each structure, by a trial with placeholder ranges."""
        nodes = b"".join(node.SerializeToString() for node in model.graph.node)
        key = hashlib.sha256(nodes + "\0".join(excluded).encode()).hexdigest()
        if key not in self._scaled:
            trial = onnx.ModelProto()
            trial.CopyFrom(model)
            names = activations(model)
            made = insert_qdq(trial, dict.fromkeys(names, UNIT), excluded)
            stored = {tensor.name for tensor in made.graph.initializer}
            self._scaled[key] = [name for name in names if f"{name}_scale" in stored]
        return self._scaled[key]


def activations(model: onnx.ModelProto) -> list[str]:
    """The tensors of a graph that depend on its input, in order."""
    return [model.graph.input[0].name, *(node.output[0] for node in model.graph.node)]


def insert_qdq(model: onnx.ModelProto, ranges: Ranges, excluded: Collection[str] = ()) -> onnx.ModelProto:
    """Quantizes a graph in place with these activation ranges, but for the nodes of the excluded names."""
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, dict(ranges)),
        nodes_to_quantize=[],
        nodes_to_exclude=list(excluded),
        op_types_to_quantize=[op for op in QUANTIZED if op in QDQRegistry],
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    result = quantizer.model.model
    del result.graph.value_info[:]
    return result


def observe(model: onnx.ModelProto, names: list[str], rectified: set[str]) -> onnx.ModelProto:
    """The model with each named tensor's largest value as an output, and its smallest unless that is 0."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    graph = observed.graph
    for name in names:
        if name == graph.input[0].name:
            continue
        for op in ("ReduceMax",) if name in rectified else ("ReduceMin", "ReduceMax"):
            graph.node.append(helper.make_node(op, [name], [f"{name}.{op}"], keepdims=0))
            graph.output.append(helper.make_tensor_value_info(f"{name}.{op}", TensorProto.FLOAT, []))
    return observed


def pick(model: onnx.ModelProto, strides: Mapping[str, int]) -> None:
    """Gives the model, in place, every so many-th value of these tensors as outputs."""
    graph = model.graph
    constants = {"flat": np.array([-1]), "start": np.array([0]), "end": np.array([np.iinfo(np.int64).max])}
    if strides:
        graph.initializer.extend(
            numpy_helper.from_array(value.astype(np.int64), f"picked.{name}")
            for name, value in constants.items()
        )
    for name, step in strides.items():
        if name == graph.input[0].name:
            continue
        graph.initializer.append(numpy_helper.from_array(np.array([step], np.int64), f"{name}.step"))
        graph.node.append(helper.make_node("Reshape", [name, "picked.flat"], [f"{name}.flat"]))
        slicing = [f"{name}.flat", "picked.start", "picked.end", "picked.start", f"{name}.step"]
        graph.node.append(helper.make_node("Slice", slicing, [f"{name}.picked"]))
        graph.output.append(helper.make_tensor_value_info(f"{name}.picked", TensorProto.FLOAT, None))


def quantize_static(data: bytes, calibration: np.ndarray) -> bytes:
    """One quantization; see StaticQuantizer. calibration: model input, float32 (N, ...).

    Raises ImportRefused for models without exactly one input and one output.
    """
    return StaticQuantizer(calibration).quantize(normalise(data))


# The quantizer suggests its own preprocessing on every call; BatchNorm is folded above.
logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
