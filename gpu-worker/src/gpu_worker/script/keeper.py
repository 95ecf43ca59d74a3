"""The process between a worker and a script: `python -S -m gpu_worker.script.keeper CONTROL STATUS`.

It leaves the worker's family, so that it outlives a worker that is killed, reads a plan from CONTROL, starts
the script behind walls, and leaves nothing behind: when the script ends, when it is told to stop (a byte on
CONTROL: SIGTERM, and SIGKILL after the grace; 's': SIGABRT, at which Python writes its stacks), and when the
worker is gone (the end of CONTROL). STATUS gets one JSON object a line. Standard library only.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import asdict
from typing import Any, NoReturn

from gpu_worker.script.walls import (
    PR_SET_DUMPABLE,
    Plan,
    Walls,
    die_with_parent,
    furnish,
    give_up_privileges,
    libc,
    separate,
)

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Reads the descriptors from the arguments."""
    control, status = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(control, False)
    os.set_inheritable(status, False)
    if os.fork() != 0:
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        plan = Plan(**json.loads(_read_line(control)))
        _tell(status, keeper=os.getpid())
        _keep(plan, control, status)
    except BaseException:
        _tell(status, error=traceback.format_exc())
    os._exit(0)


def _read_line(control: int) -> bytes:
    """The plan; what is told later comes a byte at a time, after it."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(control, 65536)
        if not piece:
            os._exit(0)  # the worker is gone already
        line += piece
    return line


def _keep(plan: Plan, control: int, status: int) -> None:
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(control)
        _guarded(status, lambda: _start(plan, status, keeper))
    # The output ends when the script's does.
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    abandoned = _wait(child, control, plan.grace_s)
    _tell(status, child=_ended(os.waitpid(child, 0)[1]))
    _end_descendants()
    if abandoned:
        for path in plan.remove:
            remove(path)


def _wait(child: int, control: int, grace_s: float) -> bool:
    """Waits for the end of the child, and brings it about when told to; True when the worker is gone."""
    poll = select.poll()
    ended = os.pidfd_open(child)
    poll.register(ended, select.POLLIN)
    poll.register(control, select.POLLIN)
    deadline, abandoned = None, False
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = {descriptor for descriptor, _ in poll.poll(left)}
        if ended in ready:
            return abandoned
        if control in ready:
            asked = os.read(control, 1)
            if asked == b"s":
                _signal_group(child, signal.SIGABRT)
            elif asked:
                deadline = deadline or time.monotonic() + grace_s
                _signal_group(child, signal.SIGTERM)
            else:
                poll.unregister(control)
                abandoned = True
                _signal_group(child, signal.SIGKILL)
        elif deadline is not None and time.monotonic() >= deadline:
            _signal_group(child, signal.SIGKILL)
            deadline = None


def _signal_group(child: int, number: int) -> None:
    """Once only: a script that tidies up and ends would be killed by a second signal."""
    try:
        os.killpg(child, number)
    except ProcessLookupError:
        # It does not lead its group yet, or it is gone.
        with suppress(ProcessLookupError):
            os.kill(child, number)


def _end_descendants() -> None:
    """Kills whatever the script left; orphans are this process's children. Where the script had processes of
    its own, they ended with the first of them.
    """
    while True:
        for pid in _children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(name))
    return found


# --- the child: raises the walls, and becomes the script or the first process of its namespace --------------


def _start(plan: Plan, status: int, keeper: int) -> None:
    os.setsid()
    walls = Walls()
    apart = separate(walls)
    die_with_parent(signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(1)
    if not apart:
        _tell(status, walls=asdict(walls))
        give_up_privileges()
        _become(plan)
    for number in (signal.SIGTERM, signal.SIGABRT):
        signal.signal(number, signal.SIG_IGN)
    first = os.fork()
    if first == 0:
        _guarded(status, lambda: _be_first(plan, status, walls))
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _be_first(plan: Plan, status: int, walls: Walls) -> None:
    """Process 1 of the namespace: when it ends, the kernel ends all others."""
    die_with_parent(signal.SIGKILL)
    furnish(plan, walls)
    give_up_privileges()
    _tell(status, walls=asdict(walls))
    script = os.fork()
    if script == 0:
        os.setsid()
        _guarded(status, lambda: _become(plan))
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    for descriptor in (0, 1, 2):
        os.close(descriptor)

    for number in (signal.SIGTERM, signal.SIGABRT):
        signal.signal(number, lambda number, frame: _signal_group(script, number))
    while True:
        pid, how = os.waitpid(-1, 0)
        if pid == script:
            _tell(status, ended=_ended(how))
            os._exit(0)


def _become(plan: Plan) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGABRT, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if plan.memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (plan.memory_bytes, plan.memory_bytes))
    os.chdir(plan.cwd)
    os.execve(plan.command[0], plan.command, plan.env)


def _guarded(status: int, work: Any) -> NoReturn:
    """A fork must never return into its parent's code."""
    try:
        work()
    except BaseException:
        _tell(status, error=traceback.format_exc())
    os._exit(1)


def _ended(how: int) -> dict[str, int]:
    code = os.waitstatus_to_exitcode(how)
    return {"exit": code} if code >= 0 else {"signal": -code}


def _tell(status: int, **message: Any) -> None:
    with suppress(OSError):  # nobody is left to be told
        os.write(status, json.dumps(message).encode() + b"\n")


def remove(path: str) -> None:
    """Deletes a folder, or a file, whatever its owner did to the permissions in it."""
    if not os.path.isdir(path) or os.path.islink(path):
        with suppress(FileNotFoundError):
            os.unlink(path)
        return
    for folder, folders, _ in os.walk(path):
        for name in (*folders, ""):
            inner = os.path.join(folder, name)
            if not os.path.islink(inner):
                with suppress(OSError):
                    os.chmod(inner, 0o700)
    shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
