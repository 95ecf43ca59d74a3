"""The rules that an ONNX file must keep before any parser sees it.

Checkers and runtimes let all of these through (measured): duplicate initializers, negative dims, graphs
without outputs, custom operators, functions that call each other into an endless load, loops of 2^62 steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import islice

from gpu_worker.sandbox.names import MAX_EDGES, REEXPORT, Names, check_length, shown
from gpu_worker.sandbox.report import Refused
from gpu_worker.sandbox.wire import Damaged, Field, fields, numbers, text

MAX_NODES = 20_000
MAX_TENSORS = 20_000
MAX_TENSOR_BYTES = 1 << 30
MAX_RANK = 16
MAX_DOMAINS = 64
OPSETS = range(9, 24)

ITEM_BYTES = {
    1: 4,
    2: 1,
    3: 1,
    4: 2,
    5: 2,
    6: 4,
    7: 8,
    9: 1,
    10: 2,
    11: 8,
    12: 4,
    13: 8,
    14: 8,
    15: 16,
    16: 2,
}
"""Bytes of a value by TensorProto.DataType; strings (8) and float8 are refused."""

HALF_BYTES = frozenset({21, 22})
"""UINT4 and INT4: two values to a byte, the last one alone where their number is odd."""

VALUES_OF = {4: 4, 5: 1, 7: 1, 10: 8, 11: 1}
"""Fewest bytes of a value in TensorProto's typed fields: float, int32, int64, double and uint64 data."""


@dataclass
class Walk:
    """What the walk has counted so far."""

    data: bytes
    nodes: int = 0
    tensors: int = 0
    tensor_bytes: int = 0
    names: Names = field(default_factory=Names)


@dataclass(frozen=True)
class Structure:
    """Counts of an accepted file."""

    nodes: int
    initializers: int
    tensor_bytes: int


def check_structure(data: bytes) -> Structure:
    """Walks the whole file. Raises Refused with the rule, the place and the remedy."""
    walk = Walk(data)
    try:
        _model(walk)
    except Damaged as error:
        if error.offset < 16 or data[:1] != b"\x08":
            raise Refused(
                "magic.unknown", "The file is not an ONNX model.", REEXPORT, f"byte {error.offset}"
            ) from error
        raise Refused(
            "structure.truncated",
            f"The file is cut off or damaged: {error}.",
            "Upload the whole file again.",
            f"byte {error.offset}",
        ) from error
    return Structure(walk.nodes, len(walk.names.initializers), walk.tensor_bytes)


def _model(walk: Walk) -> None:
    data = walk.data
    graphs: list[Field] = []
    opsets: list[tuple[str, int]] = []
    for entry in fields(data, 0, len(data)):
        if entry.number == 7 and entry.is_bytes:
            graphs.append(entry)
            if len(graphs) > 1:
                break
        elif entry.number == 8 and entry.is_bytes:
            opsets.append(_opset(data, entry))
            if len(opsets) > MAX_DOMAINS:
                raise _refused(
                    "structure.opset", f"The file imports over {MAX_DOMAINS} domains.", REEXPORT, entry
                )
        elif entry.number == 20:
            raise _refused(
                "structure.training", "The file holds training graphs.", "Export it for inference.", entry
            )
        elif entry.number == 25:
            raise _refused(
                "structure.functions",
                "The file defines functions of its own, which can call each other without end.",
                "Inline them with onnx.inliner.inline_local_functions.",
                entry,
            )
    if len(graphs) != 1:
        count = "several graphs" if graphs else "no graph"
        raise Refused("magic.unknown", f"The file holds {count}; a model has one.", REEXPORT, "byte 0")
    for domain, version in opsets:
        if domain not in ("", "ai.onnx"):
            raise Refused(
                "structure.domain",
                f"The file imports the operator domain '{domain}', whose code is not part of ONNX.",
                "Export with standard ONNX operators only.",
                "opset_import",
            )
        if version not in OPSETS:
            raise Refused(
                "structure.opset",
                f"The file uses opset {version}; {OPSETS[0]} to {OPSETS[-1]} are supported.",
                f"Export with opset_version={20}.",
                "opset_import",
            )
    if not opsets:
        raise Refused("structure.opset", "The file names no opset.", REEXPORT, "opset_import")
    _graph(walk, graphs[0])


