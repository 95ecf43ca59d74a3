"""Requirements: installed over what a worker has, once a node; pip's own words when that fails."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpu_worker.jobs import Stopped
from gpu_worker.script import Seat, requirements
from gpu_worker.script.requirements import digest, is_unreachable, make_room, open_environment, why
from script.stage import Stage, wheel
from specs import free_port

LOCAL = "--no-index\n--find-links wheels\n"
WHEELS = {
    "wheels/lathealpha-1.0-py3-none-any.whl": wheel("lathealpha", "1.0", "lathebeta==1.0"),
    "wheels/lathebeta-1.0-py3-none-any.whl": wheel("lathebeta", "1.0"),
    "wheels/lathebeta-2.0-py3-none-any.whl": wheel("lathebeta", "2.0"),
    "wheels/six-99.0-py3-none-any.whl": wheel("six", "99.0"),
}


def files(wanted: str, source: str = "") -> dict[str, str | bytes]:
    return {"train.py": source, "requirements.txt": LOCAL + wanted, **WHEELS}


def test_they_are_installed_over_what_the_worker_has(stage: Stage) -> None:
    source = """
import lathealpha, lathebeta, six, torch
print(lathealpha.VERSION, lathebeta.VERSION, six.VERSION, "with torch", torch.__version__)
"""
    result = stage.run(files("lathealpha\nsix==99.0\ntorch\n", source), requirements="requirements.txt")
    assert "1.0 1.0 99.0 with torch 2." in stage.log()
    assert "Installing requirements.txt" in stage.log()
    assert "installing" in {progress["phase"] for progress in stage.door.read("progress")}
    assert result is not None
    assert "six 99.0" in result.environment["packages"]
    (folder,) = [path.parent for path in (stage.home / "cache" / "environments").glob("*/complete.json")]
    assert not list(folder.glob("lib/python*/site-packages/torch")), "torch is the worker's own"
    import six

    assert six.__version__ != "99.0", "the worker's own environment is as it was"


def test_the_ranks_of_a_node_install_once(stage: Stage) -> None:
    port, done = free_port(), []

    def rank(number: int) -> None:
        seat = Seat(number, 2, number, 2, 0, 1, "127.0.0.1", port)
        stage.run(files("lathebeta==1.0\n", "import lathebeta"), seat=seat, requirements="requirements.txt")
        done.append(number)

    ranks = [threading.Thread(target=rank, args=(number,)) for number in (0, 1)]
    for thread in ranks:
        thread.start()
    for thread in ranks:
        thread.join()
    assert sorted(done) == [0, 1]
    logs = [stage.log(0), stage.log(1)]
    assert sum("Successfully installed lathebeta-1.0" in log for log in logs) == 1
    stage.run(files("lathebeta==1.0\n", "import lathebeta"), requirements="requirements.txt")
    assert "".join([stage.log(0), stage.log(1)]).count("Successfully installed") == 1, "nor once more later"


def test_a_package_that_does_not_exist_is_named(stage: Stage) -> None:
    with pytest.raises(ValueError, match=r"No matching distribution found for lathe-no-such-package==1\.2"):
        stage.run(files("lathe-no-such-package==1.2\n"), requirements="requirements.txt")
    assert not list((stage.home / "cache" / "environments").glob("*/")), "nothing half-made stays"


def test_requirements_that_conflict_are_named(stage: Stage) -> None:
    with pytest.raises(ValueError, match="conflicting dependencies") as refused:
        stage.run(files("lathealpha==1.0\nlathebeta==2.0\n"), requirements="requirements.txt")
    assert "lathealpha 1.0 depends on lathebeta==1.0" in str(refused.value)
    assert "The user requested lathebeta==2.0" in str(refused.value)


def test_a_file_that_is_not_there_is_named_with_those_that_are(stage: Stage) -> None:
    with pytest.raises(ValueError, match=r"no requirements file 'other\.txt'\. There is requirements\.txt\."):
        stage.run(files(""), requirements="other.txt")
    with pytest.raises(ValueError, match=r"no entry point 'main\.py'\. There is train\.py\."):
        stage.run("", entry="main.py")


def test_environments_are_shared_by_what_made_them() -> None:
    plain, local = b"numpy>=2\nsix", b"numpy\n./wheels/own.whl\n"
    assert digest(plain, "code-1", "team") == digest(plain, "code-2", "team")
    assert digest(plain, "code-1", "team") != digest(plain, "code-1", "other team")
    assert digest(local, "code-1", "team") != digest(local, "code-2", "team")
    assert digest(None, "code-1", "team") == digest(None, "code-2", "other team")
    with pytest.raises(ValueError, match=r"Line 2 of the requirements, '-e \.'"):
        digest(b"six\n-e .\n", "code", "team")


def test_those_in_use_and_the_newest_stay(tmp_path: Path) -> None:
    ready = SimpleNamespace(event=threading.Event())
    opened = {
        name: open_environment(name, lambda folder: None, lambda: None, ready.event, tmp_path)
        for name in ("used", "old", "new")
    }
    opened["old"].close()
    opened["new"].close()
    make_room(tmp_path, limit_bytes=0)
    assert [path.parent.name for path in tmp_path.glob("*/complete.json")] == ["used"]
    opened["used"].close()
    make_room(tmp_path, unused_seconds=1e9)
    assert (tmp_path / "used").exists()
    make_room(tmp_path, unused_seconds=-1.0)
    assert list(tmp_path.iterdir()) == []


def test_one_that_failed_is_made_again_and_who_waits_can_be_stopped(tmp_path: Path) -> None:
    stop = threading.Event()

    def fail(folder: Path) -> None:
        raise ValueError("no such package")

    with pytest.raises(ValueError, match="no such package"):
        open_environment("one", fail, lambda: None, stop, tmp_path)
    assert not (tmp_path / "one").exists()

    def install(folder: Path) -> None:
        with pytest.raises(Stopped):
            open_environment("one", install, stop.set, stop, tmp_path)

    environment = open_environment("one", install, lambda: None, stop, tmp_path)
    assert environment.python.exists()
    environment.close()


def test_the_words_of_pip() -> None:
    told = ["Collecting a", "WARNING: Retrying after NewConnectionError('no route')", "ERROR: No match for a"]
    assert why(told) == "ERROR: No match for a"
    assert is_unreachable(told)
    assert not is_unreachable(told[2:])
    assert why([f"line {n}" for n in range(40)]).splitlines()[-1] == "line 39"
    assert len(why([f"line {n}" for n in range(40)]).splitlines()) == requirements.MOST_LINES
