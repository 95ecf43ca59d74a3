"""The local cluster: a Ray head without CPUs, and nodes that Ray's autoscaler starts and stops on this
machine.

`python -m gpu_worker.agent.local` runs it until SIGTERM. Everything listens on loopback and asks for a token.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from gpu_worker.agent.pools import autoscaler_config, local_gpus, write_config
from gpu_worker.agent.settings import Settings
from gpu_worker.contract import DesiredPool

DEFAULT_POOL = DesiredPool(name="local-cpu", min=0, max=4, idle_seconds=60, resources={"CPU": 1})
READY_SECONDS = 60
INSTANCE = "LATHE_INSTANCE"
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
        INSTANCE: os.environ.get(INSTANCE, settings.instance),
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID,
        "RAY_NODE_TYPE_NAME": "head",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "RAY_JOB_START_TIMEOUT_SECONDS": "30",
        # How long a stopped driver may take before it is killed: its workers write a checkpoint first.
        "RAY_JOB_STOP_WAIT_TIME_S": "20",
        "RAY_enable_worker_prestart": "0",
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
    home left is ended first. Raises RuntimeError with the head's last words when it does not come up.
    """
    stop(settings)
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
    """Kills every process of the local cluster's session until none is left. Without one, does nothing."""
    try:
        sid = int(settings.sid_file.read_text())
    except (FileNotFoundError, ValueError):
        return
    while members := [pid for pid in session_members(sid) if _is_ours(pid, settings)]:
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)
    settings.sid_file.unlink(missing_ok=True)


def session_members(sid: int) -> Iterator[int]:
    """Every live process of a session, whatever its process group."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) == sid:
            yield int(name)


def _is_ours(pid: int, settings: Settings) -> bool:
    """Session ids are used again after a restart of the machine: a member must carry Ray in its command."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"ray" in command or str(settings.home).encode() in command


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
