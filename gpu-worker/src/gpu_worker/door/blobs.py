"""A folder of content-addressed files, shared by the workers of a machine."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path

LIMIT_BYTES = 8 << 30
SHA256 = re.compile(r"[0-9a-f]{64}")


def default_folder() -> Path:
    """$LATHE_HOME/cache/blobs, or a folder of this user's in the temporary folder where no home is set."""
    home = os.environ.get("LATHE_HOME")
    if home:
        return Path(home).resolve() / "cache" / "blobs"
    return Path(tempfile.gettempdir()) / f"lathe-{os.getuid()}" / "blobs"


class BlobCache:
    """Files by the sha256 of their bytes. What is in it was verified when it was written."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit_bytes
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def find(self, sha256: str) -> Path | None:
        """The cached file, marked as used now; None when it is not here. Raises ValueError for no sha256."""
        if not SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not the lower-case hex of a sha256.")
        path = self._folder / sha256
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def store(self, sha256: str, chunks: Iterable[bytes]) -> None:
        """Writes a blob, whole and verified or not at all.

        Raises ValueError when the bytes are not those of `sha256`.
        """
        partial = self._folder / f".{sha256}.{os.getpid()}.{threading.get_ident()}.{uuid.uuid4().hex[:8]}"
        digest = hashlib.sha256()
        try:
            with partial.open("wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(chunk)
            if digest.hexdigest() != sha256:
                raise ValueError(f"The blob {sha256} arrived as {digest.hexdigest()}.")
            path = self._folder / sha256
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        self._make_room(keep=path)

    def _make_room(self, keep: Path) -> None:
        """Deletes what was not used for longest until the folder is within its limit. Open files stay
        readable.
        """
        files: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            files.append((found.st_mtime, found.st_size, path))
        size = sum(file[1] for file in files)
        for _, bytes_, path in sorted(files):
            if size <= self._limit:
                return
            if path != keep:
                path.unlink(missing_ok=True)
                size -= bytes_
