"""What scripts do that they should not: nothing of it reaches the node, its neighbours or the log."""

from __future__ import annotations

import dataclasses
import os
import re
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gpu_worker.door import StaleAttempt
from gpu_worker.jobs import Stopped
from gpu_worker.jobs.folder_door import FolderDoor
from gpu_worker.script import ScriptFailed
from gpu_worker.script.folders import plan_for
from gpu_worker.script.launch import Walled
from gpu_worker.script.output import Limits
from script.stage import TOKEN, Stage, processes, stop_when
from specs import stored_dataset

HERE = Path(__file__).parent


def permitted() -> bool:
    """Whether this machine lets walls be raised, by another program than ours; what happens where it does not
    has its own test.
    """
    try:
        return (
            subprocess.run(["unshare", "-Urpfm", "--mount-proc", "true"], capture_output=True).returncode == 0
        )
    except FileNotFoundError:
        return False


needs_walls = pytest.mark.skipif(not permitted(), reason="the machine permits no namespaces")

SEARCH = """
import os
marks = [b"secret-of-the-console", b"secret-of-ray", b"secret-of-a-neighbour"]
own = "".join(f"{name}={value}" for name, value in os.environ.items())
print("own token:", os.environ["MLFLOW_TRACKING_TOKEN"])
places = [("environment", own.encode())]
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline"):
        try:
            places.append((f"/proc/{pid}/{name}", open(f"/proc/{pid}/{name}", "rb").read()))
        except OSError:
            pass
for top in (%r, "/tmp", "/run", "/root", "/home", "/dev/shm"):
    for folder, folders, names in os.walk(top):
        folders[:] = set(folders) - {"lib", "include", "share"}
        for name in names:
            path = os.path.join(folder, name)
            try:
                if os.path.getsize(path) < 1 << 20 and not path.endswith("train.py"):
                    places.append((path, open(path, "rb").read()))
            except OSError:
                pass
print("looked at", len(places), "places")
for place, found in places:
    for mark in marks:
        if mark in found:
            print("FOUND", mark, "in", place)
"""


