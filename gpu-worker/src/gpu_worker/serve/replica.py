"""A replica: one version of a model behind Open Inference V2, in a process of its own.

`POST /infer` · `GET /ready` · `GET /metadata`. The gateway in front of it gives these their public paths.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from starlette.types import Receive, Scope, Send

from gpu_worker.contract import DesiredReplica
from gpu_worker.evaluate import session_options
from gpu_worker.jobs.ports import Blobs
from gpu_worker.serve.batch import Arrays, Batcher, Busy, Interest, Limits
from gpu_worker.serve.body import (
    WORTH_PACKING,
    BodyError,
    Gone,
    Memory,
    Take,
    chosen_encoding,
    packed,
    read_body,
)
from gpu_worker.serve.http import Headers, RequireBearer, send_json, send_parts, serve_http
from gpu_worker.serve.tensors import Tensor, V2Error
from gpu_worker.serve.v2 import Encoded, InferRequest, encode_answer, parse_request
from gpu_worker.serve.warm import rows_are_independent, warm_up

MAX_BODY = 64 << 20
BODIES_MB = 256
"""What the bodies of all requests may take, unless `LATHE_REPLICA_BODIES_MB` says it."""
INLINE_SECONDS = 0.002
"""Requests expected to be quicker run on the event loop: handing one to a thread costs 0.05 to 0.1 ms."""
REQUEST_SECONDS = 60.0
"""How long a request may take that does not say so itself."""


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
        replica = Replica(session, desired, pool, lanes=threads)
        serve_http(RequireBearer(replica, desired.token), host, on_ready, stop)


class Replica:
    """The ASGI app around one ONNX Runtime session, which is safe to run from several threads."""

    def __init__(
        self, session: ort.InferenceSession, desired: DesiredReplica, pool: ThreadPoolExecutor, lanes: int = 1
    ) -> None:
        self._session = session
        self._desired = desired
        self._pool = pool
        self.inputs = [Tensor.of(value.name, value.type, value.shape) for value in session.get_inputs()]
        self.outputs = [Tensor.of(value.name, value.type, value.shape) for value in session.get_outputs()]
        self._by_name = {tensor.name: tensor for tensor in self.outputs}
        self._row_seconds = warm_up(session, self.inputs)
        self._batcher = Batcher(self._run, self._limits(lanes))
        self._memory = Memory(max(MAX_BODY, int(os.environ.get("LATHE_REPLICA_BODIES_MB", BODIES_MB)) << 20))
        self._head: dict[str, object] = {
            "model_name": desired.model_name,
            "model_version": str(desired.version_number),
        }
        self._headers = (
            (b"x-lathe-version", str(desired.version_number).encode()),
            (b"x-lathe-digest", desired.digest.encode()),
        )

    def _limits(self, lanes: int) -> Limits:
        desired = self._desired
        delay = desired.max_delay_ms / 1000
        if desired.max_batch > 1 and rows_are_independent(self._session, self.inputs, self.outputs):
            return Limits(desired.max_batch, delay, desired.max_queue)
        return Limits(1, delay, desired.max_queue, lanes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        route = (scope["method"], scope["path"])
        if route == ("POST", "/infer"):
            await self._infer(scope, receive, send)
        elif route == ("GET", "/ready"):
            await self._say(send, 200, {"name": self._desired.model_name, "ready": True})
        elif route == ("GET", "/metadata"):
            await self._say(send, 200, self.metadata())
        else:
            await self._refuse(send, 404, f"There is no {scope['method']} {scope['path']} here.")

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
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        with self._memory.share() as take:
            await self._infer_within(headers, take, receive, send)

    async def _infer_within(
        self, headers: dict[bytes, str], take: Take, receive: Receive, send: Send
    ) -> None:
        try:
            body = await read_body(receive, headers.get(b"content-encoding", ""), MAX_BODY, take)
            json_bytes = _json_bytes(headers.get(b"inference-header-content-length"))
            request = parse_request(body, json_bytes, self.inputs, self.outputs)
            answer = self._batcher.submit(
                request.inputs, request.output_names, request.timeout or REQUEST_SECONDS
            )
        except Gone:
            return
        except BodyError as error:
            await self._refuse(send, error.status, str(error), _again(error.status))
        except V2Error as error:
            await self._refuse(send, 400, str(error))
        except Busy:
            waits = f"{self._batcher.depth} requests wait already; send this one again later."
            await self._refuse(send, 429, waits, _again(429))
        else:
            watch = asyncio.create_task(_disconnected(receive))
            watch.add_done_callback(lambda _: answer.cancel())
            try:
                await self._finish(request, answer, headers.get(b"accept-encoding", ""), send)
            finally:
                watch.cancel()

    async def _finish(self, request: InferRequest, answer: asyncio.Future, accepted: str, send: Send) -> None:
        """Sends what the model answers."""
        try:
            ran = await answer
            encoded = encode_answer(self._head, request, self._by_name, ran.outputs)
        except asyncio.CancelledError:
            return  # nobody is there to answer
        except TimeoutError:
            seconds = request.timeout or REQUEST_SECONDS
            await self._refuse(send, 504, f"The request took longer than its {seconds:g} s.")
        except V2Error as error:
            await self._refuse(send, 400, str(error))
        except InvalidArgument as error:
            await self._refuse(send, 400, f"The model does not take this request: {error}")
        except Exception as error:  # ONNX Runtime's errors share no class of their own
            await self._refuse(send, 500, f"The model failed on this request: {error}")
        else:
            await self._send(send, encoded, accepted, ran.batch)

    async def _send(self, send: Send, encoded: Encoded, accepted: str, batch: int | None) -> None:
        headers = [*self._headers, (b"x-lathe-queue", str(self._batcher.depth).encode())]
        if batch is not None:
            headers.append((b"x-lathe-batch", str(batch).encode()))
        content_type = b"application/json"
        if encoded.json_bytes is not None:
            content_type = b"application/octet-stream"
            headers.append((b"inference-header-content-length", str(encoded.json_bytes).encode()))
        parts = encoded.parts
        encoding = chosen_encoding(accepted) if accepted and sum(map(len, parts)) >= WORTH_PACKING else None
        if encoding is not None:
            headers.append((b"content-encoding", encoding.encode()))
            parts = [await packed(parts, encoding)]
        await send_parts(send, 200, parts, content_type, headers)

    async def _run(
        self, outputs: list[str], inputs: Arrays, rows: int, interest: Interest
    ) -> list[np.ndarray]:
        if rows * self._row_seconds < INLINE_SECONDS:
            return _as_arrays(self._session.run(outputs, inputs))
        options = ort.RunOptions()
        interest.end = partial(setattr, options, "terminate", True)
        run = partial(self._session.run, outputs, inputs, options)
        return _as_arrays(await asyncio.get_running_loop().run_in_executor(self._pool, run))

    async def _say(self, send: Send, status: int, body: object) -> None:
        await send_json(send, status, body, self._headers)

    async def _refuse(self, send: Send, status: int, error: str, headers: Headers = ()) -> None:
        await send_json(send, status, {"error": error}, (*self._headers, *headers))


def _again(status: int) -> Headers:
    """When to come again, where it is for the crowd that a request is refused."""
    return ((b"retry-after", b"1"),) if status == 429 else ()


def _as_arrays(values: object) -> list[np.ndarray]:
    """The outputs of a session whose outputs are all tensors."""
    assert isinstance(values, list)
    return [np.asarray(value) for value in values]


def _json_bytes(header: str | None) -> int | None:
    if header is None:
        return None
    # int() takes signs, spaces, underscores and other digits than these.
    if not (header.isascii() and header.isdigit() and len(header) < 16):
        raise V2Error(f"'Inference-Header-Content-Length' must be a number of bytes, not {header!r:.40}.")
    return int(header)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