def _opset(data: bytes, entry: Field) -> tuple[str, int]:
    domain, version = "", 0
    for part in fields(data, entry.start, entry.end):
        if part.number == 1:
            domain = text(data, part)
        elif part.number == 2:
            version = part.value
    return domain, version


def _graph(walk: Walk, graph: Field) -> None:
    inputs = outputs = 0
    for entry in fields(walk.data, graph.start, graph.end):
        if not entry.is_bytes:
            continue
        match entry.number:
            case 1:
                _node(walk, entry)
            case 5:
                walk.names.initializer(_tensor(walk, entry), f"byte {entry.start}")
            case 15:
                raise _refused(
                    "structure.sparse", "The file holds sparse tensors.", "Store weights densely.", entry
                )
            case 11 | 12 | 13:
                inputs += entry.number == 11
                outputs += entry.number == 12
                name = _value_info(walk, entry)
                if entry.number == 11:
                    walk.names.graph_input(name, f"byte {entry.start}")
                elif entry.number == 12:
                    walk.names.graph_output(name, f"byte {entry.start}")
    if not walk.nodes or not inputs or not outputs:
        raise _refused(
            "structure.empty",
            f"The graph has {inputs} inputs, {walk.nodes} nodes and {outputs} outputs; it needs one of each.",
            REEXPORT,
            graph,
        )
    walk.names.check()


def _node(walk: Walk, node: Field) -> None:
    walk.nodes += 1
    if walk.nodes > MAX_NODES:
        raise _refused(
            "structure.nodes", f"The graph has more than {MAX_NODES} nodes.", "Upload a smaller model.", node
        )
    data, name, op = walk.data, "", ""
    edges: dict[int, list[bytes]] = {1: [], 2: []}
    for entry in fields(data, node.start, node.end):
        if entry.number in edges:
            edges[entry.number].append(data[entry.start : entry.end])
            if len(edges[entry.number]) > MAX_EDGES:
                break  # `names` refuses what was counted so far
        elif entry.number == 3:
            check_length(data[entry.start : entry.end], f"node {walk.nodes}")
            name = text(data, entry)
        elif entry.number == 4:
            op = text(data, entry)
        elif entry.number == 7 and text(data, entry) not in ("", "ai.onnx"):
            raise Refused(
                "structure.domain",
                f"Node '{name}' uses {op} of the domain '{text(data, entry)}', which is not part of ONNX.",
                "Export with standard ONNX operators only.",
                f"node {name or walk.nodes}",
            )
    label = f"node {name}" if name else f"node number {walk.nodes}"
    if op in ("If", "Loop", "Scan", "SequenceMap"):
        raise Refused(
            "structure.control_flow",
            f"Node '{name}' is a {op}: control flow can run without end.",
            "Export the model without data-dependent control flow.",
            label,
        )
    walk.names.node(label, edges[1], edges[2])
    for entry in fields(data, node.start, node.end):
        if entry.number == 5 and entry.is_bytes:
            _attribute(walk, entry, label)


def _attribute(walk: Walk, attribute: Field, label: str) -> None:
    for entry in fields(walk.data, attribute.start, attribute.end):
        if entry.number in (5, 10) and entry.is_bytes:
            _tensor(walk, entry)
        elif entry.number in (6, 11):
            raise Refused(
                "structure.control_flow",
                "A node holds a graph of its own.",
                "Export without control flow.",
                label,
            )
        elif entry.number in (22, 23):
            raise Refused(
                "structure.sparse", "A node holds a sparse tensor.", "Store constants densely.", label
            )


