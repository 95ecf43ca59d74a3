"""The local cluster: a Ray head without CPUs, and nodes that Ray's autoscaler starts and stops on this
machine.

`python -m gpu_worker.agent.local` runs it until SIGTERM. Everything listens on loopback and asks for a token.
"""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gpu_worker.agent.pools import autoscaler_config, local_gpus, write_config
from gpu_worker.agent.settings import Settings
from gpu_worker.contract import DesiredPool

DEFAULT_POOL = DesiredPool(name="local-cpu", min=0, max=4, idle_seconds=60, resources={"CPU": 1})
READY_SECONDS = 60
PORTS = 6
MARKER = "LATHE_LOCAL_CLUSTER"
"""In the environment of every process of a local cluster, with the name of its instance."""
HEAD_ID = "f" * 51 + "00000"
"""Ray gives the head of a cluster whose nodes share a machine this id, whatever it is told."""
OBJECT_STORE_BYTES = 80_000_000

log = logging.getLogger(__name__)


def ray_environment(settings: Settings) -> dict[str, str]:
    """The environment of every process that speaks with the local cluster; set before ray is imported."""
    here = Path(__file__).parent
    paths = [str(here / "loopback"), str(here.parent.parent), os.environ.get("PYTHONPATH", "")]
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": settings.ray_token(),
        "RAY_LOOPBACK_ONLY": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": os.pathsep.join(
            dict.fromkeys(p for paths_ in paths for p in paths_.split(os.pathsep) if p)
        ),
    }


def head_environment(settings: Settings) -> dict[str, str]:
    """What the head, its autoscaler and (inherited) every node and worker run with."""
    port = settings.ray_port
    return {
        **os.environ,
        **ray_environment(settings),
        MARKER: settings.instance,
        "LATHE_HOME": str(settings.home),
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        # Sixteen launches of five nodes at once: those of a pool that was refused wait, and keep no others.
        "AUTOSCALER_MAX_CONCURRENT_LAUNCHES": "80",
        "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID,
        "RAY_NODE_TYPE_NAME": "head",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "RAY_JOB_START_TIMEOUT_SECONDS": "30",
        # How long a stopped driver may take before it is killed: its workers write a checkpoint first.
        "RAY_JOB_STOP_WAIT_TIME_S": "20",
        "RAY_enable_worker_prestart": "0",
        # An idle node keeps one warm process; by default it would end as soon as its CPUs are reserved.
        "RAY_num_workers_soft_limit": "1",
        # By default all workers yield to everything else on the machine: replicas and sessions, too.
        "RAY_worker_niceness": "0",
        "RAY_DASH_MODULES": "JobHead,NodeHead",
        "RAY_AUTOSCALER_METRIC_PORT": str(port + 4),
        "AUTOSCALER_METRIC_PORT": str(port + 4),
        "DASHBOARD_METRIC_PORT": str(port + 5),
        # A killed raylet is noticed in about three seconds.
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
        "RAY_health_check_initial_delay_ms": "3000",
    }


