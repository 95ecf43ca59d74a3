"""What the environment says, read once: folders, ports and secrets of one Lathe home."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_RAY_PORT = 7410


@dataclass(frozen=True)
class Settings:
    """Where this installation lives. `ray_port` is the first of six: GCS, dashboard, client, agent, two
    metrics.
    """

    home: Path
    url: str
    ray_port: int
    metrics_port: int | None = None
    """Where metrics and health are shown, on loopback; None: nowhere."""

    metrics_token: str | None = field(default=None, repr=False)
    """What who scrapes must show; None: the one in `secrets/metrics.token`."""

    @staticmethod
    def from_environment() -> Settings:
        """Reads LATHE_HOME, LATHE_URL, LATHE_RAY_PORT, LATHE_AGENT_METRICS_PORT and LATHE_METRICS_TOKEN.
        Raises SystemExit with the variable's name and what it may be.
        """
        home = Path(os.environ.get("LATHE_HOME", ".lathe")).resolve()
        ray_port = _port("LATHE_RAY_PORT", 65529)
        url = os.environ.get("LATHE_URL", "http://127.0.0.1:7400").rstrip("/")
        metrics_port = _port("LATHE_AGENT_METRICS_PORT", 65535)
        token = os.environ.get("LATHE_METRICS_TOKEN") or None
        return Settings(home, url, ray_port or DEFAULT_RAY_PORT, metrics_port, token)

    @property
    def instance(self) -> str:
        """Eight hex digits that name this home: in the path of Ray's sockets, which must be short."""
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:8]

    @property
    def ray_folder(self) -> Path:
        """Ray's temporary folder. Unix socket paths end at 107 characters and Ray adds about 64."""
        return Path(f"/tmp/lathe-{self.instance}/ray")

    @property
    def run_folder(self) -> Path:
        """Small records of what runs."""
        folder = self.home / "run"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def autoscaler_config(self) -> Path:
        """The file that Ray's autoscaler reads anew before each of its decisions."""
        return self.run_folder / "autoscaler.yaml"

    @property
    def refusals(self) -> Path:
        """What the local cluster's provider was refused, by pool."""
        return self.run_folder / "refusals.json"

    @property
    def sid_file(self) -> Path:
        """The session id of the local cluster's processes."""
        return self.run_folder / "ray.sid"

    @property
    def gcs_address(self) -> str:
        """host:port of the local cluster's control store."""
        return f"127.0.0.1:{self.ray_port}"

    @property
    def dashboard_url(self) -> str:
        """Where the local cluster's Jobs API answers."""
        return f"http://127.0.0.1:{self.ray_port + 1}"

    def secret_file(self, name: str) -> Path:
        """The path of a secret."""
        return self.home / "secrets" / name

    def ray_token(self) -> str:
        """The token that every process of the local cluster shows; made at first use."""
        path = self.secret_file("ray.token")
        if not path.exists():
            write_secret(path, secrets.token_hex(32))
        return path.read_text().strip()


def _port(name: str, highest: int) -> int | None:
    """A port from the environment; None when it is not set."""
    text = os.environ.get(name)
    if not text:
        return None
    if not text.isdigit() or not 1024 <= int(text) <= highest:
        raise SystemExit(f"{name} is {text!r}; it must be a port from 1024 to {highest}.")
    return int(text)


def write_secret(path: Path, secret: str) -> None:
    """Writes a secret that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
    partial.replace(path)
