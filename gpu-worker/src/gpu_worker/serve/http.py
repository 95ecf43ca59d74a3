"""A small HTTP server inside a worker process: one ASGI app, one port of its own, one token."""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

GRACE_SECONDS = 10
"""How long requests in flight may take after a stop."""

Headers = Sequence[tuple[bytes, bytes]]


class RequireBearer:
    """Refuses every request that does not carry the token, before the app sees it. Takes the same time
    whatever part of the token is wrong.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, self._expected):
                await send_json(send, 401, {"error": "A bearer token is required."})
                return
        await self._app(scope, receive, send)


async def send_json(send: Send, status: int, body: object, headers: Headers = ()) -> None:
    """One whole JSON answer. Raises ValueError for NaN and infinities, which JSON cannot carry."""
    data = json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    await send_parts(send, status, [data], b"application/json", headers)


async def send_parts(
    send: Send, status: int, parts: Sequence[bytes | memoryview], content_type: bytes, headers: Headers
) -> None:
    """One whole answer, whose body is the parts one after the other."""
    length = str(sum(map(len, parts))).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", content_type), (b"content-length", length), *headers],
        }
    )
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    """Leaves the process's signals to whoever started it."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def serve_http(app: ASGIApp, host: str, on_ready: Callable[[str], None], stop: threading.Event) -> None:
    """Serves `app` on a free port of `host` until `stop` is set, then lets requests in flight finish.

    on_ready: called once, with `http://host:port`, when requests are accepted. Raises OSError when the host's
    address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle off only where the protocol is named; with it on, each answer waits 40 ms for an
    # ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with listener:
        listener.bind((host, 0))
        shown = f"[{host}]" if ":" in host else host
        asyncio.run(_serve(app, listener, f"http://{shown}:{listener.getsockname()[1]}", on_ready, stop))


async def _serve(
    app: ASGIApp,
    listener: socket.socket,
    address: str,
    on_ready: Callable[[str], None],
    stop: threading.Event,
) -> None:
    server = Server(
        uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=75,
        )
    )
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def wait_for_stop() -> None:
        stop.wait()
        # The loop is closed when the server ended by itself.
        if not loop.is_closed():
            loop.call_soon_threadsafe(stopped.set)

    # A daemon, so that a server that ends by itself does not wait for a stop that never comes.
    threading.Thread(target=wait_for_stop, name="stop-watch", daemon=True).start()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.002)
    if server.started:
        on_ready(address)
    leaving = asyncio.create_task(stopped.wait())
    await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    leaving.cancel()
    await serving
