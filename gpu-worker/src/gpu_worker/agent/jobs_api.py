"""Ray's Jobs API over HTTP: submit, list, stop and delete jobs that carry our marker."""

from __future__ import annotations

import json
import sys
from typing import Any

from gpu_worker.agent.line import Line, LineError
from gpu_worker.agent.plan import JobState, SeenJob
from gpu_worker.contract import DesiredAttempt

MARKER = "lathe_cluster"
ATTEMPT = "lathe_attempt"
STATES: dict[str, JobState] = {
    "PENDING": "pending",
    "RUNNING": "running",
    "STOPPED": "stopped",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
}


class JobsError(Exception):
    """Ray's Jobs API refused or did not answer."""


class JobsApi:
    """The jobs of one console's cluster. A stranger's job on the same cluster is never seen, let alone
    touched.
    """

    def __init__(self, url: str, ray_token: str | None, cluster_id: str) -> None:
        self._line = Line(url, ray_token)
        self._cluster_id = cluster_id

    def list(self) -> dict[str, SeenJob]:
        """Our jobs by id."""
        found: list[dict[str, Any]] = json.loads(self._call("GET", "/api/jobs/"))
        return {
            job["submission_id"]: SeenJob(
                job_id=job["submission_id"],
                attempt_id=job["metadata"].get(ATTEMPT, ""),
                state=STATES[job["status"]],
                exit_code=job.get("driver_exit_code"),
                message=job.get("message") or "",
            )
            for job in found
            if job.get("submission_id") and (job.get("metadata") or {}).get(MARKER) == self._cluster_id
        }

    def submit(self, attempt: DesiredAttempt, door_url: str) -> None:
        """Hands an attempt to Ray. Its id is ours, so doing it again changes nothing."""
        body = {
            "entrypoint": f"{sys.executable} -m gpu_worker.agent.driver",
            "submission_id": attempt.job_id,
            # Drivers run on the head and take no place from workers; a job waiting for CPUs can't even be
            # stopped.
            "entrypoint_num_cpus": 0,
            "metadata": {MARKER: self._cluster_id, ATTEMPT: attempt.attempt_id},
            "runtime_env": {"env_vars": {"LATHE_DOOR_URL": door_url, "LATHE_TOKEN": attempt.token}},
        }
        try:
            self._call("POST", "/api/jobs/", json.dumps(body))
        except JobsError as error:
            if "different submission_id" not in str(error):
                raise

    def stop(self, job_id: str) -> None:
        """Sends the driver SIGTERM; Ray kills it when it does not end in time. One that has ended stays as
        it is.
        """
        self._call("POST", f"/api/jobs/{job_id}/stop")

    def delete(self, job_id: str) -> None:
        """Makes Ray forget a job that has ended."""
        self._call("DELETE", f"/api/jobs/{job_id}")

    def _call(self, method: str, path: str, body: str | None = None) -> bytes:
        try:
            answer = self._line.call(method, path, body=body)
        except LineError as error:
            raise JobsError(f"{method} {path}: {error}") from error
        if not answer.is_success:
            raise JobsError(f"{method} {path}: HTTP {answer.status}: {answer.words[-500:]}")
        return answer.body
