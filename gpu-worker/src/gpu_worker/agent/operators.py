"""What the agent shows on loopback where a port is set: /metrics, /health/live and /health/ready."""

from __future__ import annotations

import hmac
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from gpu_worker.agent.settings import Settings
from gpu_worker.agent.vitals import Vitals

REMEDY = "Send the token of LATHE_METRICS_TOKEN, or of secrets/metrics.token, as a bearer."

log = logging.getLogger(__name__)


def show(settings: Settings, vitals: Vitals) -> ThreadingHTTPServer | None:
    """Listens in a thread of its own. None where no port is set or it is taken: that costs the view, not the
    work.
    """
    if settings.metrics_port is None:
        return None
    try:
        server = ThreadingHTTPServer(("127.0.0.1", settings.metrics_port), handler(settings, vitals))
    except OSError as error:
        log.warning("no metrics and no health at port %d: %s", settings.metrics_port, error)
        return None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="operators", daemon=True).start()
    return server


def handler(settings: Settings, vitals: Vitals) -> type[BaseHTTPRequestHandler]:
    """Answers for these vitals."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == "/health/live":
                self._json(200, {"live": True})
            elif path == "/health/ready":
                missing = vitals.not_ready()
                self._json(503 if missing else 200, {"ready": not missing, "notReady": missing})
            elif path != "/metrics":
                self._json(404, {"error": f"There is no {path} here."})
            elif not may_scrape(settings, self.headers.get("authorization", "")):
                self._json(401, {"error": REMEDY})
            else:
                self._send(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(vitals.registry))

        def _json(self, status: int, body: dict[str, object]) -> None:
            self._send(status, "application/json", json.dumps(body).encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def may_scrape(settings: Settings, authorization: str) -> bool:
    """Whether a header shows the token; nobody may where there is none."""
    file = settings.secret_file("metrics.token")
    expected = settings.metrics_token or (file.read_text().strip() if file.exists() else "")
    scheme, _, given = authorization.partition(" ")
    is_same = hmac.compare_digest(given.strip().encode(), expected.encode())
    return is_same and scheme.lower() == "bearer" and expected != ""