@needs_walls
def test_it_finds_its_own_token_and_nobody_elses(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    (stage.home / "secrets" / "console").write_text("secret-of-the-console")
    (stage.home / "cache" / "blobs").mkdir(parents=True)
    (stage.home / "cache" / "blobs" / ("0" * 64)).write_text("secret-of-a-neighbour")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret-of-ray")
    neighbour = subprocess.Popen(
        [sys.executable, "-c", "input()", "secret-of-a-neighbour"],
        env={"NEIGHBOUR": "secret-of-a-neighbour"},
        stdin=subprocess.PIPE,
    )
    try:
        stage.run(SEARCH % str(stage.home))
    finally:
        neighbour.communicate(b"\n")
    log = stage.log()
    assert f"own token: {TOKEN}" in log
    assert int(re.findall(r"looked at (\d+) places", log)[0]) >= 3
    assert "FOUND" not in log, log


@needs_walls
def test_lathes_folders_look_empty_wherever_they_are(stage: Stage) -> None:
    """(In other tests they lie in the temporary folder, which a script has its own of.)"""
    (stage.home / "secrets" / "console").write_text("secret-of-the-console")
    own = stage.home / "cache" / "scratch" / "own"
    own.mkdir(parents=True)
    source = "import os; print([names for _, *names in os.walk(os.environ['LOOK'])])"
    env = {"LOOK": str(stage.home)}
    plan = plan_for([sys.executable, "-c", source], env, own, own, [own], remove=[str(own)])
    printed = bytearray()
    walled = Walled(dataclasses.replace(plan, temporary=[]))
    walled.run(lambda walls: None, printed.extend, lambda: None, threading.Event())
    own.rmdir()
    names = [["cache"], []], [["scratch"], []], [["own"], []], [[], []]
    assert printed.decode().strip() == str(list(names))


@needs_walls
def test_it_writes_into_its_own_folder_only(stage: Stage, tmp_path: Path) -> None:
    dataset = stored_dataset(stage.door, (3,), 2)
    blob = stage.door.blob(dataset.files[0].sha256)
    before = blob.read_bytes()
    source = f"""
import os
places = {{"here": "here", "tmp": "/tmp/new", "home": os.path.expanduser("~/new"), "shm": "/dev/shm/new"}}
places |= {{"code": {str(HERE / "new")!r}, "etc": "/etc/new", "kernel": "/proc/sys/kernel/core_pattern"}}
places |= {{"node": {str(tmp_path / "new")!r}, "lathe": {str(stage.home / "new")!r}}}
places |= {{"data": os.environ["LATHE_DATA"] + "/new", "sample": os.environ["LATHE_DATA"] + "/samples.npz"}}
for name, path in places.items():
    try:
        os.path.exists(path) and os.chmod(path, 0o666)
        with open(path, "w") as file:
            file.write("x")
        print(name, "written")
    except OSError as error:
        print(name, "refused:", error.strerror)
print(len(open(os.environ["LATHE_DATA"] + "/samples.npz", "rb").read()), "bytes of samples")
"""
    stage.run(source, dataset=dataset.model_dump(by_alias=True))
    log = stage.log()
    for name in ("here", "tmp", "home", "shm"):
        assert f"{name} written" in log
    for name in ("code", "etc", "kernel", "data", "sample"):
        assert f"{name} refused: Read-only file system" in log
    # These lie in folders that the script sees as its own temporary ones, or as empty.
    assert not (tmp_path / "new").exists()
    assert not (stage.home / "new").exists()
    assert blob.read_bytes() == before
    assert f"{len(before)} bytes of samples" in log


def test_processes_that_it_leaves_end_with_it(stage: Stage) -> None:
    mark = f"3600.{os.getpid()}"
    source = f"""
import os, subprocess
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{mark}"])
    os._exit(0)
subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
print("left two")
"""
    assert stage.run(source) is not None
    assert "left two" in stage.log()
    assert processes(mark) == []


def test_it_ignores_the_signal_and_hangs_on_exit_and_is_gone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpu_worker.script.run.GRACE_SECONDS", 0.2)
    source = """
import atexit, signal, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
atexit.register(lambda: (print("hangs", flush=True), threading.Event().wait()))
"""
    stop = stop_when(stage, lambda: "hangs" in stage.log())
    with pytest.raises(Stopped):
        stage.run(source, stop=stop)
    assert "rank 0 was asked to stop and ended with signal SIGKILL" in stage.log()


def test_it_may_tidy_up_when_it_is_stopped(stage: Stage) -> None:
    source = """
import signal, sys, threading
def tidy(*_):
    print("tidied", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, tidy)
print("ready", flush=True)
threading.Event().wait()
"""
    with pytest.raises(Stopped):
        stage.run(source, stop=stop_when(stage, lambda: "ready" in stage.log()))
    assert "tidied" in stage.log()
    assert "ended with exit code 0" in stage.log()


def test_a_gigabyte_of_output_is_cut_and_slows_nobody(stage: Stage) -> None:
    source = """
import os
print("the beginning", flush=True)
line = b"y" * 127 + b"\\n"
block = line * 8192
for _ in range(1024):
    os.write(1, block)
print("the end", flush=True)
"""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = stage.run(source)
    assert result is not None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 << 10, "kilobytes"
    log = stage.log()
    assert log.index("the beginning") < log.index("bytes of output dropped") < log.index("the end")
    dropped = sum(int(count) for count in re.findall(r"\[(\d+) bytes of output dropped", log))
    kept = log.count("y") + log.count("y\n")
    assert abs(dropped + kept - (1 << 30)) < 256, "but for lines that were cut; test_output.py counts exactly"
    limits = Limits()
    assert len(log) < limits.burst + (result.seconds + 1) * limits.a_second + 2 * limits.newest


def test_it_prints_binary(stage: Stage) -> None:
    stage.run("import os; os.write(1, bytes(range(256)) * 3 + b'\\nafter\\n')")
    log = stage.log()
    assert "after\n" in log
    assert "\0" not in log
    assert "\ufffd" in log


def test_it_ends_at_once_and_that_is_a_result(stage: Stage) -> None:
    result = stage.run("")
    assert result is not None
    assert result.seconds < 60
    assert result.environment["workers"] == "1"
    assert "rank 0 ended with exit code 0" in stage.log()


def test_it_imports_what_is_not_there(stage: Stage) -> None:
    with pytest.raises(ScriptFailed, match="ModuleNotFoundError: No module named 'not_here'") as failed:
        stage.run("import not_here")
    assert (failed.value.kind, failed.value.exit_code) == ("worker_error", 1)
    assert "Traceback" in stage.log()


def test_an_end_by_a_signal_is_said_by_its_name(stage: Stage) -> None:
    with pytest.raises(ScriptFailed, match=r"Rank 0 ended with signal SIGABRT\.") as failed:
        stage.run("import os; os.abort()")
    assert failed.value.exit_code is None


def test_memory_that_runs_out_is_said_as_such(stage: Stage) -> None:
    with pytest.raises(ScriptFailed, match=r"Rank 0 ran out of memory: .*DefaultCPUAllocator") as failed:
        stage.run("import torch; torch.empty(1 << 50)")
    assert failed.value.kind == "out_of_memory"


def test_a_script_whose_attempt_is_over_is_ended(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpu_worker.script.run.PULSE_SECONDS", 0.0)

    class Over(FolderDoor):
        def progress(self, progress: object) -> None:
            if "started" in stage.log():
                raise StaleAttempt(409, "stale_attempt", "over")

    with pytest.raises(StaleAttempt):
        stage.run(
            "import threading; print('started', flush=True); threading.Event().wait()",
            door=Over(stage.door.folder),
        )


def test_what_the_launch_sets_is_not_the_authors_to_set(stage: Stage) -> None:
    source = "import os; print(os.environ['RANK'], os.environ['MLFLOW_TRACKING_URI'], os.environ['MINE'])"
    stage.run(source, env={"RANK": "7", "MLFLOW_TRACKING_URI": "http://elsewhere", "MINE": "kept"})
    log = stage.log()
    assert "0 http://127.0.0.1:9 kept" in log
    assert "MLFLOW_TRACKING_URI is set by the launch itself" in log
    assert "RANK is set by the launch itself" in log


def test_without_namespaces_it_still_leaves_nobody_and_the_log_says_what_is_missing(tmp_path: Path) -> None:
    """A user namespace whose limits forbid further ones stands for a machine that permits none."""
    mark = f"3601.{os.getpid()}"
    forbid = "for n in user pid mnt; do echo 0 > /proc/sys/user/max_${n}_namespaces; done"
    found = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "sh", "-c", f'{forbid}; exec "$@"', "sh"),
            *(sys.executable, str(HERE / "without_namespaces.py"), str(tmp_path), mark),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LATHE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    log = (tmp_path / "door" / "rank-0.log").read_text()
    assert "does not permit all walls" in log.splitlines()[0]
    assert "sees other processes of this user" in log.splitlines()[0]
    assert "left one" in log
    assert "rank 0 ended with exit code 5" in log
    assert processes(mark) == []
