"""Tensors of the Open Inference Protocol V2: what the model takes, and values from JSON or bytes and back.

https://github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md) and Triton's
extension_binary_data.md.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

DATATYPES: dict[str, str] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
"""V2 datatype to numpy dtype; the values of BYTES are `str`, for ONNX has no strings but of UTF-8."""

_ORT_TYPES = {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(float16)": "FP16",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
} | {f"tensor({dtype})": name for name, dtype in DATATYPES.items() if name[0] in "UI"}
_KINDS: dict[str, frozenset[type]] = {
    "f": frozenset({int, float}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "b": frozenset({bool}),
    "O": frozenset({str}),
}
_LENGTH = struct.Struct("<I")
"""Stands before each element of BYTES in binary data."""


class V2Error(ValueError):
    """A request that cannot be answered; the message goes to the client as `{"error": message}`."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of the model: its name, V2 datatype, and shape with -1 for a dynamic dimension."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, name: str, ort_type: str, shape: Sequence[int | str | None]) -> Tensor:
        """From what ONNX Runtime says of a value. Raises ValueError for types that V2 cannot carry."""
        datatype = _ORT_TYPES.get(ort_type)
        if datatype is None:
            raise ValueError(f"'{name}' is a {ort_type}; only tensors of numbers and strings can be served.")
        dims = tuple(dim if isinstance(dim, int) and dim >= 0 else -1 for dim in shape)
        return cls(name, datatype, dims)

    def metadata(self) -> dict[str, object]:
        """As `GET /metadata` shows it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def shape_of(item: dict[str, Any], expected: Tensor) -> list[int]:
    """The shape that a request gives an input. Raises V2Error when the model or the datatype is another."""
    where = f"Input '{expected.name}'"
    datatype = item.get("datatype")
    if datatype != expected.datatype:
        raise V2Error(f"{where}: expected datatype {expected.datatype}, found {datatype!r}.")
    shape = item.get("shape")
    if not isinstance(shape, list) or not all(type(dim) is int and dim >= 0 for dim in shape):
        raise V2Error(f"{where}: 'shape' must be a list of whole numbers, found {shape!r}.")
    fits = len(shape) == len(expected.shape) and all(
        want in (-1, have) for have, want in zip(shape, expected.shape, strict=True)
    )
    if not fits:
        raise V2Error(f"{where}: expected shape {list(expected.shape)} (-1: any), found {shape}.")
    if 0 in shape:
        raise V2Error(f"{where}: the shape {shape} holds no values.")
    return shape


def from_json(data: Any, shape: list[int], expected: Tensor) -> np.ndarray:
    """JSON values, flat or nested as the shape says, to an array. Raises V2Error."""
    where = f"Input '{expected.name}'"
    if not isinstance(data, list):
        raise V2Error(f"{where}: 'data' must be a list of {expected.datatype} values.")
    flat = _flatten(data, shape, where)
    if len(flat) != math.prod(shape):
        raise V2Error(f"{where}: shape {shape} takes {math.prod(shape)} values, 'data' holds {len(flat)}.")
    dtype = np.dtype(DATATYPES[expected.datatype])
    strangers = set(map(type, flat)) - _KINDS[dtype.kind]
    if strangers:
        found = ", ".join(sorted(kind.__name__ for kind in strangers))
        raise V2Error(f"{where}: expected {expected.datatype} values, found {found}.")
    if dtype.kind == "O":
        _refuse_surrogates(flat, where)
    try:
        with np.errstate(over="ignore"):
            values = np.array(flat, dtype=dtype)
    except OverflowError as error:
        raise V2Error(f"{where}: a value lies outside the range of {expected.datatype}.") from error
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise V2Error(f"{where}: a value lies outside the range of {expected.datatype}.")
    return values.reshape(shape)


def to_json(tensor: Tensor, values: np.ndarray) -> list[Any]:
    """The values flat, in row-major order. Raises V2Error for NaN and infinities."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise V2Error(
            f"Output '{tensor.name}' holds NaN or infinite values, which JSON cannot carry; ask for it as "
            "binary data."
        )
    return values.ravel().tolist()


def from_binary(data: memoryview, shape: list[int], expected: Tensor) -> np.ndarray:
    """Little-endian values in row-major order to an array over the same memory. Raises V2Error.

    A copy is made only where the values do not lie on multiples of their size.
    """
    where = f"Input '{expected.name}'"
    count = math.prod(shape)
    if expected.datatype == "BYTES":
        return _strings(data, count, where).reshape(shape)
    dtype = np.dtype(DATATYPES[expected.datatype]).newbyteorder("<")
    if len(data) != count * dtype.itemsize:
        raise V2Error(
            f"{where}: shape {shape} of {expected.datatype} takes {count * dtype.itemsize} bytes, "
            f"'binary_data_size' is {len(data)}."
        )
    if dtype.kind == "b" and np.frombuffer(data, np.uint8).max() > 1:
        raise V2Error(f"{where}: a BOOL is a byte 0 or 1.")
    values = np.frombuffer(data, dtype).reshape(shape)
    return values if values.flags.aligned else values.copy()


def to_binary(tensor: Tensor, values: np.ndarray) -> bytes | memoryview:
    """The values as binary data: row-major, little-endian; a length before each element of BYTES."""
    if tensor.datatype == "BYTES":
        texts = [str(value).encode() for value in values.ravel()]
        return b"".join(chain.from_iterable((_LENGTH.pack(len(text)), text) for text in texts))
    dtype = np.dtype(DATATYPES[tensor.datatype]).newbyteorder("<")
    # A view without values cannot be cast.
    return np.ascontiguousarray(values, dtype).data.cast("B") if values.size else b""


def _flatten(data: list[Any], shape: list[int], where: str) -> list[Any]:
    """V2 allows data flat or nested as the shape says; anything between is refused."""
    if not data or not isinstance(data[0], list):
        return data
    level: list[Any] = [data]
    for length in shape:
        if not all(isinstance(part, list) and len(part) == length for part in level):
            raise V2Error(f"{where}: nested 'data' does not have the shape {shape}.")
        level = list(chain.from_iterable(level))
    return level


def _strings(data: memoryview, count: int, where: str) -> np.ndarray:
    # Each element takes its length at least, so a huge count is refused before anything is made for it.
    if count * _LENGTH.size > len(data):
        raise V2Error(f"{where}: {len(data)} bytes of binary data can't hold {count} elements of BYTES.")
    values = np.empty(count, object)
    at = 0
    for index in range(count):
        start = at + _LENGTH.size
        end = start + _LENGTH.unpack_from(data, at)[0] if start <= len(data) else math.inf
        if end > len(data):
            raise V2Error(f"{where}: element {index} of BYTES ends beyond its binary data.")
        at = int(end)
        try:
            values[index] = str(data[start:at], "utf-8")
        except UnicodeDecodeError as error:
            raise V2Error(f"{where}: element {index} of BYTES is not UTF-8.") from error
    if at != len(data):
        raise V2Error(f"{where}: {len(data) - at} bytes of binary data are left after {count} elements.")
    return values


def _refuse_surrogates(texts: list[str], where: str) -> None:
    """JSON can escape half of a pair, which no UTF-8 has and ONNX Runtime does not take."""
    for index, text in enumerate(texts):
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise V2Error(f"{where}: element {index} of BYTES is not UTF-8.")