def _tensor(walk: Walk, tensor: Field) -> bytes:
    """Checks one tensor's claims and returns its name."""
    data = walk.data
    walk.tensors += 1
    if walk.tensors > MAX_TENSORS:
        raise _refused(
            "structure.tensors", f"More than {MAX_TENSORS} tensors.", "Upload a smaller model.", tensor
        )
    name, kind, raw, values = b"", 0, None, 0
    dims: list[int] = []
    for entry in fields(data, tensor.start, tensor.end):
        match entry.number:
            case 1:
                dims.extend(islice(numbers(data, entry), MAX_RANK + 1))
            case 2:
                kind = entry.value
            case 8:
                name = data[entry.start : entry.end]
            case 9:
                raw = entry.end - entry.start
            case 4 | 5 | 7 | 10 | 11:
                length = entry.end - entry.start
                values += length // VALUES_OF[entry.number] if entry.is_bytes else 1
            case 13 | 14 if entry.is_bytes or entry.value:
                raise _refused(
                    "structure.external_data",
                    f"The weights of '{shown(name)}' lie in another file.",
                    REEXPORT,
                    tensor,
                )
        if len(dims) > MAX_RANK:
            raise _refused(
                "structure.rank", f"A tensor has more than {MAX_RANK} dimensions.", REEXPORT, tensor
            )
    label = shown(name)
    if any(length < 0 for length in dims):
        raise _refused("structure.dims", f"Tensor '{label}' has the shape {dims}.", REEXPORT, tensor)
    if kind not in ITEM_BYTES and kind not in HALF_BYTES:
        raise _refused(
            "structure.dtype", f"Tensor '{label}' has the data type {kind}.", "Use numeric types.", tensor
        )
    count = math.prod(dims)
    size = (count + 1) // 2 if kind in HALF_BYTES else count * ITEM_BYTES[kind]
    walk.tensor_bytes += size
    if size > MAX_TENSOR_BYTES:
        raise _refused("structure.tensor_size", f"Tensor '{label}' claims {size} bytes.", REEXPORT, tensor)
    if raw is None and math.prod(dims) > values:
        message = f"Tensor '{label}' claims {math.prod(dims)} values and holds at most {values}."
        raise _refused("structure.tensor_size", message, REEXPORT, tensor)
    if raw is not None and raw != size:
        raise _refused(
            "structure.tensor_size",
            f"Tensor '{label}' claims {size} bytes and holds {raw}.",
            REEXPORT,
            tensor,
        )
    return name


def _value_info(walk: Walk, value: Field) -> bytes:
    """Inputs and outputs, ValueInfo{1: name, 2: Type{1: Tensor{2: Shape{1: Dim{1: value}}}}}: tensors only.

    Returns the name.
    """
    data = walk.data
    for kind in _inside(data, value, 2):
        for entry in fields(data, kind.start, kind.end):
            if entry.number in (4, 5, 8, 9):
                raise _refused(
                    "structure.value_type",
                    "An input or output is a sequence, map, optional or sparse tensor.",
                    "Use plain tensors for inputs and outputs.",
                    value,
                )
        for tensor in _inside(data, kind, 1):
            for shape in _inside(data, tensor, 2):
                for dim in _inside(data, shape, 1):
                    for entry in fields(data, dim.start, dim.end):
                        if entry.number == 1 and entry.value >= 1 << 31:
                            message = "An input or output declares a negative or absurd dimension."
                            raise _refused("structure.dims", message, REEXPORT, value)
    return next((data[part.start : part.end] for part in _inside(data, value, 1)), b"")


def _inside(data: bytes, outer: Field, number: int) -> list[Field]:
    return [
        entry for entry in fields(data, outer.start, outer.end) if entry.number == number and entry.is_bytes
    ]


def _refused(rule: str, message: str, remedy: str, at: Field) -> Refused:
    return Refused(rule, message, remedy, f"byte {at.start}")
