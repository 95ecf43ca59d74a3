"""Replicas of models made for a test, each on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import onnx
from onnx import NodeProto, TensorProto, helper

from gpu_worker.contract import DesiredReplica
from gpu_worker.serve import serve_replica
from specs import open_door

TOKEN = "a-token-of-this-test"


@contextmanager
def replica(
    folder: Path, model: bytes, name: str = "net", **limits: Any
) -> Iterator[tuple[httpx.Client, threading.Event]]:
    """A replica on a port of its own, and the event that stops it."""
    door = open_door(folder)
    desired = DesiredReplica(
        replica_id="replica",
        token=TOKEN,
        model_name=name,
        version_number=7,
        digest=door.put_blob(model).sha256,
        cpus=1,
        **limits,
    )
    stop, ready = threading.Event(), threading.Event()
    address: list[str] = []

    def on_ready(url: str) -> None:
        address.append(url)
        ready.set()

    thread = threading.Thread(target=serve_replica, args=(desired, door, "127.0.0.1", on_ready, stop))
    thread.start()
    assert ready.wait(30)
    headers = {"authorization": f"Bearer {TOKEN}"}
    try:
        with httpx.Client(base_url=address[0], headers=headers, timeout=30) as client:
            yield client, stop
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive()


Value = tuple[str, int, list[int | str]]
"""Name, ONNX element type and shape."""


def model_of(nodes: list[NodeProto], inputs: list[Value], outputs: list[Value]) -> bytes:
    """A model's file of these nodes."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def echo(datatypes: list[int]) -> bytes:
    """A model that gives each input `in0`, `in1` … back as `out0`, `out1` …."""
    return model_of(
        [helper.make_node("Identity", [f"in{i}"], [f"out{i}"]) for i in range(len(datatypes))],
        [(f"in{i}", kind, [f"n{i}", "k"]) for i, kind in enumerate(datatypes)],
        [(f"out{i}", kind, [f"n{i}", "k"]) for i, kind in enumerate(datatypes)],
    )


ONNX_TYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}
