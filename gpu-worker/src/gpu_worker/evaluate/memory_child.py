"""An inference at each batch, ascending, and the memory that all took until then:
`python -m gpu_worker.evaluate.memory_child MODEL THREADS BATCH...`.

The largest batch lies beside the model as .npy. Prints {"opened", "peaks"} in bytes; see
gpu_worker.evaluate.memory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from gpu_worker.evaluate.sessions import open_session


def main() -> None:
    """Measures from when libraries and input are loaded."""
    path, threads, batches = Path(sys.argv[1]), int(sys.argv[2]), map(int, sys.argv[3:])
    rows = np.load(path.with_suffix(".npy"))
    # Loads what the runtime loads only when a session is opened.
    open_session(_smallest(), threads).run(None, {"x": np.zeros(1, np.float32)})
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew, proc(5)
    before = resident("VmRSS")
    session = open_session(str(path), threads)
    opened = resident("VmRSS") - before
    peaks = []
    for batch in batches:
        session.run(None, {session.get_inputs()[0].name: rows[:batch]})
        peaks.append(resident("VmHWM") - before)
    print(json.dumps({"opened": opened, "peaks": peaks}))


def resident(field: str) -> int:
    """VmRSS or VmHWM of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024


def _smallest() -> bytes:
    """A model that answers its input."""
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


if __name__ == "__main__":
    main()
