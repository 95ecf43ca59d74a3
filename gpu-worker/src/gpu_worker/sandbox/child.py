"""The process that looks at a hostile file: `python -m gpu_worker.sandbox.child REQUEST`.

It cuts itself off first, then does the request's task, and writes one JSON object a line: messages on the
way, at the end {"refusal"} or {"answer"}.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpu_worker.sandbox.isolation import isolate, limit_memory
from gpu_worker.sandbox.report import ChecklistItem, Limits, Refusal, Refused

Send = Callable[[str, Any], None]


def main() -> None:
    """Reads the request from the first argument: task, what it is about, and limits as JSON."""
    request = json.loads(sys.argv[1])
    limits = Limits(**request["limits"])
    # Libraries print where they like; the answer has a descriptor of its own.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    isolation = isolate(limits.cpu_s)

    def send(kind: str, value: Any) -> None:
        answer.write(json.dumps({kind: value}) + "\n")

    try:
        if request["task"] == "model":
            _inspect_model(request, limits, isolation, send)
        else:
            from gpu_worker.sandbox.datasets import answer_dataset

            send("answer", answer_dataset(request, send, lambda: limit_memory(limits.memory_bytes)))
    except Refused as refused:
        send("refusal", asdict(refused.refusal))
    except MemoryError:
        send("refusal", asdict(memory_refusal(request["task"], limits)))


def _inspect_model(request: dict[str, Any], limits: Limits, isolation: str, send: Send) -> None:
    from gpu_worker.sandbox.inspection import inspect

    steps: Iterator[Any] = inspect(
        Path(request["path"]),
        request["name"],
        limits,
        f"{isolation}, at most {limits.memory_bytes >> 20} MB more memory, {limits.wall_s:g} s in all",
        lambda: limit_memory(limits.memory_bytes),
    )
    for step in steps:
        send("item" if isinstance(step, ChecklistItem) else "answer", asdict(step))


def memory_refusal(task: str, limits: Limits) -> Refusal:
    """The answer to a file that wants more memory than it may have."""
    doing = "Opening or running the model" if task == "model" else "Opening the dataset"
    return Refusal(
        "limits.memory",
        f"{doing} takes more than {limits.memory_bytes >> 20} MB of memory.",
        "Reduce the size of its tensors."
        if task == "model"
        else "Store it in smaller pieces (row groups, arrays).",
    )


if __name__ == "__main__":
    main()
