"""A replica: one version of a model behind Open Inference V2, in a process of its own.

`POST /infer` · `GET /ready` · `GET /metadata`. The gateway in front of it gives these their public paths.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from starlette.types import Receive, Scope, Send

from gpu_worker.contract import DesiredReplica
from gpu_worker.evaluate import session_options
from gpu_worker.jobs.ports import Blobs
from gpu_worker.serve.http import RequireBearer, send_json, serve_http
from gpu_worker.serve.v2 import DATATYPES, InferRequest, Tensor, V2Error, encode_output, parse_request

MAX_BODY = 64 << 20
INLINE_SECONDS = 0.002
"""Requests expected to be quicker run on the event loop: handing one to a thread costs 0.05 to 0.1 ms."""
WARM_UPS = 10
OPEN_SIZE = 32
"""Length tried at warm-up for a dimension other than the batch that the model leaves open."""


def serve_replica(
    desired: DesiredReplica,
    door: Blobs,
    host: str,
    on_ready: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Serves one version on a free port of `host` until `stop` is set, then lets requests in flight finish.

    on_ready: called with `http://host:port` after the model has been run once and requests are accepted.
    Raises ValueError when the model cannot be served.
    """
    threads = max(1, round(desired.cpus))
    session = ort.InferenceSession(
        door.blob(desired.digest).read_bytes(), session_options(threads), providers=["CPUExecutionProvider"]
    )
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="infer") as pool:
        replica = Replica(session, desired, pool)
        replica.warm_up()
        serve_http(RequireBearer(replica, desired.token), host, on_ready, stop)


class Replica:
    """The ASGI app around one ONNX Runtime session, which is safe to run from several threads."""

    def __init__(
        self, session: ort.InferenceSession, desired: DesiredReplica, pool: ThreadPoolExecutor
    ) -> None:
        self._session = session
        self._desired = desired
        self._pool = pool
        self.inputs = [Tensor.of(value.name, value.type, value.shape) for value in session.get_inputs()]
        self.outputs = [Tensor.of(value.name, value.type, value.shape) for value in session.get_outputs()]
        self._by_name = {tensor.name: tensor for tensor in self.outputs}
        self._row_seconds = INLINE_SECONDS
        self._headers = (
            (b"x-lathe-version", str(desired.version_number).encode()),
            (b"x-lathe-digest", desired.digest.encode()),
        )

    def warm_up(self) -> None:
        """Runs a batch of one until its time has settled; the first run allocates and is several times
        slower.
        """
        feed = {
            tensor.name: np.zeros(
                [OPEN_SIZE if dim < 0 and axis else max(dim, 1) for axis, dim in enumerate(tensor.shape)],
                DATATYPES[tensor.datatype],
            )
            for tensor in self.inputs
        }
        for _ in range(WARM_UPS):
            began = time.perf_counter()
            self._session.run(None, feed)
            self._row_seconds = time.perf_counter() - began

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        route = (scope["method"], scope["path"])
        if route == ("POST", "/infer"):
            await self._infer(scope, receive, send)
        elif route == ("GET", "/ready"):
            await self._answer(send, 200, {"name": self._desired.model_name, "ready": True})
        elif route == ("GET", "/metadata"):
            await self._answer(send, 200, self.metadata())
        else:
            await self._answer(send, 404, {"error": f"There is no {scope['method']} {scope['path']} here."})

    def metadata(self) -> dict[str, object]:
        """Inputs and outputs in V2 terms, -1 for dynamic dimensions."""
        return {
            "name": self._desired.model_name,
            "versions": [str(self._desired.version_number)],
            "platform": "onnxruntime_onnx",
            "inputs": [tensor.metadata() for tensor in self.inputs],
            "outputs": [tensor.metadata() for tensor in self.outputs],
        }

    async def _infer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            await self._answer(send, 413, {"error": f"The body is larger than {MAX_BODY} bytes."})
            return
        try:
            request = parse_request(body, self.inputs, self.outputs)
        except V2Error as error:
            await self._answer(send, 400, {"error": str(error)})
            return
        try:
            outputs = await self._run(request)
            encoded = [
                encode_output(self._by_name[n], v) for n, v in zip(request.outputs, outputs, strict=True)
            ]
        except InvalidArgument as error:
            await self._answer(send, 400, {"error": f"The model does not take this request: {error}"})
            return
        except Exception as error:  # ONNX Runtime's errors share no class of their own
            await self._answer(send, 500, {"error": f"The model failed on this request: {error}"})
            return
        answer: dict[str, object] = {
            "model_name": self._desired.model_name,
            "model_version": str(self._desired.version_number),
            "outputs": encoded,
        }
        if request.id is not None:
            answer["id"] = request.id
        await self._answer(send, 200, answer)

    async def _run(self, request: InferRequest) -> list[np.ndarray]:
        rows = max(len(array) if array.ndim else 1 for array in request.inputs.values())
        if rows * self._row_seconds < INLINE_SECONDS:
            return as_arrays(self._session.run(request.outputs, request.inputs))
        loop = asyncio.get_running_loop()
        run = partial(self._session.run, request.outputs, request.inputs)
        return as_arrays(await loop.run_in_executor(self._pool, run))

    async def _answer(self, send: Send, status: int, body: object) -> None:
        await send_json(send, status, body, self._headers)


def as_arrays(values: Iterable[object]) -> list[np.ndarray]:
    """The outputs of a session whose outputs are all tensors."""
    return [np.asarray(value) for value in values]


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None when it is larger than the limit."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)
