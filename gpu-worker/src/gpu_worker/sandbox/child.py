"""The process that looks at a hostile file: `python -m gpu_worker.sandbox.child REQUEST`.

It cuts itself off first, then checks, and writes one JSON object a line: {"item"}, at the end {"refusal"}
or {"inspection"}.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpu_worker.sandbox.isolation import isolate, limit_memory
from gpu_worker.sandbox.report import ChecklistItem, Limits, Refusal, Refused


def main() -> None:
    """Reads the request from the first argument: path, name and limits as JSON."""
    request = json.loads(sys.argv[1])
    limits = Limits(**request["limits"])
    # Libraries print where they like; the answer has a descriptor of its own.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    isolation = isolate(limits.cpu_s)
    from gpu_worker.sandbox.inspection import inspect

    def send(kind: str, value: Any) -> None:
        answer.write(json.dumps({kind: asdict(value)}) + "\n")

    try:
        steps = inspect(
            Path(request["path"]),
            request["name"],
            limits,
            f"{isolation}, at most {limits.memory_bytes >> 20} MB more memory, {limits.wall_s:g} s in all",
            lambda: limit_memory(limits.memory_bytes),
        )
        for step in steps:
            send("item" if isinstance(step, ChecklistItem) else "inspection", step)
    except Refused as refused:
        send("refusal", refused.refusal)
    except MemoryError:
        send("refusal", memory_refusal(limits))


def memory_refusal(limits: Limits) -> Refusal:
    """The answer to a model that wants more memory than it may have."""
    return Refusal(
        "limits.memory",
        f"Opening or running the model takes more than {limits.memory_bytes >> 20} MB of memory.",
        "Reduce the size of its tensors.",
    )


if __name__ == "__main__":
    main()
