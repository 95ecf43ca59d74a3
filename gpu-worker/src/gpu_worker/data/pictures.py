"""A zip of folders with pictures, `class/name.png`: its directory is checked before a byte is inflated.

Every member is read from the archive; nothing is unpacked to files, so a name leads nowhere.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from gpu_worker.data.arrays import Sink, check_prepared
from gpu_worker.data.columns import MAX_CLASSES, shown_names
from gpu_worker.data.spec import Prepared, refuse

MAX_MEMBERS = 500_000
MAX_MEMBER_BYTES = 64 << 20
MAX_INFLATED_BYTES = 16 << 30
MAX_RATIO = 200
"""Pictures are compressed already: PNG of one colour reaches 40 inside a zip, a bomb thousands."""

RATIO_FROM_BYTES = 1 << 20
MAX_PIXELS = 4096 * 4096
SUFFIXES = {".png", ".jpg", ".jpeg"}
IGNORED = {".ds_store", "thumbs.db", "desktop.ini"}
BLOCK_BYTES = 4 << 20

Part = Literal["", "_test"]


@dataclass(frozen=True)
class Picture:
    """One member: the part it belongs to and its class folder."""

    info: zipfile.ZipInfo
    part: Part
    folder: str


def prepare_pictures(path: Path, name: str, labels: Sequence[str], sink: Sink) -> Prepared:
    """Writes x, uint8 (N, C, H, W) with C = 1 or 3, and y, and the test part where the zip has one.

    labels: names of the classes that the owner gave, or none: they fix the order of the folders. Raises
    DatasetError with rule, place and remedy.
    """
    if not path.stat().st_size:
        raise refuse("file.empty", f"{name} is empty.", "Upload a zip of pictures.", "byte 0")
    try:
        with zipfile.ZipFile(path) as archive:
            pictures = _listed(archive, path.stat().st_size, name)
            classes = _classes(pictures, labels, name)
            channels, height, width = shape = _common_shape(archive, pictures, sink)
            check_prepared(len(pictures), shape, np.dtype(np.uint8), name)
            numbers = {folder: number for number, folder in enumerate(classes)}
            done = 0
            for part in ("", "_test"):
                mine = [picture for picture in pictures if picture.part == part]
                if not mine:
                    continue
                sink.begin(f"x{part}", "uint8", (len(mine), *shape))
                for picture in mine:
                    pixels = _decode(archive, picture, "RGB" if channels == 3 else "L")
                    sink.write(pixels.reshape(height, width, channels).transpose(2, 0, 1))
                    done += 1
                    sink.progress(len(pictures) + done, 2 * len(pictures))
                sink.begin(f"y{part}", "int32", (len(mine),))
                sink.write(np.array([numbers[picture.folder] for picture in mine], np.int32))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise refuse(
            "zip.damaged", f"{name} is no readable zip archive: {error}.", "Make the archive again."
        ) from error
    has_test = any(picture.part == "_test" for picture in pictures)
    return Prepared(labels=classes, split="files" if has_test else "seeded")


def _listed(archive: zipfile.ZipFile, archive_bytes: int, name: str) -> list[Picture]:
    """The pictures by part, class and name. Raises DatasetError for what the directory should not hold."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise refuse(
            "zip.count",
            f"{name} has {len(members)} members; at most {MAX_MEMBERS} are accepted.",
            "Upload fewer pictures.",
        )
    inflated = compressed = 0
    found: list[tuple[zipfile.ZipInfo, tuple[str, ...]]] = []
    for info in members:
        _check_member(info)
        inflated, compressed = inflated + info.file_size, compressed + info.compress_size
        if inflated > MAX_INFLATED_BYTES or compressed > archive_bytes:
            raise refuse(
                "zip.bomb",
                f"The members of {name} claim {inflated} bytes from {compressed}; the archive has"
                f" {archive_bytes} and may hold {MAX_INFLATED_BYTES}.",
                "Make the archive again with fewer pictures.",
                _where(info),
            )
        parts = PurePosixPath(info.filename).parts
        if info.is_dir() or parts[0] == "__MACOSX" or parts[-1].lower() in IGNORED:
            continue
        if PurePosixPath(parts[-1]).suffix.lower() not in SUFFIXES:
            raise refuse(
                "zip.kind",
                f"'{info.filename[:100]}' is no PNG or JPEG.",
                "Leave only pictures in the archive, one folder for each class.",
                _where(info),
            )
        found.append((info, parts))
    if not found:
        raise refuse("zip.empty", f"{name} holds no pictures.", "Put them in one folder for each class.")
    depth = len(found[0][1])
    if depth > 2 and len({parts[0] for _, parts in found}) == 1 and found[0][1][0] not in ("train", "test"):
        found = [(info, parts[1:]) for info, parts in found]
    has_parts = {parts[0] for _, parts in found} == {"train", "test"}
    pictures: list[Picture] = []
    for info, parts in found:
        part: Part = "_test" if has_parts and parts[0] == "test" else ""
        folders = parts[1:-1] if has_parts else parts[:-1]
        if len(folders) != 1:
            raise refuse(
                "zip.folders",
                f"'{info.filename[:100]}' does not lie in the folder of a class.",
                "Arrange pictures as class/name.png, or as train/class/name.png and test/class/name.png.",
                _where(info),
            )
        pictures.append(Picture(info, part, folders[0]))
    return sorted(pictures, key=lambda picture: (picture.part, picture.folder, picture.info.filename))


