"""One replica of a model file without a console, for tests and for measuring.

    LATHE_REPLICA_TOKEN=… python -m gpu_worker.serve MODEL.onnx [--max-batch 32]

Prints its address once it is ready, and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

from gpu_worker.contract import DesiredReplica
from gpu_worker.serve import serve_replica


@dataclass(frozen=True)
class OneFile:
    """A door with a single blob behind it."""

    path: Path

    def blob(self, sha256: str) -> Path:
        return self.path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path)
    parser.add_argument("--name", default="model")
    parser.add_argument("--max-batch", type=int, default=32)
    parser.add_argument("--max-delay-ms", type=float, default=2)
    parser.add_argument("--max-queue", type=int, default=256)
    options = parser.parse_args()
    desired = DesiredReplica(
        replica_id="replica",
        token=os.environ["LATHE_REPLICA_TOKEN"],
        model_name=options.name,
        version_number=1,
        digest=hashlib.sha256(options.model.read_bytes()).hexdigest(),
        cpus=1,
        max_batch=options.max_batch,
        max_delay_ms=options.max_delay_ms,
        max_queue=options.max_queue,
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    serve_replica(desired, OneFile(options.model), "127.0.0.1", lambda url: print(url, flush=True), stop)


if __name__ == "__main__":
    main()
