"""Each rule refuses what it names, before any parser sees the file."""

from __future__ import annotations

import gzip
import io
import pickle  # noqa: TID251  (to make the files that must be refused)
import zipfile
from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save as save_safetensors

from gpu_worker.sandbox import Refused
from gpu_worker.sandbox.magic import check_magic
from gpu_worker.sandbox.structure import check_structure
from nets import net, onnx_of


def check(data: bytes) -> None:
    check_magic(data, "model.onnx")
    check_structure(data)


def torch_file(save: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def zipped(name: str, body: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, body)
    return buffer.getvalue()


def plain_module() -> torch.jit.ScriptModule:
    traced = torch.jit.trace(net("dense"), torch.zeros(1, 20))
    assert isinstance(traced, torch.jit.ScriptModule)
    return traced


OTHER_FORMATS: dict[str, Callable[[], bytes]] = {
    "magic.empty": lambda: b"",
    "magic.pickle": lambda: pickle.dumps({"weights": [1.0]}),
    "magic.pytorch": lambda: torch_file(lambda buffer: torch.save(net("dense").state_dict(), buffer)),
    "magic.torchscript": lambda: torch_file(lambda buffer: torch.jit.save(plain_module(), buffer)),
    "magic.zip": lambda: zipped("a.txt", b"text"),
    "magic.gzip": lambda: gzip.compress(onnx_of("dense")),
    "magic.hdf5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(64),
    "magic.safetensors": lambda: save_safetensors({"w": np.zeros(3, np.float32)}),
    "magic.numpy": lambda: torch_file(lambda buffer: np.save(buffer, np.zeros(3))),
    "magic.tflite": lambda: b"\x1c\0\0\0TFL3" + bytes(64),
    "magic.program": lambda: b"#!/bin/sh\necho hello\n",
    "magic.unknown": lambda: b"The quick brown fox jumps over the lazy dog.",
}


@pytest.mark.parametrize("rule", OTHER_FORMATS)
def test_other_formats_are_told_by_their_bytes(rule: str) -> None:
    with pytest.raises(Refused) as refused:
        check(OTHER_FORMATS[rule]())
    assert refused.value.refusal.rule == rule
    assert refused.value.refusal.remedy


def legacy_pickle() -> bytes:
    return torch_file(
        lambda buffer: torch.save(net("dense").state_dict(), buffer, _use_new_zipfile_serialization=False)
    )


def test_the_old_torch_format_is_a_pickle() -> None:
    with pytest.raises(Refused) as refused:
        check(legacy_pickle())
    assert refused.value.refusal.rule == "magic.pickle"


def build(
    nodes: list[onnx.NodeProto] | None = None,
    tensors: list[onnx.TensorProto] | None = None,
    outputs: int = 1,
    dims: tuple[int | str, ...] = ("n", 4),
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes if nodes is not None else [helper.make_node("Relu", ["x"], ["y"], name="act")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])] * outputs,
        tensors or [],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = build(tensors=[numpy_helper.from_array(np.zeros((2, 3), np.float32), "w")])
    change(model)
    return model.SerializeToString()


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def sparse(model: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1 << 40]))


def loop() -> onnx.ModelProto:
    body = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "body", [], [])
    return build([helper.make_node("Loop", ["x"], ["y"], name="spin", body=body)])


def functions(model: onnx.ModelProto) -> None:
    node = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(
        helper.make_function("own", "f", ["a"], ["b"], [node], [helper.make_opsetid("", 20)])
    )


STRUCTURE: dict[str, Callable[[], bytes]] = {
    "structure.duplicate": lambda: changed(lambda m: m.graph.initializer.append(m.graph.initializer[0])),
    "structure.dims": lambda: changed(lambda m: m.graph.initializer[0].dims.__setitem__(0, -2)),
    "structure.tensor_size": lambda: changed(lambda m: m.graph.initializer[0].dims.extend([1 << 40])),
    "structure.dtype": lambda: changed(lambda m: setattr(m.graph.initializer[0], "data_type", 77)),
    "structure.rank": lambda: changed(lambda m: m.graph.initializer[0].dims.extend([1] * 40)),
    "structure.external_data": lambda: changed(external),
    "structure.sparse": lambda: changed(sparse),
    "structure.functions": lambda: changed(functions),
    "structure.training": lambda: changed(lambda m: m.training_info.add()),
    "structure.domain": lambda: changed(lambda m: setattr(m.graph.node[0], "domain", "com.evil")),
    "structure.opset": lambda: changed(lambda m: setattr(m.opset_import[0], "version", 8)),
    "structure.control_flow": lambda: loop().SerializeToString(),
    "structure.empty": lambda: build(outputs=0).SerializeToString(),
    "structure.nodes": lambda: build([helper.make_node("Relu", ["x"], ["y"])] * 20_001).SerializeToString(),
    "structure.value_type": lambda: changed(
        lambda m: m.graph.output[0].type.CopyFrom(
            helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [1]))
        )
    ),
    "structure.truncated": lambda: onnx_of("resnet")[:-100],
}


@pytest.mark.parametrize("rule", STRUCTURE)
def test_structural_rules_name_the_place_and_the_remedy(rule: str) -> None:
    with pytest.raises(Refused) as refused:
        check(STRUCTURE[rule]())
    assert refused.value.refusal.rule == rule
    assert refused.value.refusal.where
    assert refused.value.refusal.remedy


def test_a_negative_input_dimension_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        check(build(dims=("n", -4)).SerializeToString())
    assert refused.value.refusal.rule == "structure.dims"


@pytest.mark.parametrize("values", [6, 7])
@pytest.mark.parametrize("kind", [TensorProto.INT4, TensorProto.UINT4])
def test_four_bit_tensors_hold_half_a_byte_for_each_value(kind: int, values: int) -> None:
    def holding(size: int) -> bytes:
        tensor = TensorProto(name="w", data_type=kind, dims=[values], raw_data=bytes(size))
        return build(tensors=[tensor]).SerializeToString()

    check(holding((values + 1) // 2))
    for size in ((values + 1) // 2 - 1, (values + 1) // 2 + 1, values, 0):
        with pytest.raises(Refused, match=r"claims \d bytes and holds") as refused:
            check(holding(size))
        assert refused.value.refusal.rule == "structure.tensor_size"


def test_a_custom_domain_is_named_with_its_node() -> None:
    with pytest.raises(Refused) as refused:
        check(STRUCTURE["structure.domain"]())
    assert refused.value.refusal.where == "node act"


def test_honest_models_pass_with_their_counts() -> None:
    for name in ("resnet", "plain", "depthwise", "dense"):
        found = check_structure(onnx_of(name))
        model = onnx.load_model_from_string(onnx_of(name))
        assert (found.nodes, found.initializers) == (len(model.graph.node), len(model.graph.initializer))


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_are_refused_and_never_crash(data: bytes) -> None:
    with pytest.raises(Refused):
        check(data)


@given(st.integers(0, 1 << 30), st.integers(0, 255))
@settings(max_examples=300)
def test_a_damaged_byte_is_refused_or_harmless(at: int, value: int) -> None:
    data = bytearray(
        build(tensors=[numpy_helper.from_array(np.zeros((2, 3), np.float32), "w")]).SerializeToString()
    )
    data[at % len(data)] = value
    try:
        check(bytes(data))
    except Refused as refused:
        assert refused.refusal.rule  # noqa: PT017  (either answer is right; anything else raises)
