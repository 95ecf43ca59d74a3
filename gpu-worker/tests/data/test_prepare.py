"""Tables and archives become the arrays they say; what is wrong with one has its rule, place and remedy."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gpu_worker.data import DatasetError, DatasetFile, Mapping, Prepared
from gpu_worker.data.prepare import prepare
from gpu_worker.data.spec import Format


class Memory:
    """A sink that keeps the arrays."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._blocks: list[bytes] = []
        self._open: tuple[str, str, tuple[int, ...]] | None = None

    def begin(self, name: str, dtype: str, shape: tuple[int, ...]) -> None:
        self.close()
        self._open, self._blocks = (name, dtype, shape), []

    def write(self, block: np.ndarray) -> None:
        self._blocks.append(block.tobytes())

    def progress(self, done: int, total: int) -> None:
        assert 0 <= done <= total

    def close(self) -> None:
        if self._open is not None:
            name, dtype, shape = self._open
            self.arrays[name] = np.frombuffer(b"".join(self._blocks), dtype).reshape(shape)


def read(
    folder: Path,
    *contents: bytes,
    format: Format = "csv",
    mapping: Mapping | None = None,
    labels: tuple[str, ...] = (),
) -> tuple[Prepared, dict[str, np.ndarray]]:
    files = []
    for index, content in enumerate(contents):
        path = folder / f"{index}.{format}"
        path.write_bytes(content)
        files.append(DatasetFile("data_test" if index else "data", format, path, f"samples.{format}"))
    sink = Memory()
    found = prepare(files, mapping or Mapping(), labels, sink)
    sink.close()
    return found, sink.arrays


def parquet(**columns: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)  # pyright: ignore[reportArgumentType]
    return stream.getvalue()


def picture(size: tuple[int, int] = (6, 4), mode: str = "RGB", seed: int = 0, format: str = "PNG") -> bytes:
    width, height = size
    shape = (height, width) if mode == "L" else (height, width, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_becomes_features_and_classes(tmp_path: Path, delimiter: str) -> None:
    lines = ["width,city,kind,height", "1.5,Oslo,cat,2", '2.5,"Bo, NO",dog,4', "3.5,Oslo,cat,6"]
    text = "\n".join(line.replace("Bo, NO", "Bo NO").replace(",", delimiter) for line in lines)
    found, arrays = read(tmp_path, text.encode(), mapping=Mapping(label="kind"))
    assert arrays["x"].dtype == np.float32
    assert arrays["x"].tolist() == [[1.5, 2], [2.5, 4], [3.5, 6]]
    assert arrays["y"].tolist() == [0, 1, 0]
    assert found.labels == ["cat", "dog"]
    assert found.mapping == Mapping("kind", ("width", "height"), task="classification")
    assert [(c.name, c.type, c.distinct, c.missing) for c in found.columns] == [
        ("width", "float", 3, 0),
        ("city", "text", 2, 0),
        ("kind", "text", 2, 0),
        ("height", "int", 3, 0),
    ]
    assert (found.columns[0].min, found.columns[0].max, found.columns[0].mean) == (1.5, 3.5, 2.5)
    assert found.rows[0] == ["1.5", "Oslo", "cat", "2"]
    assert [problem.rule for problem in found.problems] == ["mapping.text"]


def test_the_label_is_found_by_name_else_it_is_the_last_column(tmp_path: Path) -> None:
    named, _ = read(tmp_path, b"a,Target,b\n1,0,2\n3,1,4\n")
    last, _ = read(tmp_path, b"a,b,c\n1,5,0\n3,6,1\n")
    assert named.mapping == Mapping("Target", ("a", "b"), task="classification")
    assert last.mapping == Mapping("c", ("a", "b"), task="classification")


def test_features_keep_the_order_they_are_asked_in(tmp_path: Path) -> None:
    _, arrays = read(tmp_path, b"a,b,y\n1,2,0\n3,4,1\n", mapping=Mapping("y", ("b", "a")))
    assert arrays["x"].tolist() == [[2, 1], [4, 3]]
    assert arrays["x"].dtype == np.int32


def test_class_numbers_that_do_not_start_at_0_become_names(tmp_path: Path) -> None:
    found, arrays = read(tmp_path, b"a,y\n1,7\n2,-1\n3,10\n4,7\n")
    assert found.labels == ["-1", "7", "10"]
    assert arrays["y"].tolist() == [1, 0, 2, 1]


def test_a_test_file_shares_classes_and_column_order_by_name(tmp_path: Path) -> None:
    found, arrays = read(tmp_path, b"a,b,y\n1,2,u\n3,4,v\n", b"y,b,a\nv,6,5\n")
    assert found.split == "files"
    assert arrays["x_test"].tolist() == [[5, 6]]
    assert arrays["y_test"].tolist() == [1]
    with pytest.raises(DatasetError, match="lacks the column 'b'"):
        read(tmp_path, b"a,b,y\n1,2,u\n3,4,v\n", b"y,a\nv,6\n")


@given(
    values=st.lists(
        st.tuples(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from("pqr")),
        min_size=1,
        max_size=50,
    )
)
@settings(max_examples=30)
def test_what_is_written_to_csv_and_parquet_comes_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[float, str]]
) -> None:
    text = "v,y\n" + "".join(f"{value!r},{label}\n" for value, label in values)
    typed = parquet(v=[value for value, _ in values], y=[label for _, label in values])
    results = []
    for content, format in ((text.encode(), "csv"), (typed, "parquet")):
        found, arrays = read(tmp_path_factory.mktemp("t"), content, format=format)  # pyright: ignore[reportArgumentType]
        np.testing.assert_array_equal(
            arrays["x"][:, 0].astype(np.float32), np.float32([v for v, _ in values])
        )
        assert [found.labels[label] for label in arrays["y"]] == [label for _, label in values]
        results.append(found.labels)
    assert results[0] == results[1]


