"""The agent's line to the console: it dials out, so a cluster may sit behind a firewall."""

from __future__ import annotations

import json
import logging
import select
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlencode, urlsplit

from gpu_worker.agent.settings import Settings, write_secret
from gpu_worker.contract import DesiredState, Enrolled, EnrolRequest, Observation, ObservedAck, to_wire

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0

log = logging.getLogger(__name__)


class ConsoleError(Exception):
    """The console refused, or could not be reached."""


class Unauthorised(ConsoleError):
    """The console does not know this agent's token."""


class Line:
    """One kept connection to the console, for one thread.

    A request takes a third of the processor time of httpx, whose requests each second were a tenth of all
    that the agent may take.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        address = urlsplit(url)
        connection = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._connection = connection(address.hostname or "", address.port, timeout=CONNECT_SECONDS)
        self._path = address.path.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, query: Mapping[str, int], wait: float) -> bytes:
        """The answer's body, empty where it has none. wait: seconds for which it may be held back."""
        return self._call("GET", path, f"{path}?{urlencode(query)}", None, ANSWER_SECONDS + wait)

    def post(self, path: str, body: str) -> bytes:
        """The answer's body. body: JSON."""
        return self._call("POST", path, path, body.encode(), ANSWER_SECONDS)

    def _call(self, method: str, path: str, target: str, body: bytes | None, seconds: float) -> bytes:
        """Raises Unauthorised or ConsoleError with what the console said."""
        headers = self._headers | ({"content-type": "application/json"} if body is not None else {})
        try:
            self._reach(seconds)
            self._connection.request(method, self._path + target, body, headers)
            answer = self._connection.getresponse()
            status, said = answer.status, answer.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise ConsoleError(f"{path}: {type(error).__name__}: {error}") from error
        if 200 <= status < 300:
            return said
        words = said.decode(errors="replace")[:300]
        if status in (401, 403):
            raise Unauthorised(f"{path}: {words}")
        raise ConsoleError(f"{path}: HTTP {status}: {words}")

    def _reach(self, seconds: float) -> None:
        """Between requests there is nothing to read but that the console has closed the connection."""
        held = self._connection.sock
        if held is not None and select.select([held], [], [], 0)[0]:
            self._connection.close()
        if self._connection.sock is None:
            self._connection.connect()
        assert self._connection.sock is not None
        self._connection.sock.settimeout(seconds)


class Console:
    """Long-polls what is desired and pushes what is observed, each from a thread of its own."""

    def __init__(self, url: str, token: str) -> None:
        self._asks, self._tells = Line(url, token), Line(url, token)

    def desired(self, after: int, wait: int) -> DesiredState | None:
        """The whole desired state as soon as its revision is another than `after`, a lower one where a backup
        was restored; None when `wait` seconds end first.
        """
        body = self._asks.get("/api/agent/desired", {"after": after, "wait": wait}, wait)
        return DesiredState.model_validate_json(body) if body else None

    def observed(self, observation: Observation) -> ObservedAck:
        """Tells what is. Sections that are None are as they were."""
        # Absent, not null: the contract has them optional.
        absent = {name for name, value in observation if value is None}
        body = observation.model_dump_json(by_alias=True, exclude=absent)
        return ObservedAck.model_validate_json(self._tells.post("/api/agent/observed", body))


def enrol(settings: Settings) -> str:
    """This agent's token: the saved one, or one got for the one-time token and saved. A saved one that the
    console does not know (its database is another one) gives way to a one-time token, where there is one.

    Raises FileNotFoundError when there is neither, ConsoleError when the console does not answer or refuses.
    """
    saved = settings.secret_file("agent.token")
    once = settings.secret_file("agent-enrol.token")
    if saved.exists():
        token = saved.read_text().strip()
        if not once.exists() or is_known(settings.url, token):
            return token
        log.warning("the console does not know this agent; it enrols again")
    elif not once.exists():
        raise FileNotFoundError(
            f"This agent is not enrolled. Make a one-time token on the cluster page and put it in {once}."
        )
    request = EnrolRequest(token=once.read_text().strip(), name=socket.gethostname())
    answer = Line(settings.url).post("/api/agent/enrol", json.dumps(to_wire(request)))
    enrolled = Enrolled.model_validate_json(answer)
    write_secret(saved, enrolled.token)
    once.unlink(missing_ok=True)
    log.info("enrolled as the agent of cluster %s", enrolled.cluster_id)
    return enrolled.token


def is_known(url: str, token: str) -> bool:
    """Whether the console takes this token for an agent's. Raises ConsoleError when it does not answer."""
    try:
        Console(url, token).desired(0, 0)
    except Unauthorised:
        return False
    return True
