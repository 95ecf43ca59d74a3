"""Where the time of an inference goes, node by node, as ONNX Runtime's own profiler sees it.

https://onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from gpu_worker.evaluate.sessions import session_options

WARMUP = 3
RUNS = 30
SECONDS = 3.0
"""Slow models get as many runs as fit into this, and at least one."""

MAX_EVENTS = 100_000
"""Kernel events of one profile; each is about 600 bytes of JSON on disk."""


@dataclass(frozen=True)
class NodeTimes:
    """Median milliseconds in kernels over `runs` of one batch. total_ms: all kernels. nodes: those that a
    node of the file accounts for, by its first output; a fused kernel counts for the node that it is named
    after.
    """

    batch: int
    runs: int
    total_ms: float
    nodes: dict[str, float]


def node_times(
    model: bytes, example: np.ndarray, should_stop: Callable[[], bool] | None = None
) -> NodeTimes | None:
    """Profiles a model as it is served, on one thread, at batch 1 or at the batch that it fixes.

    example: model input, float32 (N, ...). None after a stop.
    """
    graph = onnx.load_model_from_string(model).graph
    with tempfile.TemporaryDirectory() as folder:
        options = session_options(1)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        feed = session.get_inputs()[0]
        batch = feed.shape[0] if isinstance(feed.shape[0], int) else 1
        rows = np.ascontiguousarray(np.resize(example, (batch, *example.shape[1:])))
        wanted = min(RUNS, max(1, MAX_EVENTS // max(1, len(graph.node)) - WARMUP))
        runs, start = -WARMUP, time.perf_counter()
        while runs < wanted and (runs < 1 or time.perf_counter() - start < SECONDS):
            if should_stop is not None and should_stop():
                return None
            session.run(None, {feed.name: rows})
            runs += 1
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    kernels: dict[tuple[str, str, str], list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            args = event["args"]
            key = (event["name"].removesuffix("_kernel_time"), args["op_name"], args.get("node_index", ""))
            kernels.setdefault(key, []).append(event["dur"] / 1e3)
    nodes: dict[str, float] = {}
    total = 0.0
    owner = Owners(graph)
    for (name, op, _), durations in kernels.items():
        spent = float(np.median(durations[-runs:]))
        total += spent
        output = owner.of(name, op)
        if output is not None:
            nodes[output] = nodes.get(output, 0.0) + spent
    return NodeTimes(batch, runs, total, nodes)


class Owners:
    """From a kernel's name back to a node of the file: fusions are named after a node or the tensor that
    they end in, and run as the operator that they began with.
    """

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._by_name = {node.name: node for node in graph.node if node.name}
        self._makers = {name: node for node in graph.node for name in node.output if name}

    def of(self, kernel: str, op: str) -> str | None:
        """The first output of the node, or None where the name leads to none."""
        name = re.sub(r"(_nchwc|_quant|_token_\d+)+$", "", kernel)
        start = self._by_name.get(name) or self._makers.get(name)
        if start is None:
            return None
        plain = re.sub(r"^(Fused|QLinear|Q(?=Gemm))|Integer.*$", "", op)
        waiting, seen = deque([start]), {start.output[0]}
        while waiting:
            node = waiting.popleft()
            if node.op_type == plain:
                return node.output[0]
            for maker in (self._makers.get(name) for name in node.input):
                if maker is not None and maker.output[0] not in seen:
                    seen.add(maker.output[0])
                    waiting.append(maker)
            # A fusion spans a few nodes; beyond them another layer begins.
            if len(seen) > 12:
                break
        return start.output[0]
