"""What a script needs beside the packages of a worker: a virtual environment over them, made once a node.

An environment holds only what the requirements add; torch and all else that a worker has is found behind it.
It is kept by the digest of what made it, locked while it is made or used, and deleted when it was not used
for long.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import site
import sys
import threading
import time
import venv
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gpu_worker.jobs.ports import Stopped
from gpu_worker.script.folders import cache_folder, lock_file
from gpu_worker.script.keeper import remove

LIMIT_BYTES = 30 << 30
UNUSED_SECONDS = 14 * 86400.0
LOCK_SECONDS = 0.1
COMPLETE = "complete.json"
MOST_LINES = 12


@dataclass(frozen=True)
class Environment:
    """An interpreter with packages. Nobody deletes it while it is open."""

    folder: Path
    lock: int

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python"

    def packages(self) -> dict[str, str]:
        """Versions by name of what it adds and of what is behind it."""
        found: dict[str, str] = {}
        for folder in (*_packages_of(self.folder), *map(Path, site.getsitepackages())):
            for entry in folder.glob("*.dist-info"):
                name, _, version = entry.name.removesuffix(".dist-info").rpartition("-")
                found.setdefault(name, version)
        return dict(sorted(found.items()))

    def close(self) -> None:
        """Lets it go."""
        os.close(self.lock)


def digest(requirements: bytes | None, code: str, team: str) -> str:
    """What an environment is kept by. Requirements that name files of the archive belong to that archive;
    what a team's packages did while they were built is no other team's.

    Raises ValueError for what would tie an environment to one rank's folder.
    """
    base = [sys.version, sys.prefix]
    if requirements is None:
        return hashlib.sha256(json.dumps(base).encode()).hexdigest()
    lines = requirements.decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        if re.match(r"\s*(-e\b|--editable\b)", line):
            raise ValueError(
                f"Line {number} of the requirements, {line.strip()!r}, is an editable install, which would"
                " lead into a folder that is deleted. Name the package's folder without -e."
            )
    local = any(re.match(r"\s*[-.]", line) or "/" in line or "file:" in line for line in lines)
    parts = [*base, team, code if local else "", hashlib.sha256(requirements).hexdigest()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def open_environment(
    name: str,
    install: Callable[[Path], None],
    on_wait: Callable[[], None],
    stop: threading.Event,
    root: Path | None = None,
) -> Environment:
    """The environment of that digest. The first that asks on a node makes it and calls `install` with its
    folder; the others call `on_wait` and wait.

    Raises what `install` raises, and Stopped.
    """
    root = root or cache_folder("environments")
    folder, lock_path = root / name, root / f"{name}.lock"
    waited = False
    while True:
        lock = lock_file(lock_path, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if lock is not None and (folder / COMPLETE).exists():
            os.utime(folder / COMPLETE)
            return Environment(folder, lock)
        if lock is not None:
            os.close(lock)
            lock = lock_file(lock_path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is not None:
            try:
                if not (folder / COMPLETE).exists():
                    _make(folder, install)
            finally:
                os.close(lock)
            make_room(root)
            continue
        if not waited:
            waited = True
            on_wait()
        if stop.wait(LOCK_SECONDS):
            raise Stopped


def _make(folder: Path, install: Callable[[Path], None]) -> None:
    """Makes it where it stays, for programs in it name their interpreter by its path; what has no mark of
    completion is nobody's.
    """
    remove(str(folder))
    try:
        venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
        for packages in _packages_of(folder):
            (packages / "base.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
        install(folder)
    except BaseException:
        remove(str(folder))
        raise
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    (folder / COMPLETE).write_text(json.dumps({"bytes": size}))


def make_room(root: Path, limit_bytes: int = LIMIT_BYTES, unused_seconds: float = UNUSED_SECONDS) -> None:
    """Deletes environments that nobody has open: those unused for long, and the longest unused until the rest
    is within the limit.
    """
    known: list[tuple[float, int, Path]] = []
    for marker in root.glob(f"*/{COMPLETE}"):
        with suppress(FileNotFoundError, ValueError):
            known.append((marker.stat().st_mtime, json.loads(marker.read_text())["bytes"], marker.parent))
    size, now = sum(entry[1] for entry in known), time.time()
    for used, bytes_, folder in sorted(known):
        if size <= limit_bytes and now - used < unused_seconds:
            return
        lock_path = folder.with_name(f"{folder.name}.lock")
        lock = lock_file(lock_path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is not None:
            (folder / COMPLETE).unlink(missing_ok=True)
            remove(str(folder))
            lock_path.unlink(missing_ok=True)
            os.close(lock)
            size -= bytes_


def why(output: list[str]) -> str:
    """The lines of pip's output that say what went wrong; the end of it where none says so."""
    start = next((n for n, line in enumerate(output) if line.startswith(("ERROR:", "error:"))), None)
    lines = [line for line in (output[start:] if start is not None else output) if line.strip()]
    lines = [line for line in lines if not line.startswith(("WARNING:", "[notice]"))]
    return "\n".join(lines[:MOST_LINES] if start is not None else lines[-MOST_LINES:])


def is_unreachable(output: list[str]) -> bool:
    """Whether pip had no answer from the package index: then the requirement may well exist."""
    signs = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "Failed to establish a new")
    return any(sign in line for line in output for sign in signs)


def _packages_of(folder: Path) -> list[Path]:
    return list(folder.glob("lib/python*/site-packages"))
