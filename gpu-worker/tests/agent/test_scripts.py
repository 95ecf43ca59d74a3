"""Script runs on a real Ray cluster: two ranks meet, one fails, all are stopped, and nothing stays behind."""

from __future__ import annotations

import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.fake_console import FakeAttempt, FakeConsole
from agent.lab import Lab
from gpu_worker.agent.local import marked_processes
from gpu_worker.agent.settings import Settings

POOL = {"name": "cpu", "min": 2, "max": 3, "idleSeconds": 60, "resources": {"CPU": 1}}
HEALTHY = 300
EXAMPLES = Path(__file__).parents[3] / "examples" / "scripts"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with tempfile.TemporaryDirectory(prefix="lathe-scripts-") as folder:
        lab = Lab(Path(folder))
        try:
            lab.console.desire(pools=[POOL])
            yield lab
        finally:
            instance = Settings(lab.home.resolve(), "", lab.ray_port).instance
            lab.close()
            assert list(marked_processes(instance)) == [], "the cluster left processes behind"


def packed(files: dict[str, str]) -> bytes:
    """A zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def script(console: FakeConsole, files: str | dict[str, str], **more: Any) -> dict[str, Any]:
    """A spec of an archive; a text stands for its only file."""
    content = packed(files if isinstance(files, dict) else {"train.py": files})
    spec = {"kind": "script", "code": console.put(content), "filename": "code.zip"}
    return {**spec, "entry": "train.py", **more}


def log_of(attempt: FakeAttempt, rank: int) -> str:
    chunks = [chunk for body in attempt.bodies("logs") for chunk in body["chunks"] if chunk["rank"] == rank]
    return "".join(chunk["text"] for chunk in sorted(chunks, key=lambda chunk: chunk["offset"]))


def ended(console: FakeConsole, attempt: FakeAttempt) -> dict[str, Any]:
    def job() -> dict[str, Any] | None:
        found = console.job(attempt.job_id)
        return found if found and found["state"] in ("succeeded", "failed", "stopped") else None

    return console.until(job, HEALTHY, f"the end of {attempt.job_id}")


def told(attempt: FakeAttempt, call: str, of_batch: str) -> list[dict[str, Any]]:
    """What an MLflow client logged, singly or in batches."""
    batches = [entry for body in attempt.bodies("mlflow/runs/log-batch") for entry in body.get(of_batch, [])]
    return [*batches, *attempt.bodies(f"mlflow/runs/{call}")]


def left_behind(lab: Lab) -> list[str]:
    """Folders of ranks, and processes that work in one."""
    scratch = lab.home.resolve() / "cache" / "scratch"
    found = [str(path) for path in scratch.iterdir()] if scratch.exists() else []
    for process in psutil.process_iter():
        try:
            if str(scratch) in f"{process.cwd()} {process.cmdline()}":
                found.append(str(process))
        except psutil.Error:
            continue
    return found


def set_apart(lab: Lab) -> float:
    """CPUs that are held for attempts or that some still ask for, whether theirs have ended or not."""
    cluster = lab.console.observed["cluster"]
    held = sum(node["cpusUsed"] for node in cluster["nodes"])
    return held + len(cluster["demands"])


def clean(lab: Lab) -> None:
    lab.console.until(lambda: not left_behind(lab), HEALTHY, "a clean node")
    lab.console.until(lambda: set_apart(lab) == 0, HEALTHY, "a cluster with nothing set apart")


def test_a_plain_ddp_script_meets_its_peers_and_finishes(lab: Lab) -> None:
    console = lab.console
    source = (EXAMPLES / "ddp.py").read_text()
    attempt = console.launch("ddp", script(console, source, args=["--steps", "30"]), workers=2)
    job = ended(console, attempt)
    logs = [log_of(attempt, rank) for rank in (0, 1)]
    assert (job["state"], job["exitCode"]) == ("succeeded", 0), (attempt.cause, logs)
    for rank, log in enumerate(logs):
        assert f"rank {rank} of 2: step 30/30" in log
        assert f"rank {rank} ended with exit code 0" in log
    assert attempt.result is not None
    assert attempt.result["environment"]["workers"] == "2"
    assert attempt.result["environment"]["torch"].startswith("2.")
    params = {body["key"]: body["value"] for body in told(attempt, "log-parameter", "params")}
    assert params == {"steps": "30", "batch": "64", "lr": "0.05", "world": "2"}
    losses = told(attempt, "log-metric", "metrics")
    assert [(body["key"], body["step"]) for body in losses] == [("train/loss", step) for step in (10, 20, 30)]
    phases = [body["progress"]["phase"] for body in attempt.bodies("progress")]
    assert phases[-1] == "running"
    clean(lab)


@pytest.mark.parametrize(
    ("name", "args", "metric"),
    [
        ("lightning", ["--epochs", "1"], "train/loss"),
        ("transformers", ["--steps", "20"], "loss"),
    ],
)
def test_the_trainers_of_others_find_their_peers_and_report(
    lab: Lab, name: str, args: list[str], metric: str
) -> None:
    console = lab.console
    entry, requirements = f"{name}_trainer.py", f"{name}_requirements.txt"
    files = {file: (EXAMPLES / file).read_text() for file in (entry, requirements)}
    spec = script(console, files, entry=entry, requirements=requirements, args=args)
    attempt = console.launch(name, spec, workers=2)
    job = ended(console, attempt)
    logs = [log_of(attempt, rank) for rank in (0, 1)]
    assert job["state"] == "succeeded", (attempt.cause, logs)
    for rank, log in enumerate(logs):
        assert f"rank {rank} of 2: " in log
    assert told(attempt, "log-parameter", "params")
    steps = [body["step"] for body in told(attempt, "log-metric", "metrics") if body["key"] == metric]
    assert len(steps) >= 2
    assert steps == sorted(set(steps))
    clean(lab)


def test_a_rank_that_fails_ends_the_others_and_is_the_cause(lab: Lab) -> None:
    source = """
