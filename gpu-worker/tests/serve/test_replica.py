"""A replica answers as V2 says, refuses with the place, and finishes what it began."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from gpu_worker.evaluate import open_session
from gpu_worker.serve.tensors import Tensor, V2Error
from gpu_worker.serve.v2 import parse_request
from nets import example, onnx_of
from replicas import TOKEN, model_of, replica


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with replica(tmp_path_factory.mktemp("replica"), onnx_of("resnet")) as (client, _):
        yield client


def tensor(**changes: Any) -> dict[str, Any]:
    data = example("resnet", 2).numpy()
    return {
        "name": "input", "datatype": "FP32", "shape": [2, 1, 28, 28], "data": data.ravel().tolist()
    } | changes  # fmt: skip


def test_an_answer_is_what_onnx_runtime_answers_and_names_its_version(net: httpx.Client) -> None:
    expected = open_session(onnx_of("resnet")).run(None, {"input": example("resnet", 2).numpy()})[0]
    flat = net.post("/infer", json={"id": "42", "inputs": [tensor()]})
    nested = net.post("/infer", json={"inputs": [tensor(data=example("resnet", 2).tolist())]})
    for answer in (flat, nested):
        assert answer.status_code == 200
        output = answer.json()["outputs"][0]
        assert (output["name"], output["datatype"], output["shape"]) == ("scores", "FP32", [2, 10])
        np.testing.assert_allclose(np.reshape(output["data"], (2, 10)), expected, rtol=1e-6)
    assert flat.json()["id"] == "42"
    assert "id" not in nested.json()
    assert flat.json()["model_version"] == flat.headers["x-lathe-version"] == "7"
    assert len(flat.headers["x-lathe-digest"]) == 64


def test_metadata_and_readiness(net: httpx.Client) -> None:
    assert net.get("/ready").json() == {"name": "net", "ready": True}
    metadata = net.get("/metadata").json()
    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 1, 28, 28]}]
    assert metadata["outputs"] == [{"name": "scores", "datatype": "FP32", "shape": [-1, 10]}]


@pytest.mark.parametrize("token", [None, "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ä"])
def test_every_route_wants_the_token(net: httpx.Client, token: str | None) -> None:
    for method, path in (("GET", "/ready"), ("GET", "/metadata"), ("POST", "/infer"), ("GET", "/nowhere")):
        headers = [] if token is None else [(b"authorization", token.encode())]
        request = httpx.Request(method, net.base_url.join(path), headers=headers)
        assert net.send(request).status_code == 401


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "not JSON"),
        (b"[]", "JSON object"),
        (b'{"inputs": 3}', "'inputs' must be a list"),
        (b'{"inputs": []}', "'input' is missing"),
        ({"name": "other"}, "no input 'other'"),
        ({"datatype": "INT8"}, "expected datatype FP32, found 'INT8'"),
        ({"shape": [2, 28, 28]}, r"expected shape \[-1, 1, 28, 28\]"),
        ({"shape": [3, 1, 28, 28]}, "takes 2352 values, 'data' holds 1568"),
        ({"shape": [0, 1, 28, 28], "data": []}, "holds no values"),
        ({"shape": [True, 1, 28, 28]}, "list of whole numbers"),
        ({"data": "text"}, "'data' must be a list"),
        ({"data": [True] * 1568}, "expected FP32 values, found bool"),
        ({"data": ["1"] * 1568}, "found str"),
        ({"data": [[1.0] * 784] * 2}, "nested 'data' does not have the shape"),
        ({"data": [1e39] * 1568}, "outside the range of FP32"),
    ],
)
def test_a_wrong_request_is_told_what_was_expected(net: httpx.Client, body: Any, told: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps({"inputs": [tensor(**body)]}).encode()
    answer = net.post("/infer", content=content)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(answer.json()["error"])
    assert answer.headers["x-lathe-version"] == "7"


def test_unknown_outputs_and_paths_are_refused(net: httpx.Client) -> None:
    answer = net.post("/infer", json={"inputs": [tensor()], "outputs": [{"name": "nothing"}]})
    assert answer.status_code == 400
    assert "'nothing'" in answer.json()["error"]
    assert net.get("/infer").status_code == 404


def test_nan_is_no_json(net: httpx.Client) -> None:
    content = json.dumps({"inputs": [tensor()]}).replace(json.dumps(tensor()["data"][0]), "NaN", 1)
    assert net.post("/infer", content=content.encode()).status_code == 400


def test_integers_and_booleans_are_served(tmp_path: Path) -> None:
    model = model_of(
        [helper.make_node("Where", ["flag", "a", "b"], ["out"])],
        [("flag", TensorProto.BOOL, ["n"]), ("a", TensorProto.INT64, ["n"]), ("b", TensorProto.INT64, ["n"])],
        [("out", TensorProto.INT64, ["n"])],
    )
    big = 2**53 + 1
    inputs = [
        {"name": "flag", "datatype": "BOOL", "shape": [2], "data": [True, False]},
        {"name": "a", "datatype": "INT64", "shape": [2], "data": [big, 2]},
        {"name": "b", "datatype": "INT64", "shape": [2], "data": [-3, -4]},
    ]
    with replica(tmp_path, model) as (client, _):
        answer = client.post("/infer", json={"inputs": inputs})
        assert answer.json()["outputs"][0]["data"] == [big, -4]
        inputs[1]["data"] = [1, 2**63]
        assert "range of INT64" in client.post("/infer", json={"inputs": inputs}).json()["error"]
        inputs[1]["data"] = [1, 1.5]
        assert "found float" in client.post("/infer", json={"inputs": inputs}).json()["error"]
        inputs[1]["data"] = [1, 2]
        inputs[2] |= {"shape": [3], "data": [1, 2, 3]}
        mismatched = client.post("/infer", json={"inputs": inputs})
        assert mismatched.status_code in (400, 500)
        assert "error" in mismatched.json()


def test_a_stop_lets_requests_in_flight_finish(tmp_path: Path) -> None:
    batch = 4096
    data = np.zeros(batch * 784, np.float32).tolist()
    content = json.dumps({"inputs": [tensor(shape=[batch, 1, 28, 28], data=data)]}).encode()
    with (
        replica(tmp_path, onnx_of("resnet")) as (client, stop),
        ThreadPoolExecutor(1) as pool,
    ):
        sent = threading.Event()

        def body() -> Iterator[bytes]:
            yield content[:-1]
            sent.set()
            yield content[-1:]

        headers = {"content-length": str(len(content))}
        pending = pool.submit(client.post, "/infer", content=body(), headers=headers)
        assert sent.wait(30)
        stop.set()
        assert pending.result(60).status_code == 200


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8)
)
def test_no_data_breaks_the_parser(data: Any) -> None:
    expected = Tensor("input", "FP32", (-1, 2))
    body = {"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 2], "data": data}]}
    parsed = None
    with suppress(V2Error):  # a refusal with words is the right answer to most of these
        parsed = parse_request(json.dumps(body).encode(), None, [expected], [expected])
    if parsed is not None:
        assert parsed.inputs["input"].shape == (1, 2)
        assert np.isfinite(parsed.inputs["input"]).all()
