"""Static int8 quantization (QDQ): uint8 activations, int8 weights by channel, ranges from calibration
samples.
"""

from __future__ import annotations

import copy
import logging

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.registry import QDQRegistry

from gpu_worker.compress.batchnorm import fold_batchnorm
from gpu_worker.evaluate.sessions import session_options
from gpu_worker.importer.normalise import normalise

CHUNK = 64
"""Samples per calibration run: large enough to fill the cores, small enough to stay in cache."""

# fmt: off
QUANTIZED = (
    "Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool",
    "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Relu", "Clip", "LeakyRelu", "Sigmoid", "Softmax",
)
# fmt: on

Ranges = dict[str, tuple[np.ndarray, np.ndarray]]


class StaticQuantizer:
    """Quantizes models of one input against one set of calibration samples."""

    def __init__(self, calibration: np.ndarray, threads: int = 2) -> None:
        """calibration: model input, float32 (N, ...)."""
        if not len(calibration):
            raise ValueError("Quantization needs at least one calibration sample.")
        self._calibration = calibration
        self._threads = threads

    def quantize(self, model: onnx.ModelProto) -> bytes:
        """The int8 model. The same model and calibration always give the same bytes."""
        folded = onnx.ModelProto()
        folded.CopyFrom(model)
        fold_batchnorm(folded)
        ranges = self.ranges(folded)
        operators = [op for op in QUANTIZED if op in QDQRegistry]
        quantizer = QDQQuantizer(
            folded, True, False, QuantType.QInt8, QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, dict(ranges)), [], [], operators, {},
        )  # fmt: skip
        quantizer.quantize_model()
        quantizer.model.topological_sort()
        result = quantizer.model.model
        del result.graph.value_info[:]
        return result.SerializeToString(deterministic=True)

    def ranges(self, model: onnx.ModelProto) -> Ranges:
        """Smallest and largest value of each float tensor that depends on the input, over all samples."""
        observed, names = observe(model)
        session = ort.InferenceSession(
            observed.SerializeToString(), session_options(self._threads), providers=["CPUExecutionProvider"]
        )
        feed = session.get_inputs()[0].name
        outputs = [output.name for output in session.get_outputs()][1:]
        rows = [
            np.array(session.run(outputs, {feed: self._calibration[start : start + CHUNK]})).reshape(
                len(names), 2
            )
            for start in range(0, len(self._calibration), CHUNK)
        ]
        stacked = np.stack(rows)
        low, high = stacked[:, :, 0].min(axis=0), stacked[:, :, 1].max(axis=0)
        return {name: (low[i], high[i]) for i, name in enumerate(names)}


def observe(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """The model with a minimum and a maximum output for each activation, and the activations' names."""
    model = copy.deepcopy(model)
    graph = model.graph
    names = [graph.input[0].name, *(node.output[0] for node in graph.node)]
    for name in names:
        for op in ("ReduceMin", "ReduceMax"):
            output = f"{name}.{op}"
            graph.node.append(helper.make_node(op, [name], [output], keepdims=0))
            graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, []))
    return model, names


def quantize_static(data: bytes, calibration: np.ndarray) -> bytes:
    """One quantization; see StaticQuantizer. calibration: model input, float32 (N, ...).

    Raises ImportRefused for models without exactly one input and one output.
    """
    return StaticQuantizer(calibration).quantize(normalise(data))


# The quantizer suggests its own preprocessing on every call; BatchNorm is folded above.
logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
