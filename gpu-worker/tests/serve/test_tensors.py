"""Any tensor goes through JSON and through binary data and comes back the same; nothing malformed gets in."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gpu_worker.serve.tensors import DATATYPES, Tensor, V2Error, from_binary, from_json, to_binary, to_json
from gpu_worker.serve.v2 import InferRequest, WantedOutput, encode_answer, parse_request

LETTERS = st.characters(codec="utf-8")


def values_of(datatype: str, *, finite: bool) -> st.SearchStrategy[np.ndarray]:
    shapes = arrays.array_shapes(min_dims=0, max_dims=4, max_side=4)
    if datatype == "BYTES":
        texts = st.text(LETTERS, max_size=6)
        return shapes.flatmap(lambda shape: arrays.arrays(object, shape, elements=texts))
    elements = {"allow_nan": not finite, "allow_infinity": not finite} if datatype.startswith("FP") else None
    return shapes.flatmap(
        lambda shape: arrays.arrays(
            DATATYPES[datatype],
            shape,
            elements=arrays.from_dtype(np.dtype(DATATYPES[datatype]), **(elements or {})),
        )
    )


@st.composite
def tensors(draw: st.DrawFn, finite: bool) -> tuple[Tensor, np.ndarray]:
    datatype = draw(st.sampled_from(sorted(DATATYPES)))
    values = draw(values_of(datatype, finite=finite))
    return Tensor("input", datatype, tuple(-1 for _ in values.shape)), values


def same(left: np.ndarray, right: np.ndarray) -> bool:
    if left.dtype == object:
        return left.shape == right.shape and left.ravel().tolist() == right.ravel().tolist()
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


@given(tensors(finite=True))
def test_json_gives_every_tensor_back(case: tuple[Tensor, np.ndarray]) -> None:
    tensor, values = case
    wire = json.loads(json.dumps(to_json(tensor, values)))
    assert same(from_json(wire, list(values.shape), tensor), values)


@given(tensors(finite=False), st.integers(0, 8))
def test_binary_data_give_every_tensor_back_wherever_they_lie(
    case: tuple[Tensor, np.ndarray], offset: int
) -> None:
    tensor, values = case
    body = b"x" * offset + bytes(to_binary(tensor, values))
    assert same(from_binary(memoryview(body)[offset:], list(values.shape), tensor), values)


def test_binary_values_are_not_copied() -> None:
    body = bytearray(64 + 4)
    values = from_binary(memoryview(body)[4:], [16], Tensor("input", "FP32", (-1,)))
    assert np.shares_memory(values, np.frombuffer(body, np.uint8))


@pytest.mark.parametrize("datatype", sorted(DATATYPES))
def test_outputs_without_values_are_carried(datatype: str) -> None:
    tensor, values = Tensor("y", datatype, (-1, 2)), np.empty((0, 2), DATATYPES[datatype])
    assert bytes(to_binary(tensor, values)) == b""
    assert to_json(tensor, values) == []


def binary_request(items: Sequence[dict[str, Any]], data: bytes, **more: Any) -> tuple[bytes, int]:
    text = json.dumps({"inputs": list(items), **more}).encode()
    return text + data, len(text)


X = Tensor("x", "FP32", (-1, 2))
Y = Tensor("y", "BYTES", (-1,))


def x_item(**changes: Any) -> dict[str, Any]:
    item = {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}
    return item | changes


def size(count: Any) -> dict[str, Any]:
    return {"parameters": {"binary_data_size": count}}


@pytest.mark.parametrize(
    ("items", "data", "told"),
    [
        ([x_item()], b"\0" * 7, "'binary_data_size' is 8, only 7 are left of the body"),
        ([x_item()], b"\0" * 9, "9 bytes of binary data, the inputs take 8"),
        ([x_item(**size(4))], b"\0" * 4, "takes 8 bytes, 'binary_data_size' is 4"),
        ([x_item(**size(-8))], b"\0" * 8, "must be a number of bytes, not -8"),
        ([x_item(**size("8"))], b"\0" * 8, "must be a number of bytes, not '8'"),
        ([x_item(**size(True))], b"\0", "must be a number of bytes, not True"),
        ([x_item(shape=[2**62, 2])], b"\0" * 8, "takes 36893488147419103232 bytes"),
        ([x_item(shape=[-1, 2])], b"\0" * 8, "list of whole numbers"),
        ([x_item(data=[1, 2])], b"\0" * 8, "both 'data' and 'binary_data_size'"),
        ([x_item(parameters={"shared_memory_region": "r"})], b"", "extension for shared memory"),
        ([x_item(parameters=[8])], b"\0" * 8, "'parameters' must be an object"),
        ([x_item(), x_item()], b"\0" * 16, "'x' is given twice"),
        ([x_item(parameters={})], b"", "'data' must be a list"),
    ],
)
def test_binary_data_that_do_not_fit_are_refused(items: list[dict[str, Any]], data: bytes, told: str) -> None:
    body, json_bytes = binary_request(items, data)
    with pytest.raises(V2Error, match=told):
        parse_request(body, json_bytes, [X], [X])


@pytest.mark.parametrize(
    ("shape", "data", "told"),
    [
        ([1], b"\x03\0\0\0ab", "element 0 of BYTES ends beyond"),
        ([2], b"\0\0\0\0\0\0", "can't hold 2 elements"),
        ([1], b"\xff\xff\xff\xffab", "ends beyond"),
        ([1], b"\1\0\0\0\xff", "not UTF-8"),
        ([1], b"\1\0\0\0ab", "1 bytes of binary data are left"),
        ([2**60], b"\0" * 8, "can't hold"),
    ],
)
def test_strings_that_do_not_fit_are_refused(shape: list[int], data: bytes, told: str) -> None:
    with pytest.raises(V2Error, match=told):
        from_binary(memoryview(data), shape, Y)


@pytest.mark.parametrize("json_bytes", [0, 1000])
def test_a_length_beyond_the_body_is_refused(json_bytes: int) -> None:
    body, _ = binary_request([x_item()], b"\0" * 8)
    with pytest.raises(V2Error, match="'Inference-Header-Content-Length' is"):
        parse_request(body, json_bytes, [X], [X])


def test_binary_data_without_their_header_are_refused() -> None:
    body, _ = binary_request([x_item()], b"")
    with pytest.raises(V2Error, match="need the header 'Inference-Header-Content-Length'"):
        parse_request(body, None, [X], [X])


def test_outputs_are_binary_as_the_request_and_each_output_say() -> None:
    outputs = [X, Y]

    def wanted(**more: Any) -> list[tuple[str, bool]]:
        body, json_bytes = binary_request([x_item()], b"\0" * 8, **more)
        request = parse_request(body, json_bytes, [X], outputs)
        return [(output.name, output.is_binary) for output in request.outputs]

    all_binary = {"parameters": {"binary_data_output": True}}
    assert wanted() == [("x", False), ("y", False)]
    assert wanted(**all_binary) == [("x", True), ("y", True)]
    assert wanted(
        **all_binary, outputs=[{"name": "y", "parameters": {"binary_data": False}}, {"name": "x"}]
    ) == [
        ("y", False),
        ("x", True),
    ]
    with pytest.raises(V2Error, match="'x' is asked for twice"):
        wanted(outputs=[{"name": "x"}, {"name": "x"}])
    with pytest.raises(V2Error, match="extension for classification"):
        wanted(outputs=[{"name": "x", "parameters": {"classification": 3}}])


def test_a_timeout_is_microseconds_and_what_nobody_knows_is_left_alone() -> None:
    def timeout(value: Any) -> float | None:
        parameters = {"timeout": value, "priority": 1, "anything": "else"}
        body, json_bytes = binary_request([x_item()], b"\0" * 8, parameters=parameters)
        return parse_request(body, json_bytes, [X], [X]).timeout

    assert (timeout(2500), timeout("1000000"), timeout(0)) == (0.0025, 1.0, None)
    for wrong in (-1, "soon", True, 10**15):
        with pytest.raises(V2Error, match="timeout"):
            timeout(wrong)


def test_an_answer_tells_where_its_binary_data_lie() -> None:
    request = InferRequest("7", {}, [WantedOutput("y", True), WantedOutput("x", False)], None)
    values = [np.array(["ä", ""], object), np.ones((1, 2), np.float32)]
    encoded = encode_answer({"model_name": "m"}, request, {"x": X, "y": Y}, values)
    whole = b"".join(encoded.parts)
    assert encoded.json_bytes is not None
    assert json.loads(whole[: encoded.json_bytes]) == {
        "model_name": "m",
        "id": "7",
        "outputs": [
            {"name": "y", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 10}},
            {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 1.0]},
        ],
    }
    assert whole[encoded.json_bytes :] == struct.pack("<I", 2) + "ä".encode() + struct.pack("<I", 0)


@given(st.data())
def test_no_mutated_binary_request_breaks_the_parser(data: st.DataObject) -> None:
    items = [x_item(), {"name": "y", "datatype": "BYTES", "shape": [2], **size(11)}]
    body, json_bytes = binary_request(items, b"\0" * 8 + b"\1\0\0\0a\2\0\0\0bc")
    mutated = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at] = data.draw(st.integers(0, 255))
    del mutated[data.draw(st.integers(1, len(mutated))) :]
    shifted = data.draw(st.one_of(st.just(json_bytes), st.none(), st.integers(0, 2 * len(body))))
    with suppress(V2Error):  # a refusal with words is the right answer to nearly all of these
        request = parse_request(mutated, shifted, [X, Y], [X])
        assert request.inputs["x"].shape[1] == 2