def test_rows_in_many_blocks_come_back(tmp_path: Path) -> None:
    n = 400_000
    rows = np.arange(n)
    text = "id,half,y\n" + "\n".join(f"{i},{i / 2},{i % 3}" for i in rows)
    assert len(text) > 4 << 20
    _, arrays = read(tmp_path, text.encode())
    assert np.array_equal(arrays["x"], np.stack([rows, rows / 2], 1).astype(np.float32))
    assert np.array_equal(arrays["y"], rows % 3)


def test_pictures_become_channels_first(tmp_path: Path) -> None:
    pictures = {f"top/{kind}/{i}.png": picture(seed=i) for i, kind in enumerate(["ant", "bee", "ant"])}
    found, arrays = read(
        tmp_path, archive({**pictures, "__MACOSX/x": b"", "top/.DS_Store": b""}), format="images"
    )
    assert found.labels == ["ant", "bee"]
    assert arrays["x"].shape == (3, 3, 4, 6)
    assert arrays["y"].tolist() == [0, 0, 1]
    expected = np.asarray(Image.open(io.BytesIO(pictures["top/ant/2.png"])))
    assert np.array_equal(arrays["x"][1], expected.transpose(2, 0, 1))


def test_train_and_test_folders_split_and_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    members = {
        f"{p}/{k}/{i}.jpg": picture(mode="L", format="JPEG")
        for p in ("train", "test")
        for k in "ab"
        for i in "12"
    }
    found, arrays = read(tmp_path, archive(members), format="images")
    assert found.split == "files"
    assert arrays["x"].shape == arrays["x_test"].shape == (4, 1, 4, 6)
    assert arrays["y_test"].tolist() == [0, 0, 1, 1]