import os, sys, time
print("rank", os.environ["RANK"], "is here", flush=True)
if os.environ["RANK"] == "1":
    sys.exit(3)
time.sleep(3600)
"""
    console = lab.console
    attempt = console.launch("fails", script(console, source), workers=2)
    assert ended(console, attempt)["state"] == "failed"
    cause = attempt.cause
    assert cause is not None
    assert (cause["kind"], cause["rank"], cause["exitCode"]) == ("worker_error", 1, 3)
    assert cause["message"] == "Rank 1 ended with exit code 3."
    assert "rank 1 is here" in cause["evidence"]
    assert "rank 1 ended with exit code 3" in log_of(attempt, 1)
    assert "rank 0 was asked to stop and ended with signal SIGTERM" in log_of(attempt, 0)
    clean(lab)


def test_what_can_not_be_unpacked_or_installed_is_the_cause(lab: Lab) -> None:
    console = lab.console
    nothing = {"kind": "script", "code": console.put(b"no archive"), "filename": "a.rar", "entry": "train.py"}
    attempt = console.launch("rar", nothing)
    assert ended(console, attempt)["state"] == "failed"
    assert attempt.cause is not None
    assert attempt.cause["kind"] == "worker_error"
    assert attempt.cause["message"].startswith("a.rar: The file is neither a zip nor a tar archive.")
    files = {"train.py": "", "needs.txt": "--no-index\nlathe-no-such-package\n"}
    attempt = console.launch("missing", script(console, files, requirements="needs.txt"))
    assert ended(console, attempt)["state"] == "failed"
    assert attempt.cause is not None
    assert "No matching distribution found for lathe-no-such-package" in attempt.cause["message"]
    clean(lab)


def test_a_stopped_script_is_gone_though_it_ignores_the_signal(lab: Lab) -> None:
    source = """
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "3600"], start_new_session=True)
print("settled", flush=True)
time.sleep(3600)
"""
    console = lab.console
    attempt = console.launch("stays", script(console, source), workers=2)
    console.until(lambda: all("settled" in log_of(attempt, rank) for rank in (0, 1)), HEALTHY, "settled")
    assert left_behind(lab)
    console.desire(attempts=[])
    console.until(lambda: console.job(attempt.job_id) is None, HEALTHY, "the end of the run")
    clean(lab)


def test_a_worker_that_is_killed_takes_its_script_along_and_the_run_begins_again(lab: Lab) -> None:
    source = """
import os, time
print("restart", os.environ["TORCHELASTIC_RESTART_COUNT"], flush=True)
if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
    time.sleep(3600)
"""
    console = lab.console
    attempt = console.launch("killed", script(console, source), workers=2)
    console.until(lambda: all("restart 0" in log_of(attempt, rank) for rank in (0, 1)), HEALTHY, "both")
    os.kill(attempt.bodies("state")[0]["workers"][1]["pid"], 9)
    following = console.until(lambda: console.attempts.get("token-killed-2"), HEALTHY, "the next attempt")
    assert attempt.cause is not None
    assert (attempt.cause["kind"], attempt.cause["rank"]) == ("worker_died", 1)
    assert ended(console, attempt)["state"] == "succeeded"
    assert all("restart 1" in log_of(following, rank) for rank in (0, 1))
    clean(lab)


def test_a_rank_that_hangs_on_exit_is_named_with_its_stack_and_nothing_of_it_stays(lab: Lab) -> None:
    source = """
import atexit, os, subprocess, threading
def never_returns():
    threading.Event().wait()
if os.environ["RANK"] == "1":
    subprocess.Popen(["sleep", "3600"], start_new_session=True)
    atexit.register(never_returns)
print("rank", os.environ["RANK"], "has done its work", flush=True)
"""
    console = lab.console
    attempt = console.launch("hangs", script(console, source, stallSeconds=12), workers=2, max_attempts=1)
    assert ended(console, attempt)["state"] == "failed"
    cause = attempt.cause
    assert cause is not None
    assert (cause["kind"], cause["rank"]) == ("stalled", 1), cause
    assert re.search(r"no rank has written a line or computed for 1\d s", cause["message"]), cause
    assert "Rank 0 had ended with exit code 0 before. Its stack is in its log." in cause["message"]
    assert "in never_returns" in cause["evidence"]
    assert "in never_returns" in log_of(attempt, 1)
    assert "rank 0 ended with exit code 0" in log_of(attempt, 0)
    clean(lab)


def test_a_script_that_is_silent_but_computes_has_not_stalled(lab: Lab) -> None:
    source = """
import time
until = time.monotonic() + 20
while time.monotonic() < until:
    pass
"""
    console = lab.console
    attempt = console.launch("computes", script(console, source, stallSeconds=12))
    assert ended(console, attempt)["state"] == "succeeded", attempt.cause
    used = [p["value"] for body in attempt.bodies("metrics") for p in body["points"]]
    assert max(used) > 0
    clean(lab)
