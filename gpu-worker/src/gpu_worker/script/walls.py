"""The walls around a script (Linux namespaces), raised in a process with one thread. Standard library only.

Own user, process and mount namespaces, as bubblewrap and rootless containers use them (man 7 user_namespaces,
man 2 mount_setattr): the script sees its own processes only, the worker's folders are hidden under empty
ones, and the rest of the file system is read-only. The network is as it was: ranks speak to each other.
"""

from __future__ import annotations

import ctypes
import os
import resource
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2
CAPABILITY_VERSION_3 = 0x20080522
MOST_PROCESSES = 8192

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Plan:
    """What is to run, and what it may see. Paths are absolute and resolved.

    hidden: folders that look empty; readable: what stays to be seen in them; writable: the only folders that
    can be changed, but for `read_only` ones in them; tmp: in a writable one, stands for each of `temporary`.
    own_memory: shared memory of its own, freed with it. remove: what the keeper deletes when the worker that
    asked for it is gone.
    """

    command: list[str]
    env: dict[str, str]
    cwd: str
    writable: list[str]
    tmp: str
    readable: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)
    read_only: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    own_memory: bool = True
    memory_bytes: int | None = None
    grace_s: float = 1.0


@dataclass
class Walls:
    """Which walls hold, in words; what the machine does not permit is said, not hidden."""

    holding: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def raise_one(self, name: str, otherwise: str, build: Callable[[], None]) -> bool:
        """Builds one wall and notes how that went; `otherwise`: what the script can do without it."""
        try:
            build()
        except OSError as error:
            self.missing.append(f"{otherwise} ({error.strerror})")
            return False
        self.holding.append(name)
        return True


def separate(walls: Walls) -> bool:
    """Puts what this process forks next into namespaces of its own; False where the machine forbids it."""
    uid, gid = os.getuid(), os.getgid()
    # Root may do it without a user namespace, where those are forbidden.
    for user in (CLONE_NEWUSER, 0):
        if libc.unshare(user | CLONE_NEWPID | CLONE_NEWNS) != 0:
            continue
        if user:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{uid} {uid} 1")
            _write("/proc/self/gid_map", f"{gid} {gid} 1")
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NPROC, (MOST_PROCESSES, MOST_PROCESSES))
        return True
    reason = os.strerror(ctypes.get_errno())
    walls.missing.append(
        "it sees other processes of this user, and the folders of Lathe, and can write wherever this user can"
        f" (namespaces: {reason})"
    )
    return False


def furnish(plan: Plan, walls: Walls) -> None:
    """Gives the first process of the new namespaces its own view of /proc and of the file system."""
    own: list[str] = []
    if not walls.raise_one(
        "a file system of its own", "it sees the folders of Lathe", lambda: own.extend(_hide(plan))
    ):
        return
    walls.raise_one(
        "processes of its own",
        "it sees the names of other processes",
        lambda: mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC),
    )
    walls.raise_one(
        "nothing else writable", "it can write wherever this user can", lambda: _make_read_only(own)
    )


def give_up_privileges() -> None:
    """No capability in any namespace, now or after an exec: what was mounted can't be unmounted."""
    capability = 0
    while libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    header = struct.pack("@Ii", CAPABILITY_VERSION_3, 0)
    libc.capset(header, bytes(24))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_with_parent(signal_number: int) -> None:
    """This process gets a signal when the one that forked it ends."""
    libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2). Raises OSError."""
    _check(
        libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            options.encode() if options else None,
        ),
        target,
    )


def _hide(plan: Plan) -> list[str]:
    """Goes down the tree: an empty folder over each hidden one, and into it what stays to be seen. Answers
    the mounts that are the script's to write to.
    """
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    marks: dict[str, str] = {}
    for kind in ("hidden", "temporary", "readable", "writable"):
        paths: list[str] = getattr(plan, kind)
        marks |= {path: kind for path in paths if os.path.lexists(path) and path != "/"}
    # What is covered is still reached through a descriptor.
    kept = {
        path: os.open(path, os.O_PATH | os.O_CLOEXEC)
        for path, kind in marks.items()
        if kind in ("readable", "writable")
    }
    tmp = os.open(plan.tmp, os.O_PATH | os.O_CLOEXEC)
    over: dict[str, str] = {}
    for path in sorted(marks, key=lambda path: (path.count("/"), path)):
        kind = marks[path]
        covered = over.get(_nearest(path, over), "") in ("hidden", "temporary")
        if kind in ("hidden", "temporary"):
            if covered:
                continue
            if kind == "hidden":
                mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
            else:
                _bind(tmp, path)
        elif covered or kind == "writable":
            if covered:
                _make_place(path, kept[path])
            _bind(kept[path], path)
        over[path] = kind
    for path in plan.read_only:
        _bind_path(path)
    if plan.own_memory and os.path.isdir("/dev/shm"):
        mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
        over["/dev/shm"] = "writable"
    for descriptor in (tmp, *kept.values()):
        os.close(descriptor)
    return [path for path, kind in over.items() if kind in ("temporary", "writable")]


def _nearest(path: str, over: dict[str, str]) -> str:
    """The innermost folder above `path` that was dealt with; '' when there is none."""
    return max((above for above in over if path.startswith(above + "/")), key=len, default="")


def _make_place(path: str, descriptor: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.makedirs(path, exist_ok=True)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600))


def _bind(descriptor: int, target: str) -> None:
    mount(f"/proc/self/fd/{descriptor}", target, None, MS_BIND | MS_REC)


def _bind_path(path: str) -> None:
    mount(path, path, None, MS_BIND | MS_REC)


def _make_read_only(own: list[str]) -> None:
    _set_attributes("/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, AT_RECURSIVE)
    for path in own:
        _set_attributes(path, 0, MOUNT_ATTR_RDONLY, 0)


def _set_attributes(path: str, add: int, clear: int, flags: int) -> None:
    attributes = struct.pack("@QQQQ", add, clear, 0, 0)
    _check(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, attributes, len(attributes)), path)


def _check(result: int, path: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{path}: {os.strerror(code)}")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
