"""Archives that nobody has looked at: what leaves the folder or goes beyond a limit is refused by name."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpu_worker.script.unpack import Refused, unpack
from script.stage import archive


def tar(mode: str, *members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as packed:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


def zip_link(name: str, target: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        info = zipfile.ZipInfo(name)
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, target)
    return buffer.getvalue()


def into(folder: Path, content: bytes, limit_bytes: int = 1 << 20, limit_files: int = 100) -> tuple[int, int]:
    (folder / "packed").write_bytes(content)
    (folder / "code").mkdir(exist_ok=True)
    return unpack(folder / "packed", folder / "code", limit_bytes, limit_files)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_tar_is_recognised_by_its_bytes(tmp_path: Path, mode: str) -> None:
    members = [
        (entry("./pkg", tarfile.DIRTYPE), b""),
        (entry("pkg/train.py", mode=0o4777), b"print()"),
        (entry("pkg/same.py", tarfile.LNKTYPE, "pkg/train.py"), b""),
        (entry("link.py", tarfile.SYMTYPE, "pkg/train.py"), b""),
    ]
    assert into(tmp_path, tar(mode, *members)) == (4, 14)
    code = tmp_path / "code"
    assert {(code / name).read_text() for name in ("pkg/train.py", "pkg/same.py", "link.py")} == {"print()"}
    assert stat.S_IMODE((code / "pkg/train.py").stat().st_mode) == 0o755, "no setuid, writable by its owner"


def test_a_zip_is(tmp_path: Path) -> None:
    assert into(tmp_path, archive({"pkg/": "", "pkg/train.py": "print()", "a.txt": "a"})) == (3, 8)
    assert (tmp_path / "code/pkg/train.py").read_text() == "print()"
    assert into(tmp_path, zip_link("link.py", "pkg/train.py")) == (1, 0)
    assert (tmp_path / "code/link.py").read_text() == "print()"


ESCAPES: dict[str, tuple[Callable[[], bytes], str]] = {
    "steps upwards": (lambda: archive({"a/../../evil": "x"}), r"'a/../../evil' leads out"),
    "an absolute path": (lambda: tar("w", (entry("/evil"), b"x")), r"'/evil' leads out"),
    "a backslash": (lambda: archive({"..\\evil": "x"}), "leads out"),
    "a link to elsewhere": (
        lambda: tar("w", (entry("out", tarfile.SYMTYPE, "/etc"), b"")),
        r"'out' is a link to '/etc', outside",
    ),
    "a link upwards in a zip": (lambda: zip_link("a/out", "../../evil"), r"'a/out' is a link"),
    "a link over a link": (
        lambda: tar("w", (entry("a", tarfile.SYMTYPE, "b/.."), b""), (entry("b", tarfile.SYMTYPE, "."), b"")),
        r"'a' is a link to 'b/\.\.', outside",
    ),
    "a link behind a link": (
        lambda: tar(
            "w", (entry("d", tarfile.SYMTYPE, "/tmp"), b""), (entry("d/evil", tarfile.SYMTYPE, "x"), b"")
        ),
        "'d/evil' lies behind a link",
    ),
    "a hard link to elsewhere": (
        lambda: tar("w", (entry("copy", tarfile.LNKTYPE, "../../etc/passwd"), b"")),
        r"'../../etc/passwd' leads out",
    ),
    "a hard link to what is not there": (
        lambda: tar("w", (entry("copy", tarfile.LNKTYPE, "later"), b"")),
        "'copy' is a hard link to 'later', which is not before it",
    ),
    "a device": (lambda: tar("w", (entry("null", tarfile.CHRTYPE), b"")), "'null' is a device"),
    "a pipe": (lambda: tar("w", (entry("pipe", tarfile.FIFOTYPE), b"")), "'pipe' is a device, a pipe"),
    "a file in a file": (lambda: archive({"a": "x", "a/b": "x"}), "'a/b' lies in what is a file"),
    "a file that is a folder": (lambda: archive({"a/b": "x", "a": "x"}), "'a' is a file here and a folder"),
}


@pytest.mark.parametrize("name", ESCAPES)
def test_what_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    content, words = ESCAPES[name]
    with pytest.raises(Refused, match=words):
        into(tmp_path, content())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code", "packed"]
    assert not Path("/tmp/evil").exists()


def test_bombs_are_refused(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(2 << 20))
    with pytest.raises(Refused, match=r"With 'zeros' the archive unpacks to more than 1 MB"):
        into(tmp_path, bomb.getvalue())
    with pytest.raises(Refused, match=r"With 'zeros' the archive unpacks to more than 1 MB"):
        into(tmp_path, tar("w:gz", (entry("zeros"), bytes(2 << 20))))
    with pytest.raises(Refused, match="more than 100 entries, '100' among them"):
        into(tmp_path, archive({str(n): "" for n in range(101)}))
    many = [(entry("one"), bytes(700_000)), (entry("two", tarfile.LNKTYPE, "one"), b"")]
    with pytest.raises(Refused, match="With 'two'"):
        into(tmp_path, tar("w", *many))


def test_a_size_that_lies_is_found_out(tmp_path: Path) -> None:
    honest = io.BytesIO()
    with zipfile.ZipFile(honest, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(2 << 20))
    lie = honest.getvalue().replace((2 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(Refused):
        into(tmp_path, lie)
    assert sum(path.stat().st_size for path in (tmp_path / "code").rglob("*")) <= 1 << 20


def test_what_is_no_archive_says_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="neither a zip nor a tar"):
        into(tmp_path, b"print('hello')")
    with pytest.raises(Refused, match="packed with zstd"):
        into(tmp_path, b"\x28\xb5\x2f\xfd" + bytes(64))
    with pytest.raises(Refused, match="damaged"):
        into(tmp_path, tar("w:gz", (entry("a"), os.urandom(50_000)))[:-2000])
    with pytest.raises(Refused, match="damaged"):
        into(tmp_path, archive({"a": "x"})[:-10])


GOOD = [
    archive({"a/b.py": "x" * 300, "c": ""}),
    tar("w", (entry("a"), b"x" * 700)),
    tar("w:gz", (entry("a"), b"x")),
]


@given(st.sampled_from(GOOD), st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8))
@example(GOOD[0], [(483, 2)])  # an entry that says it lies before the file's beginning
def test_damage_is_refused_and_never_raises_otherwise(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(good)
    for at, value in damage:
        content[at % len(content)] = value
    folder = tmp_path_factory.mktemp("damaged")
    with suppress(Refused, UnicodeError, MemoryError):
        into(folder, bytes(content))
    assert sorted(path.name for path in folder.iterdir()) == ["code", "packed"]
