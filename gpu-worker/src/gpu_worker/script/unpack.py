"""Unpacks an archive that nobody has looked at: `python -I -S unpack.py ARCHIVE FOLDER BYTES FILES`, behind
walls. Standard library only; the last line it prints is JSON, {"files", "bytes"} or {"refusal"}.
"""

from __future__ import annotations

import errno
import json
import lzma
import os
import posixpath
import shutil
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "tar",
    b"BZh": "tar",
    b"\xfd7zXZ\x00": "tar",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
LONGEST_PATH = 1000
PIECE_BYTES = 1 << 20


class Refused(ValueError):
    """The archive breaks a rule; the message names the member and the rule."""


@dataclass(frozen=True)
class Member:
    """One entry of an archive. `content` opens a file's bytes; `target` is where a link leads."""

    name: str
    kind: str
    mode: int = 0o644
    size: int = 0
    target: str = ""
    content: IO[bytes] | None = None


@dataclass
class Budget:
    """What may still be written."""

    bytes: int
    files: int


def unpack(archive: Path, folder: Path, limit_bytes: int, limit_files: int) -> tuple[int, int]:
    """Unpacks into an empty folder; the number of entries and of bytes.

    Raises Refused for what is no archive and for a member that leaves the folder, is neither file, folder nor
    link, or goes beyond a limit.
    """
    budget = Budget(limit_bytes, limit_files)
    links: list[Member] = []
    try:
        with archive.open("rb") as file:
            for member in _members(file):
                _take(member, folder, budget, links, limit_bytes, limit_files)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise Refused(f"The archive is damaged: {error}.") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning
            raise
        raise Refused(f"The archive is damaged: {error}.") from error
    except NotImplementedError as error:
        raise Refused(f"The archive is compressed in a way that is not supported: {error}.") from error
    # Nothing is written through a link: they come last.
    for link in links:
        _link(link, folder)
    for link in links:
        _check_link(link, folder)
    return limit_files - budget.files, limit_bytes - budget.bytes


def _members(file: IO[bytes]) -> Iterator[Member]:
    head = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    file.seek(0)
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if kind is None and head[TAR_MAGIC_AT:] == TAR_MAGIC:
        kind = "tar"
    if kind == "zip":
        yield from _zip(file)
    elif kind == "tar":
        yield from _tar(file)
    elif kind is None:
        raise Refused(
            "The file is neither a zip nor a tar archive. Pack the folder of your script with"
            " `zip -r code.zip .` or `tar czf code.tar.gz .`."
        )
    else:
        raise Refused(f"The archive is packed with {kind}, which is not supported. Use zip or tar.gz.")


