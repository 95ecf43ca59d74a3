"""Infer requests and answers of the Open Inference Protocol V2, as JSON or with binary tensor data behind it.

Errors say which tensor, what was expected and what was found. Triton's extensions that change an answer and
are not had here are refused; other parameters are read by nobody and change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpu_worker.serve.tensors import Tensor, V2Error, from_binary, from_json, shape_of, to_binary, to_json

_NOT_HAD = {
    "classification": "classification",
    "shared_memory_region": "shared memory",
    "sequence_id": "sequences",
    "sequence_start": "sequences",
    "sequence_end": "sequences",
}
MAX_TIMEOUT_US = 10**12


@dataclass(frozen=True)
class WantedOutput:
    """An output that a request asks for, and whether as binary data."""

    name: str
    is_binary: bool


@dataclass(frozen=True)
class InferRequest:
    """A checked request: arrays by input name, the outputs asked for, the id to send back, and how long it
    may take in seconds, where it says so.
    """

    id: str | None
    inputs: dict[str, np.ndarray]
    outputs: list[WantedOutput]
    timeout: float | None

    @property
    def output_names(self) -> list[str]:
        return [output.name for output in self.outputs]


@dataclass(frozen=True)
class Encoded:
    """An answer's body in parts. json_bytes: the length of its JSON when binary data follow, else None."""

    parts: list[bytes | memoryview]
    json_bytes: int | None


def parse_request(
    body: bytes | bytearray, json_bytes: int | None, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> InferRequest:
    """A V2 infer body to arrays, which look into `body` where their data are binary.

    json_bytes: `Inference-Header-Content-Length`, None when all of the body is JSON. Raises V2Error.
    """
    if json_bytes is not None and not 0 < json_bytes <= len(body):
        raise V2Error(
            f"'Inference-Header-Content-Length' is {json_bytes}, but the body has {len(body)} bytes."
        )
    view = memoryview(body)
    request = _parse_json(bytes(view[:json_bytes]))
    binary = None if json_bytes is None else view[json_bytes:]
    identifier = request.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise V2Error(f"'id' must be a string, not {identifier!r}.")
    parameters = _parameters(request, "The request")
    return InferRequest(
        identifier,
        _arrays(request.get("inputs"), inputs, binary),
        _wanted(request.get("outputs"), outputs, _flag(parameters, "binary_data_output", "The request")),
        _timeout(parameters),
    )


def encode_answer(
    head: dict[str, object], request: InferRequest, tensors: dict[str, Tensor], values: Sequence[np.ndarray]
) -> Encoded:
    """The answer to a request: `head`, then its outputs. Raises V2Error when JSON cannot carry a value."""
    described: list[dict[str, object]] = []
    binary: list[bytes | memoryview] = []
    for output, array in zip(request.outputs, values, strict=True):
        tensor = tensors[output.name]
        item: dict[str, object] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(array.shape),
        }
        if output.is_binary:
            binary.append(to_binary(tensor, array))
            described.append(item | {"parameters": {"binary_data_size": len(binary[-1])}})
        else:
            described.append(item | {"data": to_json(tensor, array)})
    answer = head | {"outputs": described}
    if request.id is not None:
        answer["id"] = request.id
    text = json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()
    return Encoded([text, *binary], len(text) if binary else None)


def _parse_json(text: bytes) -> dict[str, Any]:
    try:
        request = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise V2Error(f"The body is not JSON: {error}.") from error
    if not isinstance(request, dict):
        raise V2Error("The body must be a JSON object.")
    return request


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON value")


def _parameters(item: dict[str, Any], where: str) -> dict[str, Any]:
    parameters = item.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise V2Error(f"{where}: 'parameters' must be an object, not {parameters!r:.60}.")
    for name, value in parameters.items():
        if name in _NOT_HAD and value not in (False, 0):
            raise V2Error(
                f"{where}: parameter '{name}' needs the extension for {_NOT_HAD[name]}, not had here."
            )
        if not isinstance(value, str | int | float):
            raise V2Error(f"{where}: parameter '{name}' must be a string, number or boolean.")
    return parameters


def _flag(parameters: dict[str, Any], name: str, where: str, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise V2Error(f"{where}: parameter '{name}' must be true or false, not {value!r:.60}.")
    return value


def _timeout(parameters: dict[str, Any]) -> float | None:
    """Microseconds as Triton has it, to seconds; 0 leaves the default."""
    value = parameters.get("timeout", 0)
    try:
        micros = int(value)
    except (ValueError, OverflowError):
        micros = -1
    if isinstance(value, bool) or not 0 <= micros <= MAX_TIMEOUT_US:
        raise V2Error(f"The request: parameter 'timeout' must be microseconds, not {value!r:.60}.")
    return micros / 1e6 if micros else None


def _arrays(given: Any, inputs: Sequence[Tensor], binary: memoryview | None) -> dict[str, np.ndarray]:
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise V2Error("'inputs' must be a list of tensors.")
    known = {tensor.name: tensor for tensor in inputs}
    arrays: dict[str, np.ndarray] = {}
    at = 0
    for item in given:
        name = item.get("name")
        if not isinstance(name, str) or name not in known:
            raise V2Error(f"There is no input {name!r:.60}; the model takes {_names(inputs)}.")
        if name in arrays:
            raise V2Error(f"Input '{name}' is given twice.")
        shape = shape_of(item, known[name])
        size = _binary_size(item, f"Input '{name}'")
        if size is None:
            arrays[name] = from_json(item.get("data"), shape, known[name])
            continue
        if binary is None:
            raise V2Error(f"Input '{name}': binary data need the header 'Inference-Header-Content-Length'.")
        if "data" in item:
            raise V2Error(f"Input '{name}' has both 'data' and 'binary_data_size'.")
        if size > len(binary) - at:
            raise V2Error(
                f"Input '{name}': 'binary_data_size' is {size}, only {len(binary) - at} are left of the body."
            )
        arrays[name] = from_binary(binary[at : at + size], shape, known[name])
        at += size
    if binary is not None and at != len(binary):
        raise V2Error(f"The body has {len(binary)} bytes of binary data, the inputs take {at}.")
    missing = [tensor for tensor in inputs if tensor.name not in arrays]
    if missing:
        raise V2Error(f"Input {_names(missing)} is missing.")
    return arrays


def _binary_size(item: dict[str, Any], where: str) -> int | None:
    size = _parameters(item, where).get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        raise V2Error(f"{where}: 'binary_data_size' must be a number of bytes, not {size!r:.60}.")
    return size


def _wanted(asked: Any, outputs: Sequence[Tensor], are_binary: bool) -> list[WantedOutput]:
    if asked is None or asked == []:
        return [WantedOutput(tensor.name, are_binary) for tensor in outputs]
    if not isinstance(asked, list) or not all(isinstance(item, dict) for item in asked):
        raise V2Error("'outputs' must be a list of tensors.")
    known = {tensor.name for tensor in outputs}
    wanted: dict[str, WantedOutput] = {}
    for item in asked:
        name = item.get("name")
        if not isinstance(name, str) or name not in known:
            raise V2Error(f"There is no output {name!r:.60}; the model gives {_names(outputs)}.")
        if name in wanted:
            raise V2Error(f"Output '{name}' is asked for twice.")
        where = f"Output '{name}'"
        is_binary = _flag(_parameters(item, where), "binary_data", where, are_binary)
        wanted[name] = WantedOutput(name, is_binary)
    return list(wanted.values())


def _names(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"'{tensor.name}'" for tensor in tensors)
