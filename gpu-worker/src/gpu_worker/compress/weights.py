"""Lower precision without calibration: fp16 and int4 weights, and int8 with ranges taken at run time."""

from __future__ import annotations

import logging
from collections.abc import Collection

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter
from onnx.shape_inference import infer_shapes
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
from onnxruntime.quantization.quant_utils import QuantFormat, QuantizationMode

from gpu_worker.compress.batchnorm import fold_batchnorm
from gpu_worker.importer.shapes import opset_of

BLOCK = 32
"""Weights along a layer's inputs that share one int4 scale."""

INT4_OPSET = 21
"""The first opset that has int4 tensors and scales by block."""


def to_fp16(model: onnx.ModelProto, keep: Collection[str] = ()) -> bytes:
    """The model with its weights stored in 16 bits, each read through a cast to fp32.

    The runtime casts them once, when it loads: what runs is fp32, as fast as before, where a graph in fp16
    would be cast back and forth around every node on a CPU. keep: initializers that stay, as do those whose
    values do not fit in 16 bits.
    """
    half = _copy(model)
    casts = []
    for tensor in half.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2 or tensor.name in keep:
            continue
        value, name = numpy_helper.to_array(tensor), tensor.name
        if np.abs(value).max(initial=0) > np.finfo(np.float16).max:
            continue
        tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.fp16"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *half.graph.node]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    return half.SerializeToString(deterministic=True)


def to_int8_dynamic(model: onnx.ModelProto, keep: Collection[str] = ()) -> bytes:
    """The model with 8-bit weights in Conv, Gemm and MatMul nodes; ranges of activations are taken anew for
    each batch.

    Weights are unsigned: with signed ones a CPU without VNNI saturates sums of two products (0.27 of the
    largest answer wrong on a mixer, 0.01 with these). keep: initializers whose nodes stay fp32.
    """
    folded = _copy(model)
    fold_batchnorm(folded)
    excluded = _without_gemm(folded, keep)
    quantizer = ONNXQuantizer(
        infer_shapes(folded),
        per_channel=False,
        reduce_range=False,
        mode=QuantizationMode.IntegerOps,
        static=False,
        weight_qType=QuantType.QUInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=None,
        nodes_to_quantize=[],
        nodes_to_exclude=excluded,
        op_types_to_quantize=["Conv", "MatMul"],
        extra_options={"MatMulConstBOnly": True},
    )
    quantizer.quantize_model()
    return _finished(quantizer.model)


def to_int4(model: onnx.ModelProto, keep: Collection[str] = ()) -> bytes:
    """The model with 4-bit weights in Gemm and MatMul nodes, a scale for each BLOCK of them.

    They are written as blocks of DequantizeLinear, which is plain ONNX from opset 21 on (an older graph is
    converted) and which the runtime fuses into its own 4-bit product. keep: initializers whose nodes stay
    fp32.
    """
    # Here, for it loads sympy: 0.7 s of a core that no upload and no session has to wait for.
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    graph = _copy(model)
    if opset_of(graph) < INT4_OPSET:
        graph = version_converter.convert_version(graph, INT4_OPSET)
    excluded = _without_gemm(graph, keep)
    quantizer = MatMulNBitsQuantizer(
        graph,
        bits=4,
        block_size=BLOCK,
        is_symmetric=True,
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=("MatMul",),
        nodes_to_exclude=excluded,
    )
    quantizer.process()
    assert isinstance(quantizer.model, ONNXModel)
    return _finished(quantizer.model)


def nodes_reading(model: onnx.ModelProto, tensors: Collection[str]) -> list[str]:
    """Names of the nodes that read any of these tensors; one that has no name gets one."""
    found = []
    for place, node in enumerate(model.graph.node):
        if any(name in tensors for name in node.input):
            node.name = node.name or f"{node.op_type}.{place}"
            found.append(node.name)
    return found


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def _without_gemm(model: onnx.ModelProto, keep: Collection[str]) -> list[str]:
    """Turns Gemm nodes into MatMul and Add, in place; the names of the nodes that read what is kept."""
    wrapped = ONNXModel(model)
    sources = wrapped.replace_gemm_with_matmul()
    kept = {*keep, *(name for name, source in sources.items() if source in keep)}
    wrapped.clean_initializers()
    return nodes_reading(model, kept)


def _finished(wrapped: ONNXModel) -> bytes:
    wrapped.clean_initializers()
    wrapped.topological_sort()
    del wrapped.model.graph.value_info[:]
    return wrapped.model.SerializeToString(deterministic=True)


# The quantizer tells of every node that it leaves alone.
logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