def start(settings: Settings) -> subprocess.Popen[bytes]:
    """Starts the head in a session of its own and waits until it takes jobs; what an earlier one of this
    home left is ended first. Raises RuntimeError when a port is taken, and with the head's last words
    when it does not come up.
    """
    stop(settings)
    _check_ports(settings)
    shutil.rmtree(settings.ray_folder, ignore_errors=True)
    settings.ray_folder.mkdir(parents=True)
    settings.ray_folder.parent.chmod(0o700)
    config = autoscaler_config([DEFAULT_POOL], settings.gcs_address, HEAD_ID, len(local_gpus()))
    write_config(settings.autoscaler_config, config)
    port = settings.ray_port
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    head_log = logs / "ray-head.log"
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
        *(f"--port={port}", "--node-ip-address=127.0.0.1", "--num-cpus=0", "--num-gpus=0"),
        *("--dashboard-host=127.0.0.1", f"--dashboard-port={port + 1}", "--include-dashboard=true"),
        *(f"--ray-client-server-port={port + 2}", f"--dashboard-agent-listen-port={port + 3}"),
        # The default range of worker ports covers the dashboard's.
        *("--min-worker-port=0", "--max-worker-port=0", f"--object-store-memory={OBJECT_STORE_BYTES}"),
        *("--disable-usage-stats", "--include-log-monitor=false", f"--temp-dir={settings.ray_folder}"),
        f"--autoscaling-config={settings.autoscaler_config}",
    ]
    with head_log.open("wb") as output:
        head = subprocess.Popen(
            command,
            env=head_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    settings.sid_file.write_text(str(head.pid))
    try:
        _wait_until_ready(settings, head)
    except RuntimeError as error:
        stop(settings)
        raise RuntimeError(f"{error} The end of {head_log}:\n{head_log.read_text()[-2000:]}") from error
    return head


def _check_ports(settings: Settings) -> None:
    """Ray fails on a port that is taken much later, with words that name neither the port nor a remedy."""
    for port in range(settings.ray_port, settings.ray_port + PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise RuntimeError(
                    f"Port {port} is taken. The local cluster needs {PORTS} ports in a row: "
                    "set LATHE_RAY_PORT to the first of others."
                ) from error


def is_up(settings: Settings) -> bool:
    """Whether the local cluster answers and takes jobs."""
    request = urllib.request.Request(
        f"{settings.dashboard_url}/api/jobs/", headers={"Authorization": f"Bearer {settings.ray_token()}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_for_end_of_head(settings: Settings, stop: threading.Event) -> None:
    """Returns as soon as the head's own process has ended, or within a second after `stop` is set."""
    try:
        head = os.pidfd_open(int(settings.sid_file.read_text()))
    except (OSError, ValueError):
        return
    try:
        poller = select.poll()
        poller.register(head, select.POLLIN)
        while not stop.is_set() and not poller.poll(1000):
            pass
    finally:
        os.close(head)


def _wait_until_ready(settings: Settings, head: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if head.poll() is not None:
            raise RuntimeError(f"The Ray head ended with code {head.returncode} before it was ready.")
        if is_up(settings):
            return
        time.sleep(0.1)
    raise RuntimeError(f"The Ray head took no jobs within {READY_SECONDS} s.")


def stop(settings: Settings) -> None:
    """Kills every process of this home's local cluster until none is left. Without one, does nothing."""
    marked = set(marked_processes(settings.instance))
    # Workers write over their environment: they are found by their session. Drivers have sessions of their
    # own.
    sessions = {sid for pid in marked if (sid := session_of(pid)) is not None}
    while victims := {*marked, *(pid for sid in sessions for pid in session_members(sid))}:
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
        marked = set(marked_processes(settings.instance))
    settings.sid_file.unlink(missing_ok=True)


def marked_processes(instance: str) -> Iterator[int]:
    """Live processes that were started as part of the local cluster of an instance."""
    marker = f"{MARKER}={instance}".encode()
    for pid in _pids():
        with suppress(OSError):
            if (
                marker in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                and session_of(pid) is not None
            ):
                yield pid


def session_members(sid: int) -> Iterator[int]:
    """Every live process of a session, whatever its process group."""
    return (pid for pid in _pids() if session_of(pid) == sid)


def session_of(pid: int) -> int | None:
    """The session id of a live process; None when there is none, or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[3]) if fields[0] != "Z" else None


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def main() -> int:
    """Runs the cluster until SIGTERM or SIGINT (exit 0) or until its head dies (exit 1)."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = Settings.from_environment()
    stopping = False

    def on_signal(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    began = time.monotonic()
    try:
        head = start(settings)
    except RuntimeError as error:
        log.error("%s", error)
        return 1
    log.info("cluster ready in %.1f s at %s", time.monotonic() - began, settings.gcs_address)
    while not stopping and head.poll() is None:
        time.sleep(0.1)
    stop(settings)
    if not stopping:
        log.error(
            "The Ray head ended with code %s; see %s.", head.returncode, settings.home / "logs/ray-head.log"
        )
        return 1
    log.info("cluster stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