def _check_member(info: zipfile.ZipInfo) -> None:
    name = info.filename
    if name.startswith(("/", "\\")) or "\\" in name or ".." in name.split("/") or ":" in name.split("/")[0]:
        raise refuse(
            "zip.path",
            f"'{name[:100]}' leads out of the archive.",
            "Make the archive again with names below one folder.",
            _where(info),
        )
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refuse(
            "zip.link",
            f"'{name[:100]}' is a link or device.",
            "Put the pictures themselves in the archive.",
            _where(info),
        )
    if info.flag_bits & 0x1:
        raise refuse(
            "zip.encrypted",
            f"'{name[:100]}' is encrypted.",
            "Make the archive without a password.",
            _where(info),
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refuse(
            "zip.method",
            f"'{name[:100]}' is compressed by method {info.compress_type}.",
            "Use the usual one (deflate).",
            _where(info),
        )
    is_bomb = info.file_size > RATIO_FROM_BYTES and info.file_size > MAX_RATIO * max(1, info.compress_size)
    if is_bomb or info.file_size > MAX_MEMBER_BYTES:
        raise refuse(
            "zip.bomb",
            f"'{name[:100]}' claims {info.file_size} bytes from {info.compress_size}; at most"
            f" {MAX_MEMBER_BYTES} bytes and {MAX_RATIO} times its size are accepted.",
            "Store pictures as PNG or JPEG.",
            _where(info),
        )


def _classes(pictures: Sequence[Picture], labels: Sequence[str], name: str) -> list[str]:
    folders = sorted({picture.folder for picture in pictures})
    if len(folders) > MAX_CLASSES:
        raise refuse(
            "labels.many",
            f"{name} has {len(folders)} folders of classes; at most {MAX_CLASSES} are accepted.",
            "Use one folder for each class.",
        )
    if not labels:
        return folders
    odd = [folder for folder in folders if folder not in labels]
    if odd:
        raise refuse(
            "labels.unknown",
            f"The folder {shown_names(odd)} is none of the {len(labels)} class names given.",
            "Correct the names, or leave them out: then they are taken from the folders.",
        )
    return list(labels)


def _common_shape(archive: zipfile.ZipFile, pictures: Sequence[Picture], sink: Sink) -> tuple[int, int, int]:
    """(C, H, W) of all pictures, from their headers. Raises DatasetError, naming the odd one."""
    sizes: list[tuple[int, int]] = []
    is_grey = True
    for done, picture in enumerate(pictures, 1):
        with _opened(archive, picture) as image:
            sizes.append(image.size)
            is_grey = is_grey and image.mode in ("1", "L")
        sink.progress(done, 2 * len(pictures))
    common = Counter(sizes).most_common(1)[0][0]
    for picture, size in zip(pictures, sizes, strict=True):
        if size != common:
            raise refuse(
                "pictures.size",
                f"'{picture.info.filename[:100]}' has {size[0]}×{size[1]} pixels, most have"
                f" {common[0]}×{common[1]}.",
                "Scale all pictures to one size.",
                _where(picture.info),
            )
    width, height = common
    return 1 if is_grey else 3, height, width


def _opened(archive: zipfile.ZipFile, picture: Picture) -> Image.Image:
    """The picture with its header read. Its bytes are at most MAX_MEMBER_BYTES, whatever the zip claims."""
    with archive.open(picture.info) as stream:
        data = stream.read(MAX_MEMBER_BYTES)
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError as error:
        raise _too_large(picture, str(error)) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise _unreadable(picture, error) from error
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(picture, f"{image.width}×{image.height} pixels")
    return image


def _decode(archive: zipfile.ZipFile, picture: Picture, mode: str) -> np.ndarray:
    """uint8 (H, W) or (H, W, 3)."""
    with _opened(archive, picture) as image:
        try:
            return np.asarray(image if image.mode == mode else image.convert(mode), np.uint8)
        except (OSError, ValueError, SyntaxError) as error:
            raise _unreadable(picture, error) from error


def _too_large(picture: Picture, found: str) -> Exception:
    return refuse(
        "pictures.pixels",
        f"'{picture.info.filename[:100]}' declares more than {MAX_PIXELS} pixels: {found}.",
        "Scale it down.",
        _where(picture.info),
    )


def _unreadable(picture: Picture, error: Exception) -> Exception:
    reason = "its kind is unknown" if isinstance(error, UnidentifiedImageError) else str(error)[:120]
    return refuse(
        "pictures.damaged",
        f"'{picture.info.filename[:100]}' is no readable PNG or JPEG: {reason}.",
        "Write it again, or leave it out.",
        _where(picture.info),
    )


def _where(info: zipfile.ZipInfo) -> str:
    return f"member {info.filename[:100]!r}"
