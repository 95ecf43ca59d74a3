"""How much memory an inference takes, measured in a process that does nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpu_worker.evaluate.sessions import open_session

TIMEOUT_S = 120


@dataclass(frozen=True)
class PeakMemory:
    """Bytes of resident memory beyond a process that has loaded ONNX Runtime and holds the input.

    opened: what the session keeps once it is open, weights and graph. peak: the most that opening it and one
    inference took together, which is what a replica has to have room for.
    """

    batch: int
    opened: int
    peak: int


def peak_memory(
    model: bytes, example: np.ndarray, batches: tuple[int, ...] = (1, 64), threads: int = 1
) -> dict[int, PeakMemory]:
    """Opens the model in a fresh process and runs it once at each batch size, ascending, as it is served.

    example: model input (N, ...), repeated to the batch. A batch that a model with a fixed batch cannot take
    is left out. The kernel counts in pages and ONNX Runtime's arena grows in steps, so that figures below a
    megabyte say little. Raises RuntimeError, with its last words, for a child that fails. Linux only: peaks
    are VmHWM of /proc/self/status, proc(5).
    """
    first = open_session(model, threads).get_inputs()[0].shape[0]
    fits = sorted(batch for batch in batches if not isinstance(first, int) or first == batch)
    if not fits:
        return {}
    with tempfile.TemporaryDirectory(prefix="lathe-memory-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        rows = np.resize(example, (fits[-1], *example.shape[1:]))
        np.save(path.with_suffix(".npy"), rows, allow_pickle=False)
        opened, peaks = _measure(path, threads, fits)
    return {batch: PeakMemory(batch, opened, peak) for batch, peak in zip(fits, peaks, strict=True)}


def _measure(path: Path, threads: int, batches: list[int]) -> tuple[int, list[int]]:
    module = "gpu_worker.evaluate.memory_child"
    child = subprocess.run(
        [sys.executable, "-m", module, str(path), str(threads), *map(str, batches)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "OMP_NUM_THREADS": str(threads)},
    )
    if child.returncode:
        last = (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise RuntimeError(f"The process that measures memory failed: {last[:300]}")
    answer = json.loads(child.stdout)
    return answer["opened"], answer["peaks"]
