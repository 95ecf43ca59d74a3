"""Reading NPZ and IDX files that nobody trusts: sizes are checked before anything is allocated.

Uncompressed arrays are memory-mapped; compressed ones are inflated into an array whose size the header
declared and the limits allow. Nothing is unpickled. IDX: http://yann.lecun.com/exdb/mnist (format at the end
of the page).
"""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from gpu_worker.data.spec import refuse

MAX_ARRAY_BYTES = 4 << 30
"""Largest array that is inflated into memory."""

DEFLATE_LIMIT = 1032
"""Deflate cannot shrink data further than 1:1032 (zlib's technical details); a larger claim is false."""

IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_npz(path: Path, names: tuple[str, ...], may_be_text: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """The arrays of an NPZ file that have one of `names`, memory-mapped where they are stored uncompressed.

    may_be_text: those that may hold text of a fixed width instead of numbers. Raises DatasetError for
    anything that is not a plain NPZ of such arrays of believable size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return {
                name: _read_member(archive, members[name], path, "biufU" if name in may_be_text else "biuf")
                for name in names
                if name in members
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError) as error:
        raise refuse(
            "npz.damaged",
            f"{path.name} is not a readable NPZ file: {error}.",
            "Write it again with numpy.savez(path, x=..., y=...).",
        ) from error


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, kinds: str) -> np.ndarray:
    with archive.open(info) as stream:
        shape, fortran, dtype = _npy_header(stream, info.filename, kinds)
        header_bytes = stream.tell()
        size = _checked_bytes(shape, dtype.itemsize, info.filename)
        if size != info.file_size - header_bytes:
            raise refuse(
                "npz.size",
                f"{info.filename} declares {size} bytes for its shape {shape}"
                f" but holds {info.file_size - header_bytes}.",
                "The file is damaged or forged; write it again with numpy.savez.",
            )
        if info.compress_type == zipfile.ZIP_STORED and size:
            offset = _data_offset(path, info) + header_bytes
            return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
        _check_inflation(size, info.compress_size, info.filename)
        array = _read_exactly(stream, size, info.filename).view(dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def _npy_header(stream: IO[bytes], name: str, kinds: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    except ValueError as error:
        raise refuse(
            "npz.header", f"{name} has no readable array header: {error}.", "Write it with numpy.savez."
        ) from error
    if dtype.hasobject or dtype.kind not in kinds or not dtype.itemsize:
        raise refuse(
            "npz.dtype",
            f"{name} holds {dtype} values; only numbers are read (loading objects could run code).",
            "Convert it to a numeric array before numpy.savez.",
        )
    return shape, fortran, dtype


def _data_offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes start: the local header repeats name and extra field with lengths of its own."""
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        name_length, extra_length = struct.unpack("<HH", file.read(4))
    return info.header_offset + 30 + name_length + extra_length


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file, plain (memory-mapped) or gzipped. Raises DatasetError when damaged."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        with cast(IO[bytes], gzip.open(path)) if compressed else path.open("rb") as stream:
            dtype, shape = _idx_header(stream, path.name)
            size = _checked_bytes(shape, dtype.itemsize, path.name)
            if not compressed:
                _expect_size(path, 4 + 4 * len(shape) + size)
                return np.memmap(path, dtype, "r", 4 + 4 * len(shape), shape)
            _check_inflation(size, path.stat().st_size, path.name)
            array = _read_exactly(stream, size, path.name).view(dtype).reshape(shape)
            if stream.read(1):
                raise refuse(
                    "idx.size",
                    f"{path.name} goes on after its declared {shape} values.",
                    "Write the file again.",
                )
            return array
    except (OSError, EOFError, zlib.error) as error:
        raise refuse(
            "idx.damaged", f"{path.name} cannot be read: {error}.", "Upload the file again."
        ) from error


def _idx_header(stream: IO[bytes], name: str) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_DTYPES or not 1 <= magic[3] <= 8:
        raise refuse(
            "idx.magic",
            f"{name} does not start as an IDX file does (found {magic.hex() or 'nothing'}).",
            "An IDX file starts with 0000, a type byte (08 for uint8) and the number of dimensions.",
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise refuse("idx.size", f"{name} ends inside its header.", "Upload the whole file.")
    return np.dtype(IDX_DTYPES[magic[2]]), struct.unpack(f">{magic[3]}I", sizes)


def _expect_size(path: Path, expected: int) -> None:
    found = path.stat().st_size
    if found != expected:
        raise refuse(
            "idx.size", f"{path.name} should have {expected} bytes and has {found}.", "Upload the whole file."
        )


def _checked_bytes(shape: tuple[int, ...], itemsize: int, name: str) -> int:
    if any(length < 0 for length in shape):
        raise refuse(
            "array.shape", f"{name} declares the shape {shape}.", "Every dimension must be positive."
        )
    return math.prod(shape) * itemsize


def _check_inflation(size: int, compressed: int, name: str) -> None:
    if size > MAX_ARRAY_BYTES:
        raise refuse(
            "array.limit",
            f"{name} would take {size} bytes in memory; compressed arrays may take {MAX_ARRAY_BYTES}.",
            "Save it uncompressed (numpy.savez, plain IDX): then it is read from disk piece by piece.",
        )
    if size > compressed * DEFLATE_LIMIT + 4096:
        raise refuse(
            "array.bomb",
            f"{name} claims {size} bytes from {compressed} compressed ones, more than compression can yield.",
            "The file is damaged or forged; write it again.",
        )


def _read_exactly(stream: IO[bytes], size: int, name: str) -> np.ndarray:
    array, done = np.empty(size, np.uint8), 0
    while done < size:
        chunk = stream.read(min(1 << 20, size - done))
        if not chunk:
            raise refuse(
                "array.truncated", f"{name} ends after {done} of {size} bytes.", "Upload the whole file."
            )
        array[done : done + len(chunk)] = np.frombuffer(chunk, np.uint8)
        done += len(chunk)
    return array
