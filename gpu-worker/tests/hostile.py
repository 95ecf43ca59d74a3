"""Model files that were made to do harm, or that nobody should have made: each builder gives the bytes."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import pickle  # noqa: TID251  (to make the files that must be refused)
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from nets import net, onnx_of

Node = onnx.NodeProto
Tensor = onnx.TensorProto


def model(
    nodes: Sequence[Node] = (),
    tensors: Sequence[Tensor] = (),
    inputs: Sequence[onnx.ValueInfoProto] | None = None,
    outputs: Sequence[onnx.ValueInfoProto] | None = None,
    opset: int = 20,
) -> onnx.ModelProto:
    """A graph from x to y, float32 (n, 4) each, unless told otherwise; nothing is checked."""
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("Relu", ["x"], ["y"], name="act")],
        "g",
        [value("x")] if inputs is None else list(inputs),
        [value("y")] if outputs is None else list(outputs),
        list(tensors),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def value(name: str, dims: Sequence[int | str] = ("n", 4)) -> onnx.ValueInfoProto:
    """A float32 input or output."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)


def floats(name: str, *shape: int, fill: float = 1.0) -> Tensor:
    """A float32 tensor of one number."""
    return numpy_helper.from_array(np.full(shape, fill, np.float32), name)


def claimed(name: str, *dims: int, kind: int = TensorProto.FLOAT) -> Tensor:
    """A tensor that claims dims and holds one float."""
    tensor = TensorProto(name=name, data_type=kind, float_data=[1.0])
    tensor.dims.extend(dims)
    return tensor


def written(save: Callable[[io.BytesIO], object]) -> bytes:
    """What a library writes into a file."""
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


class Payload:
    """Unpickled, it leaves a file behind: the proof that somebody loaded it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return Path.touch, (self.trace,)  # type: ignore[return-value]


def pickles(trace: Path) -> dict[str, tuple[str, bytes]]:
    """Pickles in every disguise, by name: the rule that refuses it, and its bytes."""
    payload = Payload(trace)
    plain = pickle.dumps(payload)
    objects = np.array([payload], object)
    saved = written(lambda file: torch.save({"w": payload}, file))
    packaged = written(lambda file: _package(file, payload))
    return {
        "plain, protocol 4": ("magic.pickle", plain),
        "protocol 2": ("magic.pickle", pickle.dumps(payload, protocol=2)),
        "protocol 0, which is text": ("magic.unknown", pickle.dumps(payload, protocol=0)),
        "gzip": ("magic.gzip", gzip.compress(plain)),
        "zlib, as joblib compresses": ("magic.zlib", zlib.compress(plain, 3)),
        "joblib, uncompressed": ("magic.pickle", plain + np.ones(8).tobytes()),
        "torch.save": ("magic.pytorch", saved),
        "torch.save before 1.6": (
            "magic.pickle",
            written(lambda file: torch.save({"w": payload}, file, _use_new_zipfile_serialization=False)),
        ),
        "torch.package": ("magic.package", packaged),
        "npy with objects": ("magic.numpy", written(lambda file: np.save(file, objects, allow_pickle=True))),
        "npz with objects": ("magic.zip", written(lambda file: np.savez(file, w=objects))),
        "behind a model's first bytes": ("magic.unknown", b"\x08\x0a" + plain),
    }


def _package(file: io.BytesIO, payload: object) -> None:
    with torch.package.PackageExporter(file) as exporter:
        exporter.extern("pathlib")
        exporter.extern("hostile")
        exporter.save_pickle("weights", "weights.pkl", payload)


def archive(names: dict[str, bytes]) -> bytes:
    """A zip with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in names.items():
            file.writestr(name, body)
    return buffer.getvalue()


def safetensors(header: bytes, claimed_length: int | None = None) -> bytes:
    """A safetensors file with this header, which may claim another length."""
    return struct.pack("<Q", len(header) if claimed_length is None else claimed_length) + header + bytes(64)


