"""The environment variables of a script: torchrun's, those of tracking, and few of the worker's own."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gpu_worker.contract import AttemptSpec

INHERITED = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")
CERTIFICATES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")
PROXIES = ("ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY")


@dataclass(frozen=True)
class Seat:
    """A rank's place. Groups are the nodes; `gpus`: those of all ranks of this node, in the order of local
    ranks, so that LOCAL_RANK is the device as torchrun has it.
    """

    rank: int
    world: int
    local_rank: int
    local_world: int
    group_rank: int
    groups: int
    master_addr: str
    master_port: int
    gpus: tuple[str, ...] = ()


def of_torchrun(spec: AttemptSpec, seat: Seat) -> dict[str, str]:
    """What torchrun sets (torch.distributed.elastic.agent.server.local_elastic_agent). There is no agent's
    store: rank 0 opens one at MASTER_PORT.
    """
    return {
        "RANK": str(seat.rank),
        "WORLD_SIZE": str(seat.world),
        "LOCAL_RANK": str(seat.local_rank),
        "LOCAL_WORLD_SIZE": str(seat.local_world),
        "GROUP_RANK": str(seat.group_rank),
        "GROUP_WORLD_SIZE": str(seat.groups),
        "ROLE_NAME": "default",
        "ROLE_RANK": str(seat.rank),
        "ROLE_WORLD_SIZE": str(seat.world),
        "MASTER_ADDR": seat.master_addr,
        "MASTER_PORT": str(seat.master_port),
        "TORCHELASTIC_RESTART_COUNT": str(spec.attempt - 1),
        "TORCHELASTIC_MAX_RESTARTS": str(spec.max_attempts - 1),
        "TORCHELASTIC_RUN_ID": spec.run_id,
        "TORCHELASTIC_USE_AGENT_STORE": "False",
        "TORCH_NCCL_ASYNC_ERROR_HANDLING": "1",
        "OMP_NUM_THREADS": str(max(1, int(spec.resources.cpus))),
        "CUDA_VISIBLE_DEVICES": ",".join(seat.gpus),
    }


def of_lathe(spec: AttemptSpec, data: Path, url: str, token: str) -> dict[str, str]:
    """Where an unmodified MLflow client finds its run, and what else a script may want to know."""
    return {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": spec.run_id,
        "MLFLOW_EXPERIMENT_ID": spec.run_id,
        # Its address would be of a page of MLflow's own.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "LATHE_DATA": str(data),
        "LATHE_RUN": spec.run_id,
        "LATHE_ATTEMPT": str(spec.attempt),
    }


def of_machine(worker: Mapping[str, str], programs: list[Path], direct: list[str]) -> dict[str, str]:
    """What a program needs of the machine it runs on. direct: hosts that no proxy is asked for."""
    path = [*map(str, programs), worker.get("PATH", os.defpath)]
    return {
        "LANG": "C.UTF-8",
        **{name: worker[name] for name in (*INHERITED, *CERTIFICATES) if name in worker},
        **proxies(worker, direct),
        "PATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
    }


def proxies(worker: Mapping[str, str], direct: list[str]) -> dict[str, str]:
    """The worker's proxies, with `direct` among the hosts that are spoken to without."""
    found = {name: worker[name] for upper in PROXIES for name in (upper, upper.lower()) if worker.get(name)}
    if not found:
        return {}
    told = worker.get("no_proxy") or worker.get("NO_PROXY") or ""
    hosts = ",".join(dict.fromkeys(host for host in (*told.split(","), *direct) if host))
    return {**found, "NO_PROXY": hosts, "no_proxy": hosts}


def script_variables(
    spec: AttemptSpec,
    seat: Seat,
    wanted: Mapping[str, str],
    url: str,
    token: str,
    data: Path,
    home: Path,
    tmp: Path,
    programs: list[Path],
) -> tuple[dict[str, str], list[str]]:
    """All of them, and the names among `wanted` (the spec's own) that are not the author's to set."""
    direct = [urlsplit(url).hostname or "", seat.master_addr, "localhost", "127.0.0.1"]
    fixed = {**of_torchrun(spec, seat), **of_lathe(spec, data, url, token)}
    refused = sorted(name for name in wanted if name in fixed)
    variables = {
        **of_machine(os.environ, programs, direct),
        "HOME": str(home),
        "TMPDIR": str(tmp),
        # A signal that ends it, ours when it has stalled among them, leaves the stacks in the log.
        "PYTHONFAULTHANDLER": "1",
        # Gloo would look up this host's name, which need not lead to an interface the ranks share.
        **({"GLOO_SOCKET_IFNAME": "lo"} if is_loopback(seat.master_addr) else {}),
        **wanted,
        **fixed,
    }
    return variables, refused


def is_loopback(address: str) -> bool:
    """Whether all ranks are on this machine."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
