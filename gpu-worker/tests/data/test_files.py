"""What is read is what was written, and what lies about its size is refused before memory is taken."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_worker.data import (
    DatasetError,
    DatasetFile,
    InputSpec,
    Split,
    Transform,
    check_dataset,
    open_dataset,
)
from gpu_worker.data.files import read_idx, read_npz
from samples import blobs, idx_bytes, write_idx

SEEDED = Split("seeded", 0, 0.25)


def npz(path: Path, **arrays: np.ndarray) -> list[DatasetFile]:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return [DatasetFile("data", "npz", path)]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_arrays_come_back(tmp_path: Path, compressed: bool, order: str) -> None:
    x = np.asarray(
        np.random.default_rng(0).normal(size=(7, 5, 3)), np.float32, order="F" if order == "F" else "C"
    )
    (np.savez_compressed if compressed else np.savez)(tmp_path / "a.npz", x=x, y=np.arange(7))
    found = read_npz(tmp_path / "a.npz", ("x", "y"))
    assert np.array_equal(found["x"], x)
    assert isinstance(found["x"], np.memmap) is not compressed


@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    dtype=st.sampled_from(["u1", "i4", "f4"]),
    suffix=st.sampled_from(["idx", "gz"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_idx_arrays_come_back(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], dtype: str, suffix: str, seed: int
) -> None:
    array = np.random.default_rng(seed).uniform(0, 200, shape).astype(dtype)
    path = write_idx(tmp_path_factory.mktemp("idx") / f"a.{suffix}", array)
    assert np.array_equal(read_idx(path), array)


def forged_npy(shape: tuple[int, ...], body: bytes = b"") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return stream.getvalue() + body


def test_a_zip_bomb_is_refused_by_its_claim(tmp_path: Path) -> None:
    """A header that claims 8 TiB, one that claims more than the limit, and bytes that are missing."""
    path = tmp_path / "a.npz"
    for shape, body, rule in [
        ((1 << 23, 1 << 20), b"", "npz.size"),
        ((5 << 30,), None, "array.limit"),
        ((100,), b"\0" * 99, "npz.size"),
    ]:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", forged_npy(shape, body or b""))
        if body is None:
            forge_sizes(path, (5 << 30) + len(forged_npy(shape)))
        with pytest.raises(DatasetError) as refused:
            read_npz(path, ("x",))
        assert refused.value.problem.rule == rule


def forge_sizes(path: Path, claimed: int) -> None:
    """Writes an uncompressed size into the central directory, as a zip64 extra field."""
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 0xFFFFFFFF)
    name = struct.unpack_from("<H", data, at + 28)[0]
    extra = struct.pack("<HHQ", 1, 8, claimed)
    struct.pack_into("<H", data, at + 30, len(extra))
    data[at + 46 + name : at + 46 + name] = extra
    end = data.index(b"PK\x05\x06")
    struct.pack_into("<I", data, end + 12, struct.unpack_from("<I", data, end + 12)[0] + len(extra))
    path.write_bytes(bytes(data))


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return open, (str(marker), "w")  # pyright: ignore[reportReturnType]

    files = npz(tmp_path / "a.npz", x=np.array([Evil()], dtype=object), y=np.zeros(1))
    report = check_dataset(files, SEEDED)
    assert [problem.rule for problem in report.problems] == ["npz.dtype"]
    assert not marker.exists()


DAMAGED = {
    "idx.magic": b"\x01\x02\x03\x04rest",
    "idx.size": idx_bytes(np.zeros((4, 3, 3), np.uint8))[:-1],
    "array.bomb": None,
}


@pytest.mark.parametrize("rule", DAMAGED)
def test_damaged_idx_files_name_their_rule(tmp_path: Path, rule: str) -> None:
    import gzip

    path = tmp_path / "a.idx"
    path.write_bytes(DAMAGED[rule] or gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 1 << 31)))
    with pytest.raises(DatasetError) as refused:
        read_idx(path)
    assert refused.value.problem.rule == rule


def test_a_split_by_files_puts_the_test_part_behind(tmp_path: Path) -> None:
    x, y = blobs(30, (6, 4), 3)
    roles = {"x": x[:20], "y": y[:20].astype(np.uint8), "x_test": x[20:], "y_test": y[20:].astype(np.uint8)}
    files = [
        DatasetFile(role, "idx", write_idx(tmp_path / f"{role}.gz", array))  # pyright: ignore[reportArgumentType]
        for role, array in roles.items()
    ]
    dataset = open_dataset(files, Split("files"), Transform(1 / 255))
    assert (dataset.train_ids.tolist(), dataset.test_ids.tolist()) == (list(range(20)), list(range(20, 30)))
    assert np.array_equal(dataset.x.take(np.array([25, 3, 19])), x[[25, 3, 19]])
    assert np.array_equal(dataset.y, y)
    batch = dataset.batch(np.array([21]), InputSpec("in", (None, 1, 6, 4)))
    np.testing.assert_allclose(batch[0, 0], x[21] / 255, rtol=1e-6)
