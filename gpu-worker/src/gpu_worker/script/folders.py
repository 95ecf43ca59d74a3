"""The folders of a rank on its node, and what of the node a script may see."""

from __future__ import annotations

import fcntl
import os
import shutil
import site
import sys
import tempfile
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_worker.contract import DatasetRef
from gpu_worker.door.blobs import default_folder
from gpu_worker.jobs.ports import Blobs
from gpu_worker.script.keeper import remove
from gpu_worker.script.walls import Plan


def cache_folder(name: str) -> Path:
    """A folder beside the blobs of this node."""
    folder = Path(os.path.realpath(default_folder().parent)) / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@dataclass(frozen=True)
class RankFolder:
    """A fresh folder of one rank: `code` is the unpacked archive, `data` the dataset's files."""

    path: Path
    lock: int

    @staticmethod
    def create(name: str, root: Path | None = None) -> RankFolder:
        """Makes one, and deletes those of this node whose worker is gone."""
        root = root or cache_folder("scratch")
        sweep(root)
        path, lock = root, None
        while lock is None:  # a rank that sweeps may take a file that is not locked yet for one left behind
            path = root / f"{name}-{uuid.uuid4().hex[:8]}"
            lock = lock_file(path.with_suffix(".lock"), fcntl.LOCK_EX | fcntl.LOCK_NB)
        for folder in ("code", "data", "home", "tmp"):
            (path / folder).mkdir(parents=True, mode=0o700)
        return RankFolder(path, lock)

    @property
    def lock_path(self) -> Path:
        """Locked while the rank is at work."""
        return self.path.with_suffix(".lock")

    def close(self) -> None:
        """Deletes it."""
        remove(str(self.path))
        self.lock_path.unlink(missing_ok=True)
        os.close(self.lock)


def sweep(root: Path) -> None:
    """Deletes what workers left that were killed with their keeper."""
    for path in root.glob("*.lock"):
        lock = lock_file(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is not None:
            remove(str(path.with_suffix("")))
            path.unlink(missing_ok=True)
            os.close(lock)


def lock_file(path: Path, how: int) -> int | None:
    """A descriptor that holds a lock (fcntl.flock) on a file that is made where there is none; None when
    another process holds it, or deleted it just now.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def lay_out_dataset(blobs: Blobs, reference: DatasetRef, folder: Path, may_link: bool) -> None:
    """Puts a dataset's files under their names into a folder. may_link: nobody can write to them there, so
    they may be those of the cache.
    """
    taken: set[str] = set()
    for file in reference.files:
        name = Path(file.name).name or file.role
        name = f"{file.role}-{name}" if name in taken else name
        taken.add(name)
        source, target = blobs.blob(file.sha256), folder / name
        if may_link:
            with suppress(OSError):  # another file system
                os.link(source, target)
                continue
        shutil.copyfile(source, target)
        target.chmod(0o444)


def plan_for(
    command: list[str],
    env: dict[str, str],
    cwd: Path,
    tmp: Path,
    writable: Iterable[Path],
    readable: Iterable[Path] = (),
    **more: Any,
) -> Plan:
    """A plan that hides from a process what this node keeps: Lathe's folders, the user's own, those of
    services, and everything temporary. The interpreter and its packages can be read.
    """
    home = os.environ.get("LATHE_HOME")
    hidden = [os.path.expanduser("~"), "/run", "/var/run", *([home] if home else [])]
    return Plan(
        command=command,
        env=env,
        cwd=str(cwd),
        tmp=str(tmp),
        writable=_resolved(writable),
        readable=_resolved([*readable, *_interpreter(), *_services()]),
        hidden=_resolved(hidden),
        temporary=_resolved(["/tmp", "/var/tmp", tempfile.gettempdir()]),
        **more,
    )


def _interpreter() -> list[str]:
    return [sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages()]


def _services() -> list[str]:
    """Names of other machines are looked up with the first, GPUs kept ready by the second."""
    return ["/etc/resolv.conf", "/run/nvidia-persistenced"]


def _resolved(paths: Iterable[str | Path]) -> list[str]:
    return list(dict.fromkeys(os.path.realpath(path) for path in paths))
