"""How it shows that memory ran out: an allocator's error, a program's last words, the kernel's counter."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

GPU_WORDS = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED|OutOfMemoryError"
)
WORDS = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|^MemoryError\b|std::bad_alloc"
    r"|Unable to allocate [\d.]+ [KMGT]iB"
)
ASKED = re.compile(r"tried to allocate (\d+) bytes")
GPU_SENTENCES = re.compile(r"Tried to allocate .*?(?: is free\.|$)", re.MULTILINE)
CONTROL_GROUPS = Path("/sys/fs/cgroup")


class OutOfMemory(Exception):
    """Memory does not suffice for what was asked, and nothing smaller is left or permitted to try."""


def said_so(lines: Iterable[str]) -> str | None:
    """The line in which a program says that memory was not enough; None when it does not."""
    return next((line.strip() for line in lines if GPU_WORDS.search(line) or WORDS.search(line)), None)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator raised this: Python's, NumPy's, or torch's on a CPU or a GPU."""
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    return isinstance(error, RuntimeError) and said_so(str(error).splitlines()) is not None


def shortage(error: BaseException) -> str:
    """What an allocator was asked for and what there was, as far as it and this machine say so."""
    told = str(error)
    if GPU_WORDS.search(told):
        found = GPU_SENTENCES.search(told)
        return found.group(0) if found else told.partition("\n")[0]
    asked = ASKED.search(told)
    first = told.partition("\n")[0] or type(error).__name__
    wanted = f"asked for {in_words(int(asked.group(1)))}" if asked else first
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    limited = "" if limit == resource.RLIM_INFINITY else f", within at most {in_words(limit)} of addresses"
    return f"{wanted} where {in_words(free_bytes())} were free{limited}"


def in_words(size: float) -> str:
    """'3.1 GB'."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} PB"


def free_bytes() -> int:
    """What this process may still take: of the machine, and of its control group where that is limited."""
    free = psutil.virtual_memory().available
    for folder in _control_groups():
        for most, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit, taken = _number(folder / most), _number(folder / used)
            if limit is not None and taken is not None:
                free = min(free, max(0, limit - taken))
    return free


def kernel_kills() -> int:
    """How many processes of this control group, or where it does not say so of this machine, the kernel has
    ended for want of memory.
    """
    for folder in _control_groups():
        for name in ("memory.events", "memory.oom_control"):
            if (found := _count(folder / name)) is not None:
                return found
    return _count(Path("/proc/vmstat")) or 0


def _control_groups() -> Iterator[Path]:
    """The folders that account for this process's memory, in either version."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield CONTROL_GROUPS / path.strip("/")
        elif "memory" in controllers.split(","):
            yield CONTROL_GROUPS / "memory" / path.strip("/")


def _number(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _count(file: Path) -> int | None:
    try:
        found = re.search(r"^oom_kill (\d+)$", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found.group(1)) if found else None