def forged_rows(claimed: int) -> bytes:
    """A small Parquet file whose footer claims other numbers of rows."""
    content = parquet(a=pa.array(np.zeros(12345)), y=pa.array(np.zeros(12345, np.int8)))
    length = struct.unpack("<I", content[-8:-4])[0]
    footer = content[-8 - length : -8]
    assert varint(2 * 12345) in footer
    forged = footer.replace(varint(2 * 12345), varint(2 * claimed))
    return content[: -8 - length] + forged + struct.pack("<I", len(forged)) + b"PAR1"


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def linked() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        info = zipfile.ZipInfo("a/1.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    return stream.getvalue()


def encrypted() -> bytes:
    content = bytearray(archive({"a/1.png": picture()}))
    for at in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[at] |= 1
    return bytes(content)


def overlapping() -> bytes:
    """Directory entries that all point at the same bytes."""
    content = archive({"a/1.png": picture((64, 64))}, zipfile.ZIP_STORED)
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entry = content[start:end]
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, 3, 3, 3 * len(entry))
    return content[:start] + entry * 3 + bytes(tail)


HUNDRED = "".join(f"{i},0\n" for i in range(100))
CSV: dict[str, tuple[str, bytes, str]] = {
    "empty": ("file.empty", b"", "byte 0"),
    "blank": ("file.empty", b"\n\n", "line 1"),
    "header only": ("table.empty", b"a,y\n", ""),
    "ragged": ("csv.ragged", b"a,y\n1,0\n\n2\n3,1\n", "line 4"),
    "ragged late": ("csv.ragged", b"a,y\n" + b"1,0\n" * 2_000_000 + b"1,2,3\n", "line 2000002"),
    "one column": ("table.columns", b"a\n1\n2\n", ""),
    "latin-1": ("csv.encoding", "a,y\n1,caf\xe9\n".encode("latin-1"), "line 2, byte 9"),
    "utf-16": ("csv.binary", "a,y\n1,0\n".encode("utf-16-le"), "byte 1"),
    "giant line": ("csv.line", b"a,y\n1," + b"0" * (3 << 20), "line 2"),
    "open quote": ("csv.quote", b'a,y\n1,0\n"2,1\n' + b"1,0\n" * 2_000_000, "line 2"),
    "no header": ("csv.header", b"1,2\n3,4\n", "line 1"),
    "same name": ("table.header", b"a,a\n3,4\n", "column 2"),
    "no name": ("table.header", b"a,,y\n3,4,5\n", "column 2"),
    "missing value": ("values.missing", b"a,y\n1,0\n,1\n", "line 3, column 'a'"),
    "nan": ("values.missing", b"a,y\n1,0\n\n2,0\nNaN,1\n", "line 5, column 'a'"),
    "infinite": ("values.range", b"a,y\n1,0\ninf,1\n", "line 3, column 'a'"),
    "beyond float32": ("values.range", b"a,y\n1,0\n1e39,1\n", "line 3, column 'a'"),
    "text among numbers": ("table.number", f"a,y\n{HUNDRED}x1,0\n".encode(), "line 102, column 'a'"),
    "missing label": ("labels.missing", b"a,y\n1,0\n2,\n", "line 3, column 'y'"),
    "missing text label": ("labels.missing", b"a,y\n1,u\n2,\n", "line 3, column 'y'"),
    "too many classes": (
        "labels.many",
        b"a,y\n" + b"".join(b"1,%d\n" % i for i in range(1001)),
        "column 'y'",
    ),
    "only text": ("mapping.features", b"a,y\nu,0\nv,1\n", ""),
}


@pytest.mark.parametrize("case", CSV)
def test_each_fault_of_a_csv_is_named(tmp_path: Path, case: str) -> None:
    rule, content, where = CSV[case]
    refused(rule, where, lambda: read(tmp_path, content))


def refused(rule: str, where: str, act: Callable[[], object]) -> None:
    with pytest.raises(DatasetError) as caught:
        act()
    problem = caught.value.problem
    assert problem.rule == rule, problem
    assert where in (problem.where or ""), problem
    assert problem.message
    assert problem.remedy