def _zip(file: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if entry.flag_bits & 1:
                raise Refused(f"{entry.filename!r} is encrypted. Pack the archive without a password.")
            if not entry.filename:
                raise Refused("The archive is damaged: an entry has no name.")
            unix = entry.external_attr >> 16
            if entry.is_dir():
                yield Member(entry.filename, "folder")
            elif stat.S_ISLNK(unix):
                if entry.file_size > LONGEST_PATH:
                    raise Refused(f"{entry.filename!r} is a link whose target is too long.")
                yield Member(entry.filename, "link", target=os.fsdecode(archive.read(entry)))
            elif stat.S_IFMT(unix) in (0, stat.S_IFREG):
                with archive.open(entry) as content:
                    yield Member(entry.filename, "file", unix & 0o777, entry.file_size, content=content)
            else:
                yield Member(entry.filename, "other")


def _tar(file: IO[bytes]) -> Iterator[Member]:
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for entry in archive:
            if entry.isdir():
                yield Member(entry.name, "folder")
            elif entry.isreg():
                yield Member(entry.name, "file", entry.mode, entry.size, content=archive.extractfile(entry))
            elif entry.issym():
                yield Member(entry.name, "link", target=entry.linkname)
            elif entry.islnk():
                yield Member(entry.name, "copy", target=entry.linkname)
            else:
                yield Member(entry.name, "other")


def _take(
    member: Member, folder: Path, budget: Budget, links: list[Member], limit_bytes: int, limit_files: int
) -> None:
    path = _place(member.name, folder)
    if path == folder:
        return
    budget.files -= 1
    if budget.files < 0:
        raise Refused(f"The archive holds more than {limit_files} entries, {member.name!r} among them.")
    too_big = Refused(f"With {member.name!r} the archive unpacks to more than {limit_bytes >> 20} MB.")
    if member.kind == "folder":
        _make_folder(path, member.name)
    elif member.kind == "link":
        links.append(member)
    elif member.kind == "copy":
        source = _place(member.target, folder)
        if not source.is_file():
            raise Refused(f"{member.name!r} is a hard link to {member.target!r}, which is not before it.")
        budget.bytes -= source.stat().st_size
        if budget.bytes < 0:
            raise too_big
        _make_folder(path.parent, member.name)
        shutil.copyfile(source, path)
    elif member.kind == "file" and member.content is not None:
        if member.size > budget.bytes:
            raise too_big
        _make_folder(path.parent, member.name)
        _write(member, path, budget, too_big)
    else:
        raise Refused(
            f"{member.name!r} is a device, a pipe or a socket. An archive may hold files, folders, links."
        )


def _place(name: str, folder: Path) -> Path:
    """Where a member goes. Raises Refused when that is not in the folder."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise Refused(f"{name[:200]!r} leads out of the archive's folder: paths are relative, without '..'.")
    if len(name) > LONGEST_PATH:
        raise Refused(f"{name[:100]!r}… is longer than {LONGEST_PATH} characters.")
    return folder.joinpath(*parts)


def _make_folder(path: Path, name: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise Refused(f"{name!r} lies in what is a file elsewhere in the archive.") from error


def _write(member: Member, path: Path, budget: Budget, too_big: Refused) -> None:
    assert member.content is not None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    except IsADirectoryError as error:
        raise Refused(f"{member.name!r} is a file here and a folder elsewhere in the archive.") from error
    with os.fdopen(descriptor, "wb") as file:
        # What an entry says of its size may be less than what comes out of it.
        while piece := member.content.read(PIECE_BYTES):
            budget.bytes -= len(piece)
            if budget.bytes < 0:
                raise too_big
            file.write(piece)
        os.fchmod(descriptor, 0o600 | (member.mode & 0o755))


def _link(link: Member, folder: Path) -> None:
    path = _place(link.name, folder)
    _make_folder(path.parent, link.name)
    if not _is_within(path.parent, folder):
        raise Refused(f"{link.name!r} lies behind a link that leads out of the archive's folder.")
    path.unlink(missing_ok=True) if path.is_symlink() or not path.is_dir() else None
    try:
        path.symlink_to(link.target)
    except (FileExistsError, ValueError) as error:
        raise Refused(f"{link.name!r} is a link here and a folder elsewhere in the archive.") from error


def _check_link(link: Member, folder: Path) -> None:
    path = _place(link.name, folder)
    if posixpath.isabs(link.target) or not _is_within(path, folder):
        path.unlink()
        raise Refused(f"{link.name!r} is a link to {link.target!r}, outside the archive's folder.")


def _is_within(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def main() -> None:
    """Reads archive, folder and limits from the arguments."""
    archive, folder, limit_bytes, limit_files = sys.argv[1:]
    try:
        files, size = unpack(Path(archive), Path(folder), int(limit_bytes), int(limit_files))
        answer: dict[str, object] = {"files": files, "bytes": size}
    except Refused as refused:
        answer = {"refusal": str(refused)}
    except MemoryError:
        answer = {"refusal": "Unpacking the archive takes too much memory: its headers are too large."}
    except UnicodeError as error:
        answer = {"refusal": f"A name in the archive is no text: {error}."}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
