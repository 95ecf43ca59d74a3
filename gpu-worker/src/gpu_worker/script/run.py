"""One rank of a script run, top to bottom: unpack, install, run, and how it ended."""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from gpu_worker.contract import AttemptSpec, Progress, ScriptResult, ScriptSpec
from gpu_worker.jobs import memory
from gpu_worker.jobs.ports import Door, Stopped
from gpu_worker.script.folders import RankFolder, lay_out_dataset, plan_for
from gpu_worker.script.handle import Handle
from gpu_worker.script.launch import End, Walled
from gpu_worker.script.output import Output
from gpu_worker.script.requirements import Environment, digest, is_unreachable, open_environment, why
from gpu_worker.script.variables import Seat, of_machine, script_variables
from gpu_worker.script.walls import Plan, Walls

UNPACK = Path(__file__).with_name("unpack.py")
UNPACKED_BYTES = 4 << 30
UNPACKED_FILES = 50_000
UNPACK_MEMORY_BYTES = 1 << 30
UNPACK_SECONDS = 600.0
INSTALL_SECONDS = 3600.0
GRACE_SECONDS = 8.0
"""How long a script may take to end once it is told to; the driver waits for 15 s (agent.attempt)."""
PULSE_SECONDS = 10.0
"""Each rank says so often that it is there, and so hears when its attempt is over."""
TAIL_LINES = 40
NAMED_SCRIPTS = 5
OWN_FILES = "a file system of its own"
RAISED = re.compile(r"(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit)\b.*")
PIP_CONFIGS = ("~/.config/pip/pip.conf", "~/.pip/pip.conf")

log = logging.getLogger(__name__)


class ScriptFailed(Exception):
    """A rank's script ended with a code other than 0, or by a signal (`exit_code` None). `at`: Unix time."""

    def __init__(
        self, kind: Literal["worker_error", "out_of_memory"], message: str, exit_code: int | None
    ) -> None:
        super().__init__(message)
        self.kind: Literal["worker_error", "out_of_memory"] = kind
        self.exit_code = exit_code
        self.at = time.time()


def run_script(
    spec: AttemptSpec,
    seat: Seat,
    url: str,
    token: str,
    door: Door,
    stop: threading.Event,
    handle: Handle | None = None,
) -> ScriptResult | None:
    """Runs one rank's script to its end and answers the result on rank 0.

    url, token: the console and the attempt's own token, for its MLflow client. handle: what the worker has of
    the script while it runs. Raises ValueError when
    archive, entry point or requirements are at fault, ScriptFailed when the script ends badly, Stopped after
    `stop`.
    """
    script = spec.spec
    if not isinstance(script, ScriptSpec):
        raise ValueError(f"run_script runs scripts, not '{script.kind}' runs.")
    return ScriptRank(spec, script, seat, url, token, door, stop, handle).run()


