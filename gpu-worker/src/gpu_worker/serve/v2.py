"""Open Inference Protocol V2, JSON: requests to arrays and back, with errors that say what was expected.

https://github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md)
"""

from __future__ import annotations

import json
import math
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
}
"""V2 datatype to numpy dtype. BYTES has no meaning for these models."""

_ORT_TYPES = {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(float16)": "FP16",
    "tensor(bool)": "BOOL",
} | {f"tensor({dtype})": name for name, dtype in DATATYPES.items() if name[0] in "UI"}
_KINDS: dict[str, frozenset[type]] = {
    "f": frozenset({int, float}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "b": frozenset({bool}),
}


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
        """From what ONNX Runtime says of a value. Raises ValueError for types that V2 JSON cannot carry."""
        datatype = _ORT_TYPES.get(ort_type)
        if datatype is None:
            raise ValueError(f"'{name}' is a {ort_type}; only tensors of numbers can be served.")
        dims = tuple(dim if isinstance(dim, int) and dim >= 0 else -1 for dim in shape)
        return cls(name, datatype, dims)

    def metadata(self) -> dict[str, object]:
        """As `GET /metadata` shows it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True)
class InferRequest:
    """A checked request: arrays by input name, the outputs asked for, and the id to send back."""

    id: str | None
    inputs: dict[str, np.ndarray]
    outputs: list[str]


def parse_request(body: bytes, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> InferRequest:
    """A V2 infer body to arrays. Raises V2Error, naming the tensor with what was expected and found."""
    request = _parse_json(body)
    given = request.get("inputs")
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise V2Error("'inputs' must be a list of tensors.")
    known = {tensor.name: tensor for tensor in inputs}
    arrays: dict[str, np.ndarray] = {}
    for item in given:
        name = item.get("name")
        if not isinstance(name, str) or name not in known:
            raise V2Error(f"There is no input {name!r}; the model takes {_names(inputs)}.")
        if name in arrays:
            raise V2Error(f"Input '{name}' is given twice.")
        arrays[name] = _to_array(item, known[name])
    missing = [tensor for tensor in inputs if tensor.name not in arrays]
    if missing:
        raise V2Error(f"Input {_names(missing)} is missing.")
    identifier = request.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise V2Error(f"'id' must be a string, not {identifier!r}.")
    return InferRequest(identifier, arrays, _wanted(request.get("outputs"), outputs))


def encode_output(tensor: Tensor, values: np.ndarray) -> dict[str, object]:
    """One output as V2 JSON has it: the data flat, in row-major order. Raises V2Error for NaN and
    infinities.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise V2Error(f"Output '{tensor.name}' holds NaN or infinite values, which JSON cannot carry.")
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(values.shape),
        "data": values.ravel().tolist(),
    }


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise V2Error(f"The body is not JSON: {error}.") from error
    if not isinstance(request, dict):
        raise V2Error("The body must be a JSON object.")
    return request


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON value")


def _to_array(item: dict[str, Any], expected: Tensor) -> np.ndarray:
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
    data = item.get("data")
    if not isinstance(data, list):
        raise V2Error(f"{where}: 'data' must be a list of {expected.datatype} values.")
    flat = _flatten(data, shape, where)
    if len(flat) != math.prod(shape):
        raise V2Error(f"{where}: shape {shape} takes {math.prod(shape)} values, 'data' holds {len(flat)}.")
    return _convert(flat, shape, expected, where)


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


def _convert(flat: list[Any], shape: list[int], expected: Tensor, where: str) -> np.ndarray:
    dtype = np.dtype(DATATYPES[expected.datatype])
    strangers = set(map(type, flat)) - _KINDS[dtype.kind]
    if strangers:
        found = ", ".join(sorted(kind.__name__ for kind in strangers))
        raise V2Error(f"{where}: expected {expected.datatype} values, found {found}.")
    try:
        with np.errstate(over="ignore"):
            values = np.array(flat, dtype=dtype)
    except OverflowError as error:
        raise V2Error(f"{where}: a value lies outside the range of {expected.datatype}.") from error
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise V2Error(f"{where}: a value lies outside the range of {expected.datatype}.")
    return values.reshape(shape)


def _wanted(asked: Any, outputs: Sequence[Tensor]) -> list[str]:
    if asked is None or asked == []:
        return [tensor.name for tensor in outputs]
    if not isinstance(asked, list) or not all(isinstance(item, dict) for item in asked):
        raise V2Error("'outputs' must be a list of tensors.")
    known = {tensor.name for tensor in outputs}
    names = [item.get("name") for item in asked]
    for name in names:
        if name not in known:
            raise V2Error(f"There is no output {name!r}; the model gives {_names(outputs)}.")
    return names


def _names(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"'{tensor.name}'" for tensor in tensors)
