"""One authenticated line to the console, patient with a server that is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx

PATIENCE_SECONDS = 300.0
"""How long a call goes on asking a server that is away or busy."""
PIECE_BYTES = 1 << 20
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
RETRIED = {408, 425, 429, 500, 502, 503, 504}


class DoorRefused(Exception):
    """The console refused a call (4xx). `code` is its word for why, `status` the HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{message} ({code}, HTTP {status})")
        self.status = status
        self.code = code


class StaleAttempt(DoorRefused):
    """This attempt is over: nothing it says is kept any more, and it must end."""


class DoorAway(Exception):
    """The console did not answer for as long as one was willing to wait."""


class Line:
    """HTTP with a bearer token. Safe to use from several threads."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(60, connect=5),
            # The console is named by its address; a proxy meant for the internet would swallow the call.
            trust_env=False,
        )

    def call(
        self, method: str, path: str, *, patience: float = PATIENCE_SECONDS, **request: Any
    ) -> httpx.Response:
        """Calls until an answer says yes or no. `request` goes to httpx, `content` may be a function that
        opens the body anew for each try.

        Raises StaleAttempt and DoorRefused on a no, DoorAway after `patience` seconds without a yes or no.
        """
        return self._patiently(lambda: self._client.request(method, path, **_opened(request)), path, patience)

    def _patiently(self, send: Callable[[], httpx.Response], path: str, patience: float) -> httpx.Response:
        deadline = time.monotonic() + patience
        wait = FIRST_WAIT
        while True:
            try:
                answer = send()
                if answer.status_code not in RETRIED:
                    return check(answer)
                reason = f"HTTP {answer.status_code}: {describe(answer)[1]}"
            except httpx.TransportError as error:
                reason = f"{type(error).__name__}: {error}"
            if time.monotonic() + wait > deadline:
                raise DoorAway(f"{path} had no answer within {patience:.0f} s; last: {reason}")
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    def download(self, path: str, store: Callable[[Iterable[bytes]], None]) -> None:
        """Hands the body of a GET to `store` in pieces; a body that breaks off is asked for again, from its
        start.

        Raises as `call` does, and what `store` raises.
        """

        def send() -> httpx.Response:
            with self._client.stream("GET", path) as answer:
                store(answer.iter_bytes(PIECE_BYTES)) if answer.is_success else answer.read()
                return answer

        self._patiently(send, path, PATIENCE_SECONDS)

    def close(self) -> None:
        """Drops the connections."""
        self._client.close()


def check(answer: httpx.Response) -> httpx.Response:
    """The answer itself when it is a yes. Raises StaleAttempt or DoorRefused with the server's message."""
    if answer.is_success:
        return answer
    code, message = describe(answer)
    if answer.status_code == 409 and code == "stale_attempt":
        raise StaleAttempt(409, code, message)
    raise DoorRefused(answer.status_code, code, message)


def describe(answer: httpx.Response) -> tuple[str, str]:
    """The code and message of a refusal; what a proxy answers has neither."""
    try:
        error = answer.json()["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return "unknown", answer.text[:200] or answer.reason_phrase


def _opened(request: dict[str, Any]) -> dict[str, Any]:
    content = request.get("content")
    return {**request, "content": content()} if callable(content) else request
