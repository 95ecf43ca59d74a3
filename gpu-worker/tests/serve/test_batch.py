"""Requests that wait together run together, and nobody pays for another, with time or with errors."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gpu_worker.evaluate import open_session
from gpu_worker.serve import replica as serving
from gpu_worker.serve.batch import Answer, Arrays, Batcher, Busy, Interest, Limits
from gpu_worker.serve.tensors import Tensor
from gpu_worker.serve.warm import rows_are_independent
from nets import example, onnx_of
from replicas import TOKEN, model_of, replica

LIMITS = Limits(batch=8, delay=60, queue=16)


class Model:
    """Doubles its rows. Runs wait while it is held; a row of -1 fails the run it is in."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.ended = 0
        self.began = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(
        self, outputs: list[str], inputs: Arrays, rows: int, interest: Interest
    ) -> list[np.ndarray]:
        self.runs.append(rows)
        self.began.set()

        def end() -> None:
            self.ended += 1

        interest.end = end
        await self.free.wait()
        if (inputs["x"] == -1).any():
            raise ValueError("a row is -1")
        return [inputs["x"] * 2]


def run(test: Callable[[Model], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await test(Model())

    asyncio.run(main())


def ask(batcher: Batcher, *values: float, timeout: float = 60, columns: int = 1) -> asyncio.Future[Answer]:
    x = np.repeat(np.array(values, np.float32)[:, None], columns, axis=1)
    return batcher.submit({"x": x}, ["y"], timeout)


def test_one_alone_runs_at_once_and_those_that_wait_run_together() -> None:
    async def test(model: Model) -> None:
        batcher = Batcher(model, LIMITS)
        model.free.clear()
        first = ask(batcher, 1)
        await model.began.wait()
        rest = [ask(batcher, 2), ask(batcher, 3, 4), ask(batcher, 5)]
        model.free.set()
        answers = await asyncio.gather(first, *rest)
        assert model.runs == [1, 4]
        assert [a.outputs[0].ravel().tolist() for a in answers] == [[2], [4], [6, 8], [10]]
        assert [a.batch for a in answers] == [1, 3, None, None]

    run(test)


def test_a_run_has_no_more_rows_than_the_batch_and_only_what_fits_together() -> None:
    async def test(model: Model) -> None:
        batcher = Batcher(model, Limits(batch=4, delay=60, queue=16))
        model.free.clear()
        first = ask(batcher, 0)
        await model.began.wait()
        rest = [ask(batcher, 1, 1), ask(batcher, 2, columns=2), ask(batcher, 3, 3, 3), ask(batcher, 4, 4)]
        large = ask(batcher, *[5] * 9)
        model.free.set()
        await asyncio.gather(first, *rest, large)
        assert model.runs == [1, 4, 1, 3, 9]

    run(test)


async def crowd(model: Model, batcher: Batcher) -> None:
    """One request, and three that wait for it."""
    model.free.clear()
    first = ask(batcher, 0)
    await model.began.wait()
    waiting = [ask(batcher, n) for n in range(3)]
    model.free.set()
    await asyncio.gather(first, *waiting)


def test_after_a_crowd_a_run_waits_for_as_many_again() -> None:
    async def test(model: Model) -> None:
        batcher = Batcher(model, LIMITS)
        await crowd(model, batcher)
        again = [ask(batcher, n) for n in range(2)]
        for _ in range(20):
            await asyncio.sleep(0)
        again.append(ask(batcher, 2))
        await asyncio.gather(*again)
        assert model.runs == [1, 3, 3]

    run(test)


def test_a_run_waits_no_longer_than_the_delay() -> None:
    async def test(model: Model) -> None:
        batcher = Batcher(model, Limits(batch=8, delay=0.01, queue=16))
        await crowd(model, batcher)
        await ask(batcher, 9)
        assert model.runs == [1, 3, 1]

    run(test)


def test_a_failing_request_fails_alone() -> None:
    async def test(model: Model) -> None:
        batcher = Batcher(model, LIMITS)
        model.free.clear()
        first = ask(batcher, 0)
        await model.began.wait()
        good, bad, also_good = ask(batcher, 1), ask(batcher, -1), ask(batcher, 2)
        model.free.set()
        await first
        with pytest.raises(ValueError, match="a row is -1"):
            await bad
        assert (await good).outputs[0].item() == 2
        assert (await also_good).outputs[0].item() == 4

    run(test)


def test_a_full_queue_refuses_and_who_leaves_makes_room() -> None:
    async def test(model: Model) -> None:
        batcher = Batcher(model, Limits(batch=8, delay=0, queue=2))
        model.free.clear()
        first = ask(batcher, 0)
        await model.began.wait()
        left, stays = ask(batcher, 1), ask(batcher, 2)
        with pytest.raises(Busy):
            ask(batcher, 3)
        left.cancel()
        await asyncio.sleep(0)
        assert batcher.depth == 1
        last = ask(batcher, 4)
        model.free.set()
        await asyncio.gather(first, stays, last)
        assert model.runs == [1, 2]

    run(test)


def test_a_run_is_stopped_when_the_last_in_it_has_left() -> None:
    async def test(model: Model) -> None:
        batcher = Batcher(model, Limits(batch=8, delay=0, queue=16))
        model.free.clear()
        first = ask(batcher, 0)
        await model.began.wait()
        both = [ask(batcher, 1), ask(batcher, 2)]
        model.began.clear()
        model.free.set()
        await first
        model.free.clear()
        await model.began.wait()
        before = model.ended
        both[0].cancel()
        await asyncio.sleep(0)
        assert model.ended == before
        both[1].cancel()
        await asyncio.sleep(0)
        assert model.ended == before + 1
        model.free.set()
        assert (await ask(batcher, 3)).outputs[0].item() == 6

    run(test)


def test_one_that_takes_too_long_is_told_and_its_place_is_free() -> None:
    async def test(model: Model) -> None:
        batcher = Batcher(model, LIMITS)
        model.free.clear()
        first = ask(batcher, 0)
        await model.began.wait()
        with pytest.raises(TimeoutError):
            await ask(batcher, 1, timeout=0.01)
        assert batcher.depth == 0
        model.free.set()
        await first
        assert model.runs == [1]

    run(test)


def sums_its_batch() -> bytes:
    return model_of(
        [
            helper.make_node("Constant", [], ["axes"], value_ints=[0]),
            helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=1),
            helper.make_node("Add", ["x", "sum"], ["y"]),
        ],
        [("x", TensorProto.FLOAT, ["n", 2])],
        [("y", TensorProto.FLOAT, ["n", 2])],
    )


def quantises_by_its_batch() -> bytes:
    return model_of(
        [
            helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
            helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
        ],
        [("x", TensorProto.FLOAT, ["n", 2])],
        [("y", TensorProto.FLOAT, ["n", 2])],
    )


@pytest.mark.parametrize(
    ("model", "independent"),
    [
        (onnx_of("resnet"), True),
        (sums_its_batch(), False),
        (quantises_by_its_batch(), False),
        (model_of(
            [helper.make_node("Identity", ["x"], ["y"])],
            [("x", TensorProto.FLOAT, [4, 2])],
            [("y", TensorProto.FLOAT, [4, 2])],
        ), False),
    ],
    ids=["resnet", "sums", "quantises", "fixed"],
)  # fmt: skip
def test_rows_are_joined_only_where_they_do_not_see_each_other(model: bytes, independent: bool) -> None:
    session = open_session(model)
    inputs = [Tensor.of(v.name, v.type, v.shape) for v in session.get_inputs()]
    outputs = [Tensor.of(v.name, v.type, v.shape) for v in session.get_outputs()]
    assert rows_are_independent(session, inputs, outputs) is independent


def infer(client: httpx.Client, values: np.ndarray, **more: Any) -> httpx.Response:
    item = {"name": "input", "datatype": "FP32", "shape": list(values.shape), "data": values.ravel().tolist()}
    return client.post("/infer", json={"inputs": [item], **more})


def test_answers_are_those_of_runs_alone(tmp_path: Path) -> None:
    images = example("resnet", 24).numpy()
    with replica(tmp_path, onnx_of("resnet")) as (client, _), ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: infer(client, images[n : n + 1 + n % 2]), range(23)))
    assert {answer.status_code for answer in answers} == {200}
    sizes = [int(a.headers["x-lathe-batch"]) for a in answers if "x-lathe-batch" in a.headers]
    assert sum(sizes) == 23
    assert max(sizes) > 1
    session = open_session(onnx_of("resnet"))
    for n, answer in enumerate(answers):
        expected = np.asarray(session.run(None, {"input": images[n : n + 1 + n % 2]})[0])
        np.testing.assert_allclose(
            answer.json()["outputs"][0]["data"], expected.ravel(), rtol=1e-5, atol=1e-6
        )


