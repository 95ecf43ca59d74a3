"""The agent's line to the console: it dials out, so a cluster may sit behind a firewall."""

from __future__ import annotations

import logging
import socket

import httpx

from gpu_worker.agent.settings import Settings, write_secret
from gpu_worker.contract import DesiredState, Enrolled, EnrolRequest, Observation, ObservedAck, to_wire

JSON = {"content-type": "application/json"}

log = logging.getLogger(__name__)


class ConsoleError(Exception):
    """The console refused, or could not be reached."""


class Unauthorised(ConsoleError):
    """The console does not know this agent's token."""


class Console:
    """Long-polls what is desired and pushes what is observed."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url,
            # A few bytes each second are not worth packing and unpacking.
            headers={"authorization": f"Bearer {token}", "accept-encoding": "identity"},
            timeout=httpx.Timeout(10, connect=5),
            trust_env=False,
        )

    def desired(self, after: int, wait: int) -> DesiredState | None:
        """The whole desired state as soon as its revision exceeds `after`; None when `wait` seconds end
        first.
        """
        answer = self._call(
            "GET",
            "/api/agent/desired",
            params={"after": after, "wait": wait},
            timeout=httpx.Timeout(wait + 10),
        )
        return None if answer.status_code == 204 else DesiredState.model_validate_json(answer.content)

    def observed(self, observation: Observation) -> ObservedAck:
        """Tells what is. Sections that are None are as they were."""
        # Absent, not null: the contract has them optional.
        absent = {name for name, value in observation if value is None}
        body = observation.model_dump_json(by_alias=True, exclude=absent)
        answer = self._call("POST", "/api/agent/observed", content=body, headers=JSON)
        return ObservedAck.model_validate_json(answer.content)

    def _call(self, method: str, path: str, **request: object) -> httpx.Response:
        return call(self._client, method, path, **request)


def call(client: httpx.Client, method: str, path: str, **request: object) -> httpx.Response:
    """One request. Raises Unauthorised or ConsoleError with what the console said."""
    try:
        answer = client.request(method, path, **request)  # type: ignore[arg-type]
    except httpx.TransportError as error:
        raise ConsoleError(f"{path}: {type(error).__name__}: {error}") from error
    if answer.status_code in (401, 403):
        raise Unauthorised(f"{path}: {answer.text[:300]}")
    if not answer.is_success:
        raise ConsoleError(f"{path}: HTTP {answer.status_code}: {answer.text[:300]}")
    return answer


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
    with httpx.Client(base_url=settings.url, timeout=10, trust_env=False) as client:
        answer = call(client, "POST", "/api/agent/enrol", json=to_wire(request))
    enrolled = Enrolled.model_validate_json(answer.content)
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
