"""The walls around a child that opens hostile files (Linux), raised before any thread exists."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import struct

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 38, 22
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000

# linux/audit.h and the system call tables of each machine: socket, connect, execve, execveat, ptrace.
FORBIDDEN = {
    "x86_64": (0xC000003E, (41, 42, 59, 322, 101)),
    "aarch64": (0xC00000B7, (198, 203, 221, 281, 117)),
}


def isolate(cpu_s: int) -> str:
    """Cuts this process off: no network, no new programs, nothing written to files, dies with its parent.

    Returns, in words, which walls hold: what the machine does not permit is said, not hidden.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # At the soft limit SIGXCPU ends the process and says why; at the hard one it would be a plain SIGKILL.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    walls = []
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWNET) == 0:
        walls.append("no network (own network namespace)")
    if _forbid_calls(libc):
        walls.append("no sockets or programs (seccomp)")
    if not walls:
        reason = os.strerror(ctypes.get_errno() or errno.EPERM)
        walls.append(f"network not cut off ({reason})")
    return ", ".join([*walls, "nothing written to files", f"at most {cpu_s} s of processor time"])


def limit_memory(extra_bytes: int) -> None:
    """Lets this process map at most `extra_bytes` beyond what its libraries already do."""
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + extra_bytes, mapped + extra_bytes))


def _forbid_calls(libc: ctypes.CDLL) -> bool:
    """Answers EPERM to the forbidden calls (seccomp); False where that is not permitted or known."""
    if platform.machine() not in FORBIDDEN:
        return False
    architecture, calls = FORBIDDEN[platform.machine()]
    load, equal, answer = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
    program = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, SECCOMP_RET_ERRNO | errno.EPERM)]
    program.append((load, 0, 0, 0))
    for index, call in enumerate(calls):
        program.append((equal, len(calls) - index, 0, call))
    program.append((answer, 0, 0, SECCOMP_RET_ALLOW))
    program.append((answer, 0, 0, SECCOMP_RET_ERRNO | errno.EPERM))
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    return libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(header), 0, 0) == 0
