"""A node with secrets on it, and script runs on that node without Ray."""

from __future__ import annotations

import io
import logging
import os
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from gpu_worker.contract import ScriptResult
from gpu_worker.door import DoorLogHandler
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.script import Seat, run_script
from specs import attempt, free_port

TOKEN = "the-attempts-own-token"


class Stage:
    """`home` is LATHE_HOME of the node. Each run is rank 0 of one unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        (self.home / "secrets").mkdir(parents=True)
        self.door = FolderDoor(folder / "door")

    def run(
        self,
        files: str | Mapping[str, str | bytes],
        stop: threading.Event | None = None,
        seat: Seat | None = None,
        door: FolderDoor | None = None,
        **spec: Any,
    ) -> ScriptResult | None:
        """A run of `train.py`, which is all there is when one text is given."""
        content = archive({"train.py": files} if isinstance(files, str) else files)
        code = self.door.put_blob(content).sha256
        wire = {"kind": "script", "code": code, "filename": "code.zip", "entry": "train.py", **spec}
        seat = seat or Seat(0, 1, 0, 1, 0, 1, "127.0.0.1", free_port())
        door = door or self.door
        own = threading.get_ident()

        class Own(DoorLogHandler):
            def filter(self, record: logging.LogRecord) -> bool:
                return record.thread == own

        logger = logging.getLogger("gpu_worker")
        handler = Own(lambda text: door.log(seat.rank, text))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            stopping = stop or threading.Event()
            return run_script(attempt(wire), seat, "http://127.0.0.1:9", TOKEN, door, stopping)
        finally:
            logger.removeHandler(handler)

    def log(self, rank: int = 0) -> str:
        """What was logged so far."""
        path = self.door.folder / f"rank-{rank}.log"
        return path.read_text() if path.exists() else ""

    def left_behind(self) -> list[str]:
        """Folders of ranks, and processes that were started in one."""
        scratch = self.home / "cache" / "scratch"
        found = [str(path) for path in scratch.iterdir()] if scratch.exists() else []
        return found + [str(process) for process in processes(str(scratch))]


def processes(mark: str) -> list[psutil.Process]:
    """Live processes that have a text in their command line or working folder."""

    def has(process: psutil.Process) -> bool:
        try:
            live = process.status() != psutil.STATUS_ZOMBIE
            return live and mark in f"{process.cwd()} {process.cmdline()}"
        except psutil.Error:
            return False

    return [process for process in psutil.process_iter() if process.pid != os.getpid() and has(process)]


def stop_when(stage: Stage, told: Callable[[], bool]) -> threading.Event:
    """An event that is set as soon as a state is reached."""
    stop, pause = threading.Event(), threading.Event()

    def watch() -> None:
        while not told():
            pause.wait(0.02)
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    return stop


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A zip; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def wheel(name: str, version: str, requires: str = "") -> bytes:
    """A package with one module that knows its version."""
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    return archive(
        {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
    )
