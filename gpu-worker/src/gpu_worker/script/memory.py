"""How a script tells that memory ran out: by the kernel's counter, or by its last words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

GPU_WORDS = re.compile(r"CUDA out of memory|CUBLAS_STATUS_ALLOC_FAILED|OutOfMemoryError")
WORDS = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|^MemoryError\b|std::bad_alloc"
    r"|Unable to allocate [\d.]+ [KMGT]iB"
)


def said_so(lines: Iterable[str]) -> str | None:
    """The line in which a program says that memory was not enough; None when it does not."""
    return next((line.strip() for line in lines if GPU_WORDS.search(line) or WORDS.search(line)), None)


def kernel_kills() -> int:
    """How many processes of this control group, or where it does not say so of this machine, the kernel has
    ended for want of memory.
    """
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        files = []
        if controllers == "":
            files = [Path("/sys/fs/cgroup") / path.strip("/") / "memory.events"]
        elif "memory" in controllers.split(","):
            files = [Path("/sys/fs/cgroup/memory") / path.strip("/") / "memory.oom_control"]
        for file in files:
            if (found := _count(file)) is not None:
                return found
    return _count(Path("/proc/vmstat")) or 0


def _count(file: Path) -> int | None:
    try:
        found = re.search(r"^oom_kill (\d+)$", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found.group(1)) if found else None