GOOD = parquet(a=[1.0, 2.0], y=[0, 1])
PARQUET: dict[str, tuple[str, bytes, str]] = {
    "8 TiB": ("parquet.size", forged_rows(1 << 40), "footer"),
    "more rows than groups": ("parquet.damaged", forged_rows(12346), "footer"),
    "negative rows": ("parquet.size", forged_rows(-1 % (1 << 63)), "footer"),
    "cut off": ("parquet.magic", GOOD[:-1], "byte 0"),
    "footer too long": ("parquet.footer", GOOD[:-8] + b"\xff\xff\xff\x7fPAR1", "byte"),
    "junk footer": ("parquet.damaged", b"PAR1" + b"\xff" * 40 + struct.pack("<I", 40) + b"PAR1", ""),
    "nested": ("parquet.nested", parquet(a=[[1.0], [2.0]], y=[0, 1]), "column 'a'"),
    "NaN": ("values.missing", parquet(a=[1.0, float("nan")], y=[0, 1]), "row 2, column 'a'"),
    "null": ("values.missing", parquet(a=[None, 1.0], y=[0, 1]), "row 1, column 'a'"),
    "no rows": ("table.empty", parquet(a=pa.array([], pa.float64()), y=pa.array([], pa.int64())), ""),
    "a date as label": ("labels.type", parquet(a=[1.0], y=pa.array([0], pa.date32())), "column 'y'"),
    "empty": ("file.empty", b"", "byte 0"),
    "a pickle": ("parquet.magic", b"\x80\x04\x95rest of a pickle", "byte 0"),
}


@pytest.mark.parametrize("case", PARQUET)
def test_each_fault_of_a_parquet_file_is_named(tmp_path: Path, case: str) -> None:
    rule, content, where = PARQUET[case]
    refused(rule, where, lambda: read(tmp_path, content, format="parquet"))


ZIP: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "bomb": ("zip.bomb", lambda: archive({"a/1.png": b"\0" * (8 << 20)}), "a/1.png"),
    "overlap": ("zip.bomb", overlapping, "a/1.png"),
    "slip": ("zip.path", lambda: archive({"a/../../1.png": picture()}), "../.."),
    "absolute": ("zip.path", lambda: archive({"/a/1.png": picture()}), "/a/1.png"),
    "windows": ("zip.path", lambda: archive({"C:/a/1.png": picture()}), "C:/a"),
    "link": ("zip.link", linked, "a/1.png"),
    "encrypted": ("zip.encrypted", encrypted, "a/1.png"),
    "method": ("zip.method", lambda: archive({"a/1.png": picture()}, zipfile.ZIP_LZMA), "a/1.png"),
    "odd size": (
        "pictures.size",
        lambda: archive({f"a/{i}.png": picture((6, 4 + (i == 2))) for i in range(4)}),
        "a/2.png",
    ),
    "no picture": ("pictures.damaged", lambda: archive({"a/1.png": b"GIF89a"}), "a/1.png"),
    "cut off": ("pictures.damaged", lambda: archive({"a/1.png": picture((60, 40))[:-400]}), "a/1.png"),
    "another kind": ("zip.kind", lambda: archive({"a/1.txt": b"x"}), "a/1.txt"),
    "no folder": ("zip.folders", lambda: archive({"1.png": picture()}), "1.png"),
    "nothing": ("zip.empty", lambda: archive({}), ""),
    "no zip": ("zip.damaged", lambda: b"PK\x03\x04 no zip", ""),
    "vast picture": ("pictures.pixels", lambda: archive({"a/1.png": vast_png(60_000, 60_000)}), "a/1.png"),
    "empty": ("file.empty", lambda: b"", "byte 0"),
}