class ScriptRank:
    """What the steps of one rank share."""

    def __init__(
        self,
        spec: AttemptSpec,
        script: ScriptSpec,
        seat: Seat,
        url: str,
        token: str,
        door: Door,
        stop: threading.Event,
        handle: Handle | None,
    ) -> None:
        self._handle = handle
        self._spec, self._script, self._seat = spec, script, seat
        self._url, self._token, self._door, self._stop = url, token, door, stop
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._phase: tuple[str, str] = ("preparing", "Unpacking the archive")
        self._told = 0.0
        self._walls: Walls | None = None

    def run(self) -> ScriptResult | None:
        """All steps."""
        self._folder = RankFolder.create(f"{self._spec.attempt_id[:8]}-{self._seat.rank}")
        environment: Environment | None = None
        try:
            self._pulse()  # nothing is logged before what is said of the walls
            self._unpack()
            if self._script.dataset is not None:
                self._tell("preparing", f"Fetching the files of {self._script.dataset.name}")
                lay_out_dataset(
                    self._door, self._script.dataset, self._folder.path / "data", self._sees_own_files
                )
            environment = self._open_environment()
            self._tell("running", f"Running {self._script.entry}")
            began = time.monotonic()
            self._execute(environment)
            seconds = time.monotonic() - began
            return self._result(environment, seconds) if self._seat.rank == 0 else None
        finally:
            if environment is not None:
                environment.close()
            self._folder.close()

    # --- archive ------------------------------------------------------------------------------------------

    def _unpack(self) -> None:
        archive, code = self._door.blob(self._script.code), self._folder.path / "code"
        printed = bytearray()
        plan = plan_for(
            [
                sys.executable,
                *("-I", "-S", str(UNPACK), os.path.realpath(archive), str(code)),
                *(str(UNPACKED_BYTES), str(UNPACKED_FILES)),
            ],
            {"LANG": "C.UTF-8"},
            Path("/"),
            self._folder.path / "tmp",
            [self._folder.path],
            [archive, UNPACK],
            remove=self._removable,
            memory_bytes=UNPACK_MEMORY_BYTES,
        )
        end = self._supervise(plan, printed.extend, UNPACK_SECONDS, "Unpacking the archive")
        lines = printed.decode("utf-8", "replace").strip().splitlines()
        if end.exit_code != 0 or not lines:
            told = lines[-1] if lines else end.words
            raise ValueError(f"The archive {self._script.filename} could not be unpacked: {told}")
        answer = json.loads(lines[-1])
        if "refusal" in answer:
            raise ValueError(f"{self._script.filename}: {answer['refusal']}")
        log.info("unpacked %s: %d entries, %d bytes", self._script.filename, answer["files"], answer["bytes"])
        self._find(self._script.entry, "entry point", ".py")
        if self._script.requirements is not None:
            self._find(self._script.requirements, "requirements file", ".txt")

    def _find(self, name: str, what: str, ending: str) -> Path:
        """A file of the archive. Raises ValueError with the names of some that are there."""
        code = self._folder.path / "code"
        path = Path(os.path.realpath(code / name))
        if not path.is_relative_to(code):
            raise ValueError(f"The {what} {name!r} leads out of the archive.")
        if path.is_file():
            return path
        there = sorted(str(file.relative_to(code)) for file in code.rglob(f"*{ending}") if file.is_file())
        named = ", ".join(there[:NAMED_SCRIPTS]) + (" and others" if len(there) > NAMED_SCRIPTS else "")
        raise ValueError(
            f"The archive has no {what} {name!r}. "
            + (f"There is {named}." if there else f"It holds no {ending} file at all.")
        )

    # --- requirements -------------------------------------------------------------------------------------

    def _open_environment(self) -> Environment:
        name = self._script.requirements
        content = None if name is None else self._find(name, "requirements file", ".txt").read_bytes()

        def install(folder: Path) -> None:
            if name is not None:
                self._tell("installing", f"Installing {name}")
                self._install(folder, name)

        return open_environment(
            digest(content, self._script.code, self._spec.team_id),
            install,
            lambda: self._tell("installing", f"Another rank of this node installs {name}"),
            self._stop,
        )

    def _install(self, folder: Path, name: str) -> None:
        code, tmp = self._folder.path / "code", self._folder.path / "tmp"
        named = (os.environ.get("PIP_CONFIG_FILE"), *PIP_CONFIGS)
        configs = [path for path in (Path(name).expanduser() for name in named if name) if path.is_file()]
        env = {
            **of_machine(os.environ, [folder / "bin"], []),
            **{key: value for key, value in os.environ.items() if key.startswith("PIP_")},
            **({"PIP_CONFIG_FILE": str(configs[0])} if configs else {}),
            "HOME": str(self._folder.path / "home"),
            "TMPDIR": str(self._tmp),
        }
        options = ("--no-input", "--no-cache-dir", "--progress-bar=off", "--disable-pip-version-check")
        lines: deque[str] = deque(maxlen=400)

        def write(text: str) -> None:
            lines.extend(text.splitlines())
            self._write(text)

        output = Output(write)
        plan = plan_for(
            [
                sys.executable,
                *("-I", "-m", "pip", "--python", str(folder / "bin" / "python"), "install"),
                *("--no-warn-script-location", *options, "-r", name),
            ],
            env,
            code,
            tmp,
            [folder, self._folder.path],
            configs,
            remove=[*self._removable, str(folder)],
        )
        end = self._supervise(plan, output.take, INSTALL_SECONDS, f"Installing {name}", output)
        output.close()
        if end.exit_code == 0:
            return
        told = why(list(lines)) or end.words
        if is_unreachable(list(lines)):
            raise RuntimeError(f"The package index could not be reached from this node. pip says: {told}")
        raise ValueError(f"{name} could not be installed. pip says:\n{told}")

    # --- the script ---------------------------------------------------------------------------------------

    def _execute(self, environment: Environment) -> None:
        rank, folder = self._seat.rank, self._folder.path
        variables, refused = script_variables(
            self._spec,
            self._seat,
            self._script.env,
            self._url,
            self._token,
            folder / "data",
            folder / "home",
            self._tmp,
            [environment.python.parent, Path(sys.executable).parent],
        )
        for name in refused:
            log.warning("%s is set by the launch itself: the value that was given for it is not used", name)
        output = Output(self._write)
        plan = plan_for(
            [str(environment.python), self._script.entry, *self._script.args],
            variables,
            folder / "code",
            folder / "tmp",
            [folder],
            [environment.folder],
            read_only=[str(folder / "data")],
            remove=self._removable,
            # Ranks that share GPUs' data on a node do so in shared memory.
            own_memory=not (self._seat.gpus and self._seat.local_world > 1),
            grace_s=GRACE_SECONDS,
        )
        kills = memory.kernel_kills()
        end = self._supervise(plan, output.take, float("inf"), "The script", output)
        output.close()
        log.info("rank %d ended with %s", rank, end.words)
        if end.exit_code != 0:
            raise self._failure(end, killed_for_memory=memory.kernel_kills() > kills)

    def _failure(self, end: End, killed_for_memory: bool) -> ScriptFailed:
        who = f"Rank {self._seat.rank}"
        said = memory.said_so(self._tail)
        if said is not None:
            return ScriptFailed("out_of_memory", f"{who} ran out of memory: {said}", end.exit_code)
        if end.signal == signal.SIGKILL and killed_for_memory:
            message = f"{who} was ended by the kernel because memory ran out."
            return ScriptFailed("out_of_memory", message, None)
        raised = next((line for line in reversed(self._tail) if RAISED.fullmatch(line.strip())), None)
        message = f"{who} ended with {end.words}" + (f": {raised.strip()}" if raised else ".")
        return ScriptFailed("worker_error", message, end.exit_code)

    def _supervise(
        self,
        plan: Plan,
        take: Callable[[bytes], None],
        seconds: float,
        doing: str,
        output: Output | None = None,
    ) -> End:
        """A plan's end. Raises Stopped when it was asked to stop, ValueError when it took too long, and
        RuntimeError when it could not be started.
        """
        deadline = time.monotonic() + seconds

        def tick() -> None:
            if output is not None:
                output.tick()
            if time.monotonic() > deadline:
                raise ValueError(f"{doing} took over {seconds / 60:.0f} minutes and was ended.")
            if time.monotonic() - self._told >= PULSE_SECONDS:
                self._pulse()

        end = Walled(plan, self._handle).run(self._see_walls, take, tick, self._stop)
        if end.error:
            raise RuntimeError(f"{doing} could not be started: {end.error}")
        if self._stop.is_set():
            if output is not None:
                output.close()
            log.info("rank %d was asked to stop and ended with %s", self._seat.rank, end.words)
            raise Stopped
        return end

    def _see_walls(self, walls: Walls) -> None:
        """The first line of a rank's log says what its script can do that it should not."""
        if self._walls is not None:
            return
        self._walls = walls
        if walls.missing:
            log.warning("this machine does not permit all walls: %s", "; ".join(walls.missing))
        else:
            log.info("the script has %s", ", ".join(walls.holding))

    # --- shared -------------------------------------------------------------------------------------------

    @property
    def _sees_own_files(self) -> bool:
        return self._walls is not None and not self._walls.missing and OWN_FILES in self._walls.holding

    @property
    def _tmp(self) -> Path:
        """Short where it can be: names of sockets end at 107 characters."""
        own = self._walls is not None and OWN_FILES in self._walls.holding
        return Path("/tmp") if own else self._folder.path / "tmp"

    @property
    def _removable(self) -> list[str]:
        return [str(self._folder.path), str(self._folder.lock_path)]

    def _write(self, text: str) -> None:
        self._tail.extend(text.splitlines())
        self._door.log(self._seat.rank, text)

    def _tell(self, phase: str, message: str) -> None:
        if self._stop.is_set():
            raise Stopped
        self._phase = (phase, message)
        log.info("%s", message)
        self._pulse()

    def _pulse(self) -> None:
        """Raises StaleAttempt when the attempt is over."""
        self._told = time.monotonic()
        phase, message = self._phase
        self._door.progress(
            Progress(
                phase=phase,
                percent=None,
                step=None,
                total_steps=None,
                eta_seconds=None,
                message=message,
                checklist=[],
            )
        )

    def _result(self, environment: Environment, seconds: float) -> ScriptResult:
        packages = environment.packages()
        return ScriptResult(
            seconds=seconds,
            environment={
                "python": platform.python_version(),
                "torch": packages.get("torch", ""),
                "platform": f"{platform.system()} {platform.machine()}",
                "device": f"{len(self._seat.gpus)} GPUs a node" if self._seat.gpus else "cpu",
                "workers": str(self._seat.world),
                "nodes": str(self._seat.groups),
                "attempt": str(self._spec.attempt),
                "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
            },
        )
