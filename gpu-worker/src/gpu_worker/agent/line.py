"""Requests of the agent to the console and to Ray's dashboard, each over a connection that is kept."""

from __future__ import annotations

import select
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0


class LineError(Exception):
    """Nothing answered, or not with what was asked for."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def words(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")


class Line:
    """One kept connection, for one thread.

    A request takes a third of the processor time of httpx, whose requests each second were a tenth of all
    that the agent may take.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        address = urlsplit(url)
        connection = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._connection = connection(address.hostname or "", address.port, timeout=CONNECT_SECONDS)
        self._path = address.path.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: str | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        """Asks once. body: JSON; seconds: for which nothing may be heard of the answer. Raises LineError."""
        headers = self._headers | ({} if body is None else {"content-type": "application/json"})
        target = self._path + path + (f"?{urlencode(query)}" if query else "")
        try:
            self._reach(seconds)
            self._connection.request(method, target, None if body is None else body.encode(), headers)
            answer = self._connection.getresponse()
            return Answer(answer.status, answer.read())
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise LineError(f"{type(error).__name__}: {error}") from error

    def _reach(self, seconds: float) -> None:
        """Between requests there is nothing to read but that the other side has closed the connection."""
        held = self._connection.sock
        if held is not None and select.select([held], [], [], 0)[0]:
            self._connection.close()
        if self._connection.sock is None:
            self._connection.connect()
        assert self._connection.sock is not None
        self._connection.sock.settimeout(seconds)
