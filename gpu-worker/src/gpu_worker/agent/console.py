"""The agent's line to the console: it dials out, so a cluster may sit behind a firewall."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Mapping

from gpu_worker.agent.line import ANSWER_SECONDS, Line, LineError
from gpu_worker.agent.settings import Settings, write_secret
from gpu_worker.contract import DesiredState, Enrolled, EnrolRequest, Observation, ObservedAck, to_wire

log = logging.getLogger(__name__)


class ConsoleError(Exception):
    """The console refused, or could not be reached."""


class Unauthorised(ConsoleError):
    """The console does not know this agent's token."""


class Console:
    """Long-polls what is desired and pushes what is observed, each from a thread of its own."""

    def __init__(self, url: str, token: str) -> None:
        self._asks, self._tells = Line(url, token), Line(url, token)

    def desired(self, after: int, wait: int) -> DesiredState | None:
        """The whole desired state as soon as its revision is another than `after`, a lower one where a backup
        was restored; None when `wait` seconds end first.
        """
        query = {"after": after, "wait": wait}
        body = said(self._asks, "GET", "/api/agent/desired", query=query, seconds=ANSWER_SECONDS + wait)
        return DesiredState.model_validate_json(body) if body else None

    def observed(self, observation: Observation) -> ObservedAck:
        """Tells what is. Sections that are None are as they were."""
        # Absent, not null: the contract has them optional.
        absent = {name for name, value in observation if value is None}
        body = observation.model_dump_json(by_alias=True, exclude=absent)
        return ObservedAck.model_validate_json(said(self._tells, "POST", "/api/agent/observed", body=body))


def said(
    line: Line,
    method: str,
    path: str,
    query: Mapping[str, int] | None = None,
    body: str | None = None,
    seconds: float = ANSWER_SECONDS,
) -> bytes:
    """The body of the console's answer, empty where it has none. Raises Unauthorised or ConsoleError with
    what the console said.
    """
    try:
        answer = line.call(method, path, query, body, seconds)
    except LineError as error:
        raise ConsoleError(f"{path}: {error}") from error
    if answer.is_success:
        return answer.body
    if answer.status in (401, 403):
        raise Unauthorised(f"{path}: {answer.words[:300]}")
    raise ConsoleError(f"{path}: HTTP {answer.status}: {answer.words[:300]}")


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
    answer = said(Line(settings.url), "POST", "/api/agent/enrol", body=json.dumps(to_wire(request)))
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
