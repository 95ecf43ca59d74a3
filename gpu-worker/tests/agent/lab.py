"""A real local cluster and a real agent, for tests: their own home, their own ports, nothing left behind."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from agent.fake_console import ENROL_TOKEN, FakeConsole
from gpu_worker.agent.settings import Settings

SOURCE = Path(__file__).parents[2] / "src"
PORTS = 6
METRICS_TOKEN = "m" * 32
FIRST_PORT, LAST_PORT = 23_000, 29_000


class Lab:
    """`console` plays the console; `cluster` and `agent` are the processes of the product."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.console = FakeConsole()
        (home / "secrets").mkdir(parents=True)
        (home / "secrets" / "agent-enrol.token").write_text(ENROL_TOKEN)
        self.ray_port = free_ports(PORTS + 1)
        self.metrics_port = self.ray_port + PORTS
        self.environment = {
            **os.environ,
            "LATHE_HOME": str(home),
            "LATHE_RAY_PORT": str(self.ray_port),
            "LATHE_AGENT_METRICS_PORT": str(self.metrics_port),
            "LATHE_METRICS_TOKEN": METRICS_TOKEN,
            "LATHE_URL": self.console.url,
            "LATHE_INSTANCE": f"test-{os.getpid()}",
            "PYTHONPATH": str(SOURCE),
        }
        self.cluster = self._run("gpu_worker.agent.local")
        self.agent = self.start_agent()

    def start_agent(self) -> subprocess.Popen[bytes]:
        self.agent = self._run("gpu_worker.agent", "--agent-only")
        return self.agent

    def close(self) -> None:
        for process in (self.agent, self.cluster):
            process.send_signal(signal.SIGTERM)
        self.agent.wait(15)
        self.cluster.wait(15)
        self.console.close()
        settings = Settings(self.home.resolve(), self.console.url, self.ray_port)
        shutil.rmtree(settings.ray_folder.parent, ignore_errors=True)

    @property
    def ray_token(self) -> str:
        return (self.home / "secrets" / "ray.token").read_text()

    @property
    def sid(self) -> int:
        return int((self.home / "run" / "ray.sid").read_text())

    def _run(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", module, *arguments], env=self.environment)


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    start = FIRST_PORT + os.getpid() * PORTS % (LAST_PORT - FIRST_PORT)
    for base in [*range(start, LAST_PORT, count), *range(FIRST_PORT, start, count)]:
        try:
            for port in range(base, base + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise RuntimeError(f"No {count} free ports between {FIRST_PORT} and {LAST_PORT}.")


def dataset(console: FakeConsole, samples: int, side: int = 8) -> dict[str, Any]:
    """A reference to noise in ten classes, whose file the console has."""
    x = np.random.default_rng(0).integers(0, 255, (samples, side, side), dtype=np.uint8)
    return reference(console, x, np.arange(samples) % 10)


def reference(console: FakeConsole, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """A reference to samples and their labels, whose file the console has."""
    buffer = io.BytesIO()
    np.savez(buffer, x=x, y=y)
    content = buffer.getvalue()
    file = {
        "role": "data",
        "format": "npz",
        "sha256": console.put(content),
        "bytes": len(content),
        "name": "noise.npz",
    }
    return {
        "datasetId": "noise",
        "name": "noise",
        "files": [file],
        "split": {"kind": "seeded", "seed": 0, "testFraction": 0.2},
        "transform": {"scale": 1 / 255, "mean": 0.5, "std": 0.25},
    }


def inspect_spec(console: FakeConsole) -> dict[str, Any]:
    """A run that takes a second."""
    found = dataset(console, 200)
    return {"kind": "inspect_dataset", "files": found["files"], "split": found["split"]}


def train_spec(console: FakeConsole) -> dict[str, Any]:
    """A run that goes on until it is stopped."""
    hyper = {
        "epochs": 1000,
        "globalBatch": 32,
        "lr": 1e-3,
        "optimizer": "sgd",
        "weightDecay": 0,
        "clipNorm": 5,
        "warmupFraction": 0,
        "augment": False,
        "seed": 0,
        "checkpointEverySteps": 10,
        "evaluateEverySteps": 100_000,
    }
    return {
        "kind": "train",
        "init": {"from": "architecture", "name": "resnet-small", "inputShape": [1, 8, 8], "classes": 10},
        "teacher": None,
        "keepMasks": False,
        "precision": "fp32",
        "recipe": None,
        "baseline": None,
        "dataset": dataset(console, 1000),
        "hyper": hyper,
        "backend": None,
    }


def linear_model() -> bytes:
    """ONNX: four numbers in, three out."""
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def replica(id: str, digest: str) -> dict[str, Any]:
    return {
        "replicaId": id,
        "token": f"token-{id}",
        "modelName": "linear",
        "versionNumber": 1,
        "digest": digest,
        "cpus": 0.1,
    }