def overlapping() -> bytes:
    """Two tensors over the same bytes."""
    entry = {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}
    return safetensors(json.dumps({"a": entry, "b": entry}).encode())


def vast(elements: int, rounds: int = 0) -> bytes:
    """A few hundred bytes that fill `elements` floats at run time, then go over them `rounds` times."""
    nodes = [
        helper.make_node("Shape", ["x"], ["rank"], start=0, end=1),
        helper.make_node("Concat", ["rank", "size"], ["shape"], axis=0),
        helper.make_node("ConstantOfShape", ["shape"], ["v0"], value=floats("", 1)),
        *(helper.make_node("Sin", [f"v{k}"], [f"v{k + 1}"]) for k in range(rounds)),
        helper.make_node("ReduceSum", [f"v{rounds}"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    size = numpy_helper.from_array(np.array([elements], np.int64), "size")
    return model(nodes, [size]).SerializeToString()


def tiny_and_vast() -> bytes:
    """The smallest file that asks for 4 GB when it runs."""
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["v"]),
        helper.make_node("ReduceMax", ["v"], ["m"], keepdims=0),
        helper.make_node("Add", ["x", "m"], ["y"]),
    ]
    made = model(nodes, [numpy_helper.from_array(np.array([1 << 30], np.int64), "s")])
    return made.SerializeToString()


def chain(length: int) -> bytes:
    """Relu after Relu."""
    names = ["x", *(f"t{k}" for k in range(length - 1)), "y"]
    return model([relu(a, b) for a, b in itertools.pairwise(names)]).SerializeToString()


def exploding_functions(count: int = 30) -> bytes:
    """Functions that each call the next one twice: 2^30 nodes from 2 kB."""
    made = model([helper.make_node("f0", ["x"], ["y"], domain="own")])
    made.opset_import.append(helper.make_opsetid("own", 1))
    for k in range(count):
        next_op, domain = (f"f{k + 1}", "own") if k < count - 1 else ("Relu", "")
        calls = [
            helper.make_node(next_op, ["a"], ["b"], domain=domain),
            helper.make_node(next_op, ["b"], ["c"], domain=domain),
        ]
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
        made.functions.append(helper.make_function("own", f"f{k}", ["a"], ["c"], calls, opsets))
    return made.SerializeToString()


def endless_loop() -> bytes:
    """A Loop of 2^62 rounds."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Relu", ["a"], ["b"])],
        "body",
        [
            helper.make_tensor_value_info("k", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            value("a"),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), value("b")],
    )
    rounds = numpy_helper.from_array(np.array(1 << 62, np.int64), "rounds")
    node = helper.make_node("Loop", ["rounds", "", "x"], ["y"], name="spin", body=body)
    return model([node], [rounds]).SerializeToString()


def external() -> bytes:
    """Weights in a file of the machine that loads the model."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.dims.append(4)
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    return model([helper.make_node("Add", ["x", "w"], ["y"])], [tensor]).SerializeToString()


def weights_of(number: float, spreads: bool) -> bytes:
    """One weight is `number`; where it does not spread, a Clip keeps it from the output."""
    nodes = [helper.make_node("Add", ["x", "w"], ["a"], name="add")]
    tensors = [numpy_helper.from_array(np.array([1, 1, 1, number], np.float32), "w")]
    if spreads:
        nodes.append(helper.make_node("Identity", ["a"], ["y"]))
    else:
        nodes.append(helper.make_node("Clip", ["a", "low", "high"], ["y"]))
        tensors += [floats("low", fill=-1.0), floats("high", fill=1.0)]
    return model(nodes, tensors).SerializeToString()


def emptied() -> onnx.ModelProto:
    """A model whose graph holds nothing; `onnx.checker` passes it."""
    made = model()
    made.graph.Clear()
    made.graph.name = "g"
    return made


def packed_dims(count: int) -> bytes:
    """A tensor whose shape alone is `count` numbers."""
    tensor = _field(1, b"\x01" * count) + b"\x10\x01" + _field(8, b"w")
    return b"\x08\x0a" + _field(8, b"\x10\x14") + _field(7, _field(5, tensor))


def many_fields(number: int, count: int, body: bytes = b"") -> bytes:
    """A model that repeats one of its fields."""
    return b"\x08\x0a" + _field(number, body) * count


def _field(number: int, body: bytes) -> bytes:
    """A field of bytes in protobuf's wire format."""
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def relu(source: str, target: str, name: str = "") -> Node:
    """One node."""
    return helper.make_node("Relu", [source], [target], name=name)


LONG = "n" * 100_000

STATIC: dict[str, tuple[str, Callable[[], bytes]]] = {
    "no bytes": ("magic.empty", lambda: b""),
    "text": ("magic.unknown", lambda: b"The quick brown fox jumps over the lazy dog."),
    "zip slip": ("magic.zip", lambda: archive({"../../../etc/cron.d/x": b"* * * * * root true"})),
    "zip bomb": ("magic.zip", lambda: archive({"a": bytes(64 << 20)})),
    "gzip bomb": ("magic.gzip", lambda: gzip.compress(bytes(64 << 20))),
    "a model in a zip": ("magic.zip", lambda: archive({"model.onnx": onnx_of("dense")})),
    "TorchScript": (
        "magic.torchscript",
        lambda: written(
            lambda file: torch.jit.save(torch.jit.trace(net("dense"), torch.zeros(1, 20)), file)  # type: ignore[arg-type]
        ),
    ),
    "safetensors that claims a header of 100 MB": (
        "magic.safetensors", lambda: safetensors(b'{"w":{}}', 100 << 20)
    ),
    "safetensors with a header of 16 MB": (
        "magic.safetensors", lambda: safetensors(b"{" + b'"__metadata__":{},'.ljust(16 << 20) + b"}")
    ),
    "safetensors with overlapping tensors": ("magic.safetensors", overlapping),
    "cut in the middle": ("structure.truncated", lambda: onnx_of("resnet")[:-1000]),
    "opset 6": ("structure.opset", lambda: model(opset=6).SerializeToString()),
    "opset 99": ("structure.opset", lambda: model(opset=99).SerializeToString()),
    "a million imports": ("structure.opset", lambda: many_fields(8, 1_000_000, b"\x10\x14")),
    "a million graphs": ("magic.unknown", lambda: many_fields(7, 1_000_000)),
    "an empty graph": ("structure.empty", lambda: emptied().SerializeToString()),
    "no outputs": ("structure.empty", lambda: model(outputs=[]).SerializeToString()),
    "a custom domain": (
        "structure.domain",
        lambda: model([helper.make_node("Run", ["x"], ["y"], name="n", domain="evil")]).SerializeToString(),
    ),
    "functions that explode": ("structure.functions", exploding_functions),
    "a loop of 2^62": ("structure.control_flow", endless_loop),
    "data in other files": ("structure.external_data", external),
    "a negative dim": ("structure.dims", lambda: model(inputs=[value("x", ("n", -4))]).SerializeToString()),
    "dims whose product passes 2^63": (
        "structure.tensor_size",
        lambda: model(tensors=[claimed("w", 1 << 31, 1 << 31, 1 << 31)]).SerializeToString(),
    ),
    "dims whose product is 0 in 64 bits": (
        "structure.tensor_size",
        lambda: model(tensors=[claimed("w", 1 << 32, 1 << 32)]).SerializeToString(),
    ),
    "a gigabyte claimed, four bytes held": (
        "structure.tensor_size", lambda: model(tensors=[claimed("w", 1 << 28)]).SerializeToString()
    ),
    "a shape of ten million numbers": ("structure.rank", lambda: packed_dims(10_000_000)),
    "an unknown dtype": (
        "structure.dtype", lambda: model(tensors=[claimed("w", 1, kind=77)]).SerializeToString()
    ),
    "strings as weights": (
        "structure.dtype", lambda: model(tensors=[claimed("w", 1, kind=8)]).SerializeToString()
    ),
    "two initializers of one name": (
        "structure.duplicate", lambda: model(tensors=[floats("w", 2), floats("w", 3)]).SerializeToString()
    ),
    "two nodes of one name": (
        "structure.duplicate",
        lambda: model([relu("x", "a", "n"), relu("a", "y", "n")]).SerializeToString(),
    ),
    "two nodes make one tensor": (
        "structure.duplicate", lambda: model([relu("x", "y"), relu("x", "y")]).SerializeToString()
    ),
    "a node makes an input": ("structure.duplicate", lambda: model([relu("x", "x")]).SerializeToString()),
    "two outputs of one name": (
        "structure.duplicate", lambda: model(outputs=[value("y"), value("y")]).SerializeToString()
    ),
    "nodes out of order": (
        "structure.order",
        lambda: model([relu("a", "y", "last"), relu("x", "a", "first")]).SerializeToString(),
    ),
    "a cycle": (
        "structure.order",
        lambda: model(
            [helper.make_node("Add", ["x", "b"], ["a"], name="one"), relu("a", "b"), relu("b", "y")]
        ).SerializeToString(),
    ),
    "a node that reads itself": (
        "structure.order",
        lambda: model([helper.make_node("Add", ["x", "y"], ["y"], name="self")]).SerializeToString(),
    ),
    "a tensor from nowhere": ("structure.unknown_name", lambda: model([relu("no", "y")]).SerializeToString()),
    "an output from nowhere": (
        "structure.unknown_name", lambda: model(outputs=[value("no")]).SerializeToString()
    ),
    "a node name of 100,000 characters": (
        "structure.name_length", lambda: model([relu("x", "y", LONG)]).SerializeToString()
    ),
    "a tensor name of 100,000 characters": (
        "structure.name_length", lambda: model([relu("x", LONG), relu(LONG, "y")]).SerializeToString()
    ),
    "an input name of 100,000 characters": (
        "structure.name_length", lambda: model([relu(LONG, "y")], inputs=[value(LONG)]).SerializeToString()
    ),
    "30,000 nodes": ("structure.nodes", lambda: chain(30_000)),
    "300,000 edges": (
        "structure.edges",
        lambda: model([helper.make_node("Sum", ["x"] * 300_000, ["y"])]).SerializeToString(),
    ),
}  # fmt: skip
"""Refused before any parser sees them, by our own rules: what it is, its rule, its bytes."""

PARSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "an unknown operator": (
        "checker.invalid",
        lambda: model([helper.make_node("Explode", ["x"], ["y"], name="bang")]).SerializeToString(),
    ),
    "shapes that contradict each other": (
        "shapes.invalid",
        lambda: model([helper.make_node("Add", ["x", "w"], ["y"], name="add")], [floats("w", 3, 5)])
        .SerializeToString(),
    ),
    "a weight that is NaN and spreads": ("weights.nan", lambda: weights_of(np.nan, True)),
    "a weight that is NaN and is hidden": ("weights.nan", lambda: weights_of(np.nan, False)),
    "a weight that is infinite and spreads": ("inference.not_finite", lambda: weights_of(np.inf, True)),
    "an input of 4 GB a sample": (
        "inference.input_size",
        lambda: model(inputs=[value("x", (1, 1 << 30))], outputs=[value("y", "ab")]).SerializeToString(),
    ),
    "172 bytes that ask for 4 GB": ("limits.memory", tiny_and_vast),
    "work without end": ("limits.time", lambda: vast(1 << 26, 5000)),
}  # fmt: skip
"""Refused by a parser, or by the limits on the child: what it is, its rule, its bytes."""

HARMLESS: dict[str, Callable[[], bytes]] = {
    "an infinity that is clipped away": lambda: weights_of(np.inf, False),
    "names with quotes, colons and 900 characters": lambda: model(
        [relu("x", 'it\'s "a":0/' + "t" * 900), relu('it\'s "a":0/' + "t" * 900, "y")]
    ).SerializeToString(),
}
"""Odd, and accepted."""
