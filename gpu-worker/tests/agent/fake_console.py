"""A console in memory: the agent's and the worker door's routes over real HTTP, for tests of the cluster
side.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ENROL_TOKEN = "enrol-once-0123456789abcdef"
AGENT_TOKEN = "agent-token"
SHORT_PARTS = {"jobs", "services", "cluster", "readings", "silence"}


@dataclass
class FakeAttempt:
    """An attempt and everything that was reported of it."""

    attempt_id: str
    run_id: str
    number: int
    token: str
    spec: dict[str, Any]
    resources: dict[str, Any]
    max_attempts: int
    checkpoint: dict[str, Any] | None = None
    over: bool = False
    reports: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)
    cause: dict[str, Any] | None = None
    result: dict[str, Any] | None = None

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """What came to `/api/worker/<kind>`, oldest first."""
        return [body for name, body, _ in list(self.reports) if name == kind]

    @property
    def job_id(self) -> str:
        return f"{self.run_id}-{self.number}"


class FakeConsole:
    """`url` answers as the console does. Wait for what it should hear with `until`."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self.attempts: dict[str, FakeAttempt] = {}
        self.blobs: dict[str, bytes] = {}
        self.desired: dict[str, Any] = {
            "clusterId": "cluster-test",
            "revision": 1,
            "attempts": [],
            "sessions": [],
            "replicas": [],
            "pools": [],
            "nodes": [],
        }
        self.min_workers: dict[str, int] = {}
        self.observations: list[dict[str, Any]] = []
        self.observed: dict[str, Any] = {"jobs": [], "services": [], "cluster": None}
        self.enrolled = 0
        self.away = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def desire(self, **sections: list[dict[str, Any]]) -> None:
        """Replaces sections of the desired state and gives it a new revision."""
        with self._lock:
            self.desired = {**self.desired, **sections, "revision": self.desired["revision"] + 1}
            self._lock.notify_all()

    def launch(
        self,
        run_id: str,
        spec: dict[str, Any],
        workers: int = 1,
        cpus: float = 1,
        max_attempts: int = 3,
        min_workers: int | None = None,
    ) -> FakeAttempt:
        """Makes a run's first attempt and desires it."""
        resources = {"workers": workers, "cpus": cpus, "gpus": 0}
        self.min_workers[run_id] = min_workers or workers
        attempt = self._add(run_id, 1, spec, resources, max_attempts, None)
        self.desire(attempts=[*self.desired["attempts"], self.desired_attempt(attempt)])
        return attempt

    def desired_attempt(self, attempt: FakeAttempt) -> dict[str, Any]:
        return {
            "jobId": attempt.job_id,
            "runId": attempt.run_id,
            "attemptId": attempt.attempt_id,
            "kind": attempt.spec["kind"],
            "token": attempt.token,
            "resources": attempt.resources,
            "reserve": attempt.resources["workers"],
        }

    def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self.blobs[sha256] = content
        return sha256

    def until(self, true: Callable[[], Any], seconds: float = 30, what: str = "") -> Any:
        """Waits for a state; fails with what was observed last when it does not come."""
        deadline = time.monotonic() + seconds
        with self._lock:
            while not (found := true()):
                if time.monotonic() > deadline:
                    raise AssertionError(
                        f"{what or 'the state'} did not come in {seconds} s: {self.observed}"
                    )
                self._lock.wait(0.05)
            return found

    def job(self, job_id: str) -> dict[str, Any] | None:
        return next((job for job in self.observed["jobs"] if job["jobId"] == job_id), None)

    def service(self, id: str) -> dict[str, Any] | None:
        return next((service for service in self.observed["services"] if service["id"] == id), None)

    def _add(
        self,
        run_id: str,
        number: int,
        spec: dict[str, Any],
        resources: dict[str, Any],
        max_attempts: int,
        checkpoint: dict[str, Any] | None,
    ) -> FakeAttempt:
        token = f"token-{run_id}-{number}"
        attempt = FakeAttempt(
            f"attempt-{run_id}-{number}", run_id, number, token, spec, resources, max_attempts, checkpoint
        )
        self.attempts[token] = attempt
        return attempt

    # --- the routes
    # ------------------------------------------------------------------------------------------

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        console = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None: ...

            def do_GET(self) -> None:
                self._answer(console._get)

            def do_POST(self) -> None:
                self._answer(console._post)

            def do_PUT(self) -> None:
                self._answer(console._put)

            def _answer(self, route: Callable[[str, dict[str, str], str, bytes], tuple[int, Any]]) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                if self.headers.get("transfer-encoding") == "chunked":
                    raise AssertionError("bodies carry their length")
                address = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
                if console.away:
                    status, answer = 503, refusal("unavailable", "away")
                else:
                    status, answer = route(address.path, query, token, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                if status == 204:
                    data = b""
                try:
                    self.send_response(status)
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    return  # the caller is gone

        return Handler

    def _get(self, path: str, query: dict[str, str], token: str, body: bytes) -> tuple[int, Any]:
        if path == "/api/agent/desired":
            if token != AGENT_TOKEN:
                return 401, refusal("unauthorised", "no such agent")
            with self._lock:
                new = self._lock.wait_for(
                    lambda: self.desired["revision"] != int(query["after"]), float(query.get("wait", 0))
                )
                return (200, self.desired) if new else (204, None)
        if path.startswith("/api/worker/blobs/"):
            blob = self.blobs.get(path.rpartition("/")[2])
            return (200, blob) if blob is not None else (404, refusal("not_found", "no such blob"))
        if path == "/api/2.0/mlflow/runs/get":
            attempt = self.attempts.get(token)
            if attempt is None or attempt.over:
                return 401, {"error_code": "UNAUTHENTICATED", "message": "no such attempt"}
            return 200, {"run": {"info": tracked_info(attempt), "data": {}}}
        if path == "/api/worker/spec":
            attempt = self.attempts.get(token)
            if attempt is None or attempt.over:
                return 409, refusal("stale_attempt", "over")
            return 200, {
                "teamId": "team",
                "runId": attempt.run_id,
                "attemptId": attempt.attempt_id,
                "attempt": attempt.number,
                "maxAttempts": attempt.max_attempts,
                "resources": attempt.resources,
                "spec": attempt.spec,
                "checkpoint": attempt.checkpoint,
            }
        return 404, refusal("not_found", path)

    def _put(self, path: str, query: dict[str, str], token: str, body: bytes) -> tuple[int, Any]:
        sha256 = path.rpartition("/")[2]
        if hashlib.sha256(body).hexdigest() != sha256:
            return 422, refusal("invalid", "other bytes")
        self.blobs[sha256] = body
        return 201, {"sha256": sha256, "bytes": len(body)}

    def _post(self, path: str, query: dict[str, str], token: str, body: bytes) -> tuple[int, Any]:
        message = json.loads(body)
        with self._lock:
            try:
                if path == "/api/agent/enrol":
                    return self._enrol(message)
                if path == "/api/agent/observed":
                    return self._observe(token, message)
                if path.startswith("/api/2.0/mlflow/"):
                    return self._track(path.removeprefix("/api/2.0/mlflow/"), token, message)
                return self._report(path.rpartition("/")[2], token, message)
            finally:
                self._lock.notify_all()

    def _enrol(self, message: dict[str, Any]) -> tuple[int, Any]:
        if message["token"] != ENROL_TOKEN or self.enrolled:
            return 401, refusal("unauthorised", "used or unknown token")
        self.enrolled += 1
        return 200, {"clusterId": self.desired["clusterId"], "token": AGENT_TOKEN}

    def _observe(self, token: str, message: dict[str, Any]) -> tuple[int, Any]:
        if token != AGENT_TOKEN:
            return 401, refusal("unauthorised", "no such agent")
        self.observations.append(message)
        self.observed |= {part: message[part] for part in SHORT_PARTS if part in message}
        answer = {"seq": message["seq"], "revision": self.desired["revision"]}
        return 200, answer | {"dropped": 0, "superseded": False}

    def _track(self, call: str, token: str, message: dict[str, Any]) -> tuple[int, Any]:
        """What an MLflow client tells of its run, kept under `mlflow/<call>`."""
        attempt = self.attempts.get(token)
        if attempt is None or attempt.over:
            return 401, {"error_code": "UNAUTHENTICATED", "message": "no such attempt"}
        attempt.reports.append((f"mlflow/{call}", message, time.monotonic()))
        return 200, {"run_info": tracked_info(attempt)} if call == "runs/update" else {}

    def _report(self, kind: str, token: str, message: dict[str, Any]) -> tuple[int, Any]:
        attempt = self.attempts.get(token)
        if attempt is None or attempt.over:
            return 409, refusal("stale_attempt", "This attempt is over.")
        attempt.reports.append((kind, message, time.monotonic()))
        if kind == "room":
            return 200, {"workers": self._fit_to_room(attempt, message["nodes"])}
        if kind == "next-attempt":
            if attempt.number >= attempt.max_attempts:
                return 409, refusal("no_attempts_left", "This was the last attempt.")
            attempt.over, attempt.cause = True, message["cause"]
            checkpoints = attempt.bodies("checkpoints")
            newest = checkpoints[-1] if checkpoints else None
            checkpoint = (
                {name: newest[name] for name in ("step", "sha256", "bytes")} if newest else attempt.checkpoint
            )
            following = self._add(
                attempt.run_id,
                attempt.number + 1,
                attempt.spec,
                attempt.resources,
                attempt.max_attempts,
                checkpoint,
            )
            return 200, {
                "attemptId": following.attempt_id,
                "attempt": following.number,
                "token": following.token,
                "checkpoint": checkpoint,
            }
        if kind == "result":
            attempt.result, attempt.over = message["result"], True
        if kind == "error":
            attempt.cause, attempt.over = message["cause"], True
        return 200, {}

    def _fit_to_room(self, attempt: FakeAttempt, alive: list[str]) -> int:
        """One worker a node: those that were observed and are alive, none of them in use by others."""
        has = attempt.resources["workers"]
        seen = {node["nodeId"] for node in self.observed["cluster"]["nodes"] if not node["isHead"]}
        fits = max(self.min_workers[attempt.run_id], min(has, len(seen & set(alive))))
        attempt.resources = {**attempt.resources, "workers": fits}
        return fits


def tracked_info(attempt: FakeAttempt) -> dict[str, Any]:
    """A run as MLflow's API has it; it is its own experiment."""
    names = {"run_id": attempt.run_id, "run_uuid": attempt.run_id, "experiment_id": attempt.run_id}
    return {**names, "status": "RUNNING", "lifecycle_stage": "active", "start_time": 0, "artifact_uri": ""}


def refusal(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "requestId": "request"}}
