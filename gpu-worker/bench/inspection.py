"""How long the sandbox looks at a model of 100 MB, and the most memory its child takes.

    PYTHONPATH=gpu-worker/src .lathe/venv/bin/python gpu-worker/bench/inspection.py

Prints {"bytes", "tier", "ms", "memoryMb"} as JSON. The model: convolutions, as most of such files are.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from gpu_worker.sandbox import Inspection, inspect_model

WIDTH = 512
LAYERS = 11
"""Of 512 × 512 × 3 × 3 values, 9.4 MB each."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the inspection of a 100 MB model.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--once", type=Path, help="inspect this file, once")
    options = parser.parse_args()
    if options.once:
        once(options.once)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.onnx"
        path.write_bytes(large())
        size = path.stat().st_size
        rows = [inspected(path) for _ in range(options.repeats)]
    figures = {key: [row[key] for row in rows] for key in ("ms", "memoryMb")}
    print(json.dumps({"bytes": size, "tier": rows[0]["tier"], **figures}))


def large() -> bytes:
    """A chain of convolutions with ReLU on 8×8 pictures, seeded."""
    rng = np.random.default_rng(0)
    tensors, nodes, last = [], [], "x"
    for layer in range(LAYERS):
        inputs = 3 if layer == 0 else WIDTH
        values = rng.normal(0, (2 / (9 * inputs)) ** 0.5, (WIDTH, inputs, 3, 3)).astype(np.float32)
        tensors.append(numpy_helper.from_array(values, f"w{layer}"))
        nodes.append(helper.make_node("Conv", [last, f"w{layer}"], [f"c{layer}"], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        last = f"r{layer}"
    tensors.append(numpy_helper.from_array(rng.normal(0, 0.05, (10, WIDTH)).astype(np.float32), "head"))
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "head"], ["y"], transB=1),
    ]
    ends = [("x", ["n", 3, 8, 8]), ("y", ["n", 10])]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends)
    graph = helper.make_graph(nodes, "large", [x], [y], tensors)
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def inspected(path: Path) -> dict[str, float]:
    """Tier, milliseconds and the child's peak resident megabytes.

    getrusage(2) keeps the largest peak of all children, so each inspection has a parent of its own.
    """
    command = [sys.executable, __file__, "--once", str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def once(path: Path) -> None:
    """One inspection, its figures as JSON."""
    began = time.perf_counter()
    found = inspect_model(path, path.name)
    ms = (time.perf_counter() - began) * 1e3
    if not isinstance(found, Inspection):
        raise SystemExit(f"The model was refused: {found.message}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps({"tier": found.tier, "ms": ms, "memoryMb": peak / 1e6}))


if __name__ == "__main__":
    main()
