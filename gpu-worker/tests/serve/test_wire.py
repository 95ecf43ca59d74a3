"""What stands around a request on the wire: binary data, packed bodies, limits, refusals in V2's shape."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from gpu_worker.serve import replica as serving
from gpu_worker.serve.body import chosen_encoding
from gpu_worker.serve.tensors import DATATYPES, Tensor, to_binary
from replicas import ONNX_TYPES, TOKEN, echo, replica

KINDS = sorted(DATATYPES)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Gives each datatype back."""
    model = echo([ONNX_TYPES[kind] for kind in KINDS])
    with replica(tmp_path_factory.mktemp("replica"), model) as (client, _):
        yield client


def sample(kind: str, k: int = 3) -> np.ndarray:
    rows = [[(i + j) % 2 for j in range(k)] for i in range(2)]
    return np.array([[f"ä{v}" for v in row] for row in rows] if kind == "BYTES" else rows, DATATYPES[kind])


def binary(k: int = 3, **more: Any) -> tuple[bytes, dict[str, str]]:
    """A request of every datatype as binary data, and its headers."""
    items, data = [], []
    for index, kind in enumerate(KINDS):
        data.append(bytes(to_binary(Tensor("", kind, ()), sample(kind, k))))
        items.append(
            {
                "name": f"in{index}",
                "datatype": kind,
                "shape": [2, k],
                "parameters": {"binary_data_size": len(data[-1])},
            }
        )
    text = json.dumps({"inputs": items, **more}).encode()
    return text + b"".join(data), {"inference-header-content-length": str(len(text))}


ALL_BINARY = {"parameters": {"binary_data_output": True}}


def test_every_datatype_goes_both_ways_as_binary_data(net: httpx.Client) -> None:
    body, headers = binary(id="a", **ALL_BINARY)
    answer = net.post("/infer", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["inference-header-content-length"])
    said, rest = json.loads(answer.content[:length]), answer.content[length:]
    assert said["id"] == "a"
    sent = [bytes(to_binary(Tensor("", kind, ()), sample(kind))) for kind in KINDS]
    assert rest == b"".join(sent)
    sizes = [output["parameters"]["binary_data_size"] for output in said["outputs"]]
    assert sizes == [len(part) for part in sent]


def test_what_came_as_binary_data_is_answered_as_json_where_that_is_asked(net: httpx.Client) -> None:
    body, headers = binary()
    said = net.post("/infer", content=body, headers=headers).json()
    for output, kind in zip(said["outputs"], KINDS, strict=True):
        assert (output["datatype"], output["data"]) == (kind, sample(kind).ravel().tolist())


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_packed_bodies_go_both_ways(net: httpx.Client, encoding: str, pack: Any) -> None:
    body, headers = binary(k=200, **ALL_BINARY)
    plain = net.post("/infer", content=body, headers=headers | {"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    headers |= {"content-encoding": encoding, "accept-encoding": encoding}
    with net.stream("POST", "/infer", content=pack(body), headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == encoding
    assert len(raw) == int(answer.headers["content-length"]) < len(plain.content)
    unpacked = gzip.decompress(raw) if encoding == "gzip" else zlib.decompress(raw)
    assert unpacked == plain.content
    # The length is of the JSON as it is unpacked (Triton's extension says so).
    assert (
        answer.headers["inference-header-content-length"] == plain.headers["inference-header-content-length"]
    )


@pytest.mark.parametrize(
    ("content", "encoding", "status", "told"),
    [
        (gzip.compress(b"\0" * (200 << 20), 1, mtime=0), "gzip", 413, "larger than"),
        (zlib.compress(b"\0" * (200 << 20), 1), "deflate", 413, "larger than"),
        (gzip.compress(b"{}", mtime=0)[:-3], "gzip", 400, "ends within its gzip data"),
        (b"", "gzip", 400, "ends within its gzip data"),
        (gzip.compress(b"{}", mtime=0) + b"more", "gzip", 400, "goes on after"),
        (b"plain", "deflate", 400, "not deflate data"),
        (b"{}", "br", 415, "use gzip, deflate or none"),
    ],
)
def test_packed_bodies_that_cannot_be_read_are_refused(
    net: httpx.Client, content: bytes, encoding: str, status: int, told: str
) -> None:
    answer = net.post("/infer", content=content, headers={"content-encoding": encoding})
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert told in answer.json()["error"]


def test_a_body_over_the_limit_is_refused_packed_or_not(
    net: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, headers = binary(k=500)
    monkeypatch.setattr(serving, "MAX_BODY", len(body) - 1)
    assert net.post("/infer", content=body, headers=headers).status_code == 413
    packed = headers | {"content-encoding": "gzip"}
    assert net.post("/infer", content=gzip.compress(body), headers=packed).status_code == 413
    monkeypatch.setattr(serving, "MAX_BODY", len(body))
    assert net.post("/infer", content=gzip.compress(body), headers=packed).status_code == 200


@pytest.mark.parametrize("length", ["", "-1", "+5", "1_0", "x", "9" * 20, "٣"])
def test_a_malformed_length_is_refused(net: httpx.Client, length: str) -> None:
    body, _ = binary()
    headers = [(b"inference-header-content-length", length.encode())]
    answer = net.post("/infer", content=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_what_json_cannot_carry_is_asked_for_as_binary_data(net: httpx.Client) -> None:
    body, headers = binary()
    index = KINDS.index("FP32")
    at = body.rindex(bytes(to_binary(Tensor("", "FP32", ()), sample("FP32"))))
    poisoned = body[:at] + np.float32(np.nan).tobytes() + body[at + 4 :]
    answer = net.post("/infer", content=poisoned, headers=headers)
    assert answer.status_code == 400
    assert f"'out{index}' holds NaN" in answer.json()["error"]
    assert "binary data" in answer.json()["error"]


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br", "gzip"),
        ("gzip;q=0.2, deflate;q=0.9", "deflate"),
        ("gzip;q=0", None),
        ("gzip;q=x", None),
        ("br, identity", None),
    ],
)
def test_the_encoding_is_the_one_that_is_liked_best(accepted: str, chosen: str | None) -> None:
    assert chosen_encoding(accepted) == chosen


def test_bodies_that_wait_are_bounded_in_sum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever would be beyond the sum is told to come again, until there is room."""
    monkeypatch.setattr(serving, "MAX_BODY", 1 << 20)
    monkeypatch.setenv("LATHE_REPLICA_BODIES_MB", "1")
    with replica(tmp_path, echo([ONNX_TYPES["FP32"]])) as (client, _):
        half = {"inputs": [{"name": "in0", "shape": [1, 1], "datatype": "FP32", "data": [1]}]}
        body = json.dumps(half).encode().ljust(600_000)

        def answers(status: int) -> httpx.Response:
            while (answer := client.post("/infer", content=body)).status_code != status:
                pass
            return answer

        lines = [
            "POST /infer HTTP/1.1",
            "host: x",
            f"authorization: Bearer {TOKEN}",
            "content-length: 900000",
        ]
        head = "".join(f"{line}\r\n" for line in [*lines, ""])
        with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as slow:
            slow.sendall(head.encode() + body)
            refused = answers(429)
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["error"].startswith("Bodies of ")
            assert client.post("/infer", content=body.strip()).status_code == 200
        assert answers(200).json()["outputs"][0]["data"] == [1.0]
