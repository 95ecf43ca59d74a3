"""ONNX Runtime sessions as they are served."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort


def session_options(threads: int = 1) -> ort.SessionOptions:
    """The options of every session that is measured or served: all optimizations, fixed threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    # Idle threads that spin would take the core from whoever works beside this session.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_session(data: bytes | str, threads: int = 1) -> ort.InferenceSession:
    """A CPU session with `session_options`, of a model's bytes or its path."""
    return ort.InferenceSession(data, session_options(threads), providers=["CPUExecutionProvider"])


def predict(session: ort.InferenceSession, batch: np.ndarray) -> np.ndarray:
    """Scores (N, classes) of a batch, in one run, or one by one where the model's batch is fixed."""
    scores = [
        np.asarray(outputs[0]) if kept is None else np.asarray(outputs[0])[:kept]
        for kept, outputs in answer(session, batch)
    ]
    return scores[0] if len(scores) == 1 else np.concatenate(scores)


def answer(session: ort.InferenceSession, batch: np.ndarray) -> Iterator[tuple[int | None, Sequence[Any]]]:
    """All outputs of each run that a batch takes, and how many of their rows count: None for all. The last
    run of a fixed batch is filled with the last sample.
    """
    feed = session.get_inputs()[0]
    fixed = feed.shape[0] if feed.shape and isinstance(feed.shape[0], int) else None
    if fixed is None or fixed == len(batch):
        yield None, session.run(None, {feed.name: batch})
        return
    for start in range(0, len(batch), fixed):
        rows = batch[start : start + fixed]
        padded = (
            np.concatenate([rows, np.repeat(rows[-1:], fixed - len(rows), axis=0)])
            if len(rows) < fixed
            else rows
        )
        yield len(rows), session.run(None, {feed.name: padded})