def endless() -> bytes:
    """Counts to `x`: as slow as one asks."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["v", "v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, ["n"]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, ["n"]),
        ],
    )
    true = onnx.helper.make_tensor("t", TensorProto.BOOL, [], [True])
    return model_of(
        [
            helper.make_node("Constant", [], ["true"], value=true),
            helper.make_node("Loop", ["times", "true", "x"], ["y"], body=body),
        ],
        [("times", TensorProto.INT64, []), ("x", TensorProto.FLOAT, ["n"])],
        [("y", TensorProto.FLOAT, ["n"])],
    )


def count(times: int, **more: Any) -> dict[str, Any]:
    inputs = [
        {"name": "times", "datatype": "INT64", "shape": [], "data": [times]},
        {"name": "x", "datatype": "FP32", "shape": [1], "data": [0]},
    ]
    return {"inputs": inputs, **more}


FOR_EVER = 10**15


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A replica that runs in its thread whatever it is asked, one at a time, two waiting."""
    monkeypatch.setattr(serving, "INLINE_SECONDS", 0.0)
    with replica(tmp_path, endless(), max_queue=2) as (client, stop):
        yield client, stop


def test_a_timeout_answers_504_and_its_run_ends(slow: tuple[httpx.Client, threading.Event]) -> None:
    client, _ = slow
    answer = client.post("/infer", json=count(FOR_EVER, parameters={"timeout": 50_000}))
    assert (answer.status_code, list(answer.json())) == (504, ["error"])
    assert "0.05 s" in answer.json()["error"]
    assert client.post("/infer", json=count(1)).status_code == 200


def test_a_client_that_leaves_ends_its_run_and_a_full_queue_answers_429(
    slow: tuple[httpx.Client, threading.Event],
) -> None:
    client, _ = slow
    host, port = client.base_url.host, client.base_url.port
    assert port is not None
    content = httpx.Request("POST", client.base_url, json=count(FOR_EVER)).content
    head = (
        f"POST /infer HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    ).encode()
    callers: list[socket.socket] = []
    refused = None
    # One runs, two wait: at the latest the fourth is refused, and those that asked still hold their places.
    while refused is None:
        callers.append(socket.create_connection((host, port)))
        callers[-1].sendall(head + content)
        said = client.post("/infer", json=count(FOR_EVER, parameters={"timeout": 20_000}))
        assert said.status_code in (429, 504)
        refused = said if said.status_code == 429 else None
    assert refused.headers["retry-after"] == "1"
    assert "wait already" in refused.json()["error"]
    for caller in callers:
        caller.close()
    while (answer := client.post("/infer", json=count(1))).status_code != 200:
        assert answer.status_code == 429