def vast_png(width: int, height: int) -> bytes:
    """A PNG whose header claims these sizes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


@pytest.mark.parametrize("case", ZIP)
def test_each_fault_of_an_archive_is_named(tmp_path: Path, case: str) -> None:
    rule, content, where = ZIP[case]
    refused(rule, where, lambda: read(tmp_path, content(), format="images"))


def test_too_many_members_and_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpu_worker.data import pictures

    content = archive({f"a/{i}.png": picture(seed=i) for i in range(4)})
    for limit, value, rule in [("MAX_MEMBERS", 3, "zip.count"), ("MAX_INFLATED_BYTES", 300, "zip.bomb")]:
        with monkeypatch.context() as patched:
            patched.setattr(pictures, limit, value)
            refused(rule, "", lambda: read(tmp_path, content, format="images"))


MAPPINGS: list[tuple[str, Mapping]] = [
    ("mapping.column", Mapping("z")),
    ("mapping.column", Mapping("y", ("q",))),
    ("mapping.label", Mapping("y", ("a", "y"))),
    ("mapping.text", Mapping("y", ("t",))),
    ("mapping.twice", Mapping("y", ("a", "a"))),
    ("mapping.column", Mapping("y", slice="z")),
    ("mapping.slice", Mapping("y", slice="y")),
    ("mapping.slice", Mapping("y", ("a",), slice="a")),
]


@pytest.mark.parametrize(("rule", "mapping"), MAPPINGS)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path: Path, rule: str, mapping: Mapping) -> None:
    refused(rule, "", lambda: read(tmp_path, b"a,t,y\n1,u,0\n2,v,1\n", mapping=mapping))


def test_a_column_names_slices_and_is_not_fed(tmp_path: Path) -> None:
    table = b"a,site,y\n1,7,0\n2,,1\n3,9,1\n"
    found, arrays = read(tmp_path, table, mapping=Mapping("y", slice="site"))
    assert arrays["x"].tolist() == [[1], [2], [3]]
    assert arrays["slice"].tolist() == ["7", "", "9"]
    assert found.mapping is not None
    assert (found.mapping.features, found.mapping.slice) == (("a",), "site")
    assert found.problems == []
    refused(
        "slices.kind",
        "column 'b'",
        lambda: read(tmp_path, b"a,b,y\n1,0.5,0\n2,1,1\n", mapping=Mapping("y", slice="b")),
    )


def test_given_names_fix_the_order_and_bound_the_labels(tmp_path: Path) -> None:
    _, arrays = read(tmp_path, b"a,y\n1,u\n2,v\n", labels=("v", "u"))
    assert arrays["y"].tolist() == [1, 0]
    refused("labels.unknown", "column 'y'", lambda: read(tmp_path, b"a,y\n1,u\n2,w\n", labels=("v", "u")))
    refused("labels.range", "line 4", lambda: read(tmp_path, b"a,y\n1,0\n2,1\n3,2\n", labels=("v", "u")))


def test_numbers_with_a_fraction_are_to_be_predicted(tmp_path: Path) -> None:
    found, arrays = read(tmp_path, b"a,b,y\n1,5,0.5\n2,6,-1\n3,7,2.25\n")
    assert found.mapping is not None
    assert found.mapping.task == "regression"
    assert arrays["y"].tolist() == [0.5, -1.0, 2.25]
    assert found.labels == []


def test_whole_numbers_are_classes_unless_their_owner_says_otherwise(tmp_path: Path) -> None:
    table = b"a,y\n1,10\n2,20\n3,10\n"
    classes, arrays = read(tmp_path, table)
    assert (classes.labels, arrays["y"].tolist()) == (["10", "20"], [0, 1, 0])
    _, arrays = read(tmp_path, table, mapping=Mapping(task="regression"))
    assert arrays["y"].tolist() == [10.0, 20.0, 10.0]
    _, arrays = read(tmp_path, table, mapping=Mapping(task="unlabelled"))
    assert list(arrays) == ["x"]
    with pytest.raises(DatasetError, match="holds no numbers to be predicted"):
        read(tmp_path, b"a,y\n1,cat\n2,dog\n", mapping=Mapping(task="regression"))
