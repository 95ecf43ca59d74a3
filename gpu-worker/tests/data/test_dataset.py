"""Splits repeat, layouts fit or say why not, and checks find what they name."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_worker.data import (
    Dataset,
    DatasetFile,
    InputSpec,
    Leakage,
    Samples,
    Split,
    Transform,
    check_dataset,
    encode_png,
    open_dataset,
    stratified_split,
)
from gpu_worker.data.duplicates import find_duplicates
from gpu_worker.data.layout import adapter
from samples import blobs

SEEDED = Split("seeded", 0, 0.25)


def files(path: Path, **arrays: np.ndarray) -> list[DatasetFile]:
    np.savez(path / "data.npz", **arrays)  # pyright: ignore[reportArgumentType]
    return [DatasetFile("data", "npz", path / "data.npz")]


@given(st.lists(st.integers(0, 4), min_size=2, max_size=200), st.integers(0, 9), st.floats(0.05, 0.95))
def test_a_seeded_split_is_stratified_and_repeatable(labels: list[int], seed: int, fraction: float) -> None:
    y = np.array(labels)
    train, test = stratified_split(y, seed, fraction)
    again_train, again_test = stratified_split(y, seed, fraction)
    assert np.array_equal(train, again_train)
    assert np.array_equal(test, again_test)
    assert sorted([*train, *test]) == list(range(len(y)))
    for label in set(labels):
        n, in_test = labels.count(label), int((y[test] == label).sum())
        assert abs(in_test - n * fraction) <= 1
        assert n == 1 or 1 <= in_test < n


LAYOUTS: list[tuple[tuple[int, ...], tuple[int | None, ...], tuple[int, ...]]] = [
    ((8, 6), (None, 1, 8, 6), (1, 8, 6)),
    ((8, 6), (None, 8, 6), (8, 6)),
    ((8, 6), (None, 8, 6, 1), (8, 6, 1)),
    ((8, 6), (None, 48), (48,)),
    ((8, 6, 3), (None, 3, 8, 6), (3, 8, 6)),
    ((3, 8, 6), (None, 8, 6, 3), (8, 6, 3)),
    ((8, 6, 1), (4, 1, 8, 6), (1, 8, 6)),
    ((48,), (None, 1, 8, 6), (1, 8, 6)),
    ((3, 8, 6), (None, 3, None, None), (3, 8, 6)),
]


@pytest.mark.parametrize(("sample", "wanted", "expected"), LAYOUTS)
def test_samples_are_laid_out_as_the_model_wants(
    sample: tuple[int, ...], wanted: tuple[int | None, ...], expected: tuple[int, ...]
) -> None:
    batch = np.arange(2 * np.prod(sample)).reshape(2, *sample)
    found = adapter(sample, InputSpec("in", wanted))(batch)
    assert found.shape == (2, *expected)
    if sample == (8, 6, 3):
        assert np.array_equal(found[1, 2], batch[1, :, :, 2])
    if sample == (3, 8, 6) and expected == (8, 6, 3):
        assert np.array_equal(found[1, :, :, 2], batch[1, 2])


@pytest.mark.parametrize("wanted", [(None, 3, 8, 6), (None, 1, 8, 7), (None, 49), (None, 1, 1, 8, 6)])
def test_a_misfit_names_both_shapes(wanted: tuple[int | None, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(8, 6\)") as refused:
        adapter((8, 6), InputSpec("in", wanted))
    assert str(wanted[1:]) in str(refused.value)


def test_a_good_dataset_has_counts_previews_and_a_transform(tmp_path: Path) -> None:
    x, y = blobs(80, (9, 7), 4)
    report = check_dataset(files(tmp_path, x=x, y=y), SEEDED)
    assert report.ok
    assert report.problems == []
    assert (report.n, report.shape, report.dtype, report.classes) == (80, (9, 7), "uint8", 4)
    assert [(count.train, count.test) for count in report.counts] == [(15, 5)] * 4
    assert report.transform == Transform(1 / 255)
    assert len(report.previews) == 16
    for preview in report.previews:
        assert y[preview.sample_id] == preview.label
        assert np.array_equal(decode_png(base64.b64decode(preview.png)), x[preview.sample_id])


def test_samples_that_are_no_pictures_are_shown_by_their_first_numbers(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 12)).astype(np.float32)
    report = check_dataset(files(tmp_path, x=x, y=x[:, :2] * 3), SEEDED)
    assert report.ok
    assert report.previews == []
    assert len(report.rows) == 8
    for row in report.rows:
        assert np.array_equal(row.values, x[row.sample_id, :8])
        assert np.allclose(row.label, x[row.sample_id, :2] * 3)
    unlabelled = check_dataset(files(tmp_path, x=x), SEEDED)
    assert unlabelled.ok
    assert unlabelled.rows[0].label == []


def decode_png(data: bytes) -> np.ndarray:
    width, height = struct.unpack(">II", data[16:24])
    at = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), np.uint8).reshape(height, width + 1)
    return rows[:, 1:]


def test_png_has_the_parts_that_the_format_asks_for() -> None:
    data = encode_png(np.zeros((2, 3, 3), np.uint8))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data[25] == 2
    assert data.endswith(b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))


X, Y = blobs(40, (4, 4), 4)
NAN = X.astype(np.float32)
NAN[17, 0, 0] = np.nan
PROBLEMS: dict[str, dict[str, np.ndarray]] = {
    "arrays.missing": {"y": Y},
    "arrays.match": {"x": X, "y": Y[:-1]},
    "labels.constant": {"x": X, "y": np.full(40, 0.5)},
    "labels.nan": {"x": X, "y": np.where(Y == 2, np.nan, Y + 0.5)},
    "labels.ignored": {"x": X, "y": np.full((40, 3), -100)},
    "labels.negative": {"x": X, "y": Y - 1},
    "labels.range": {"x": X, "y": Y + (1 << 40)},
    "labels.shape": {"x": X, "y": np.zeros((40, 2, 2), int)},
    "labels.classes": {"x": X, "y": np.zeros(40, int)},
    "labels.gap": {"x": X, "y": Y * 2},
    "values.nan": {"x": NAN, "y": Y},
    "slices.match": {"x": X, "y": Y, "slice": np.array(["north", "south"])},
    "slices.kind": {"x": X, "y": Y, "slice": np.linspace(0, 1, 40)},
    "slices.many": {"x": np.repeat(X, 3, 0), "y": np.repeat(Y, 3, 0), "slice": np.arange(120)},
    "slices.name": {"x": X, "y": Y, "slice": np.full(40, "n" * 61)},
    "slices.text": {"x": X, "y": Y, "slice": np.full(40, 0x110000, np.uint32).view("<U1")},
}


@pytest.mark.parametrize("rule", PROBLEMS)
def test_each_error_refuses_the_dataset(tmp_path: Path, rule: str) -> None:
    report = check_dataset(files(tmp_path, **PROBLEMS[rule]), SEEDED)
    assert rule in [problem.rule for problem in report.problems if problem.level == "error"]
    assert not report.ok
    assert all(problem.message and problem.remedy for problem in report.problems)


def test_slices_are_named_by_text_or_numbers_and_a_sample_may_be_in_none(tmp_path: Path) -> None:
    x, y = blobs(60, (6, 5), 3)
    named = np.array(["north", " south ", ""])[np.arange(60) % 3]
    dataset = open_dataset(files(tmp_path, x=x, y=y, slice=named), SEEDED, Transform())
    assert dataset.slices is not None
    assert dataset.slices.names == ("north", "south")
    assert dataset.slices.of.tolist() == [0, 1, -1] * 20
    for name, places in dataset.slices.ids(dataset.test_ids):
        assert {str(named[number]).strip() for number in dataset.test_ids[places]} == {name}
    report = check_dataset(files(tmp_path, x=x, y=y, slice=named), SEEDED)
    assert [(found.name, found.train + found.test) for found in report.slices] == [
        ("north", 20),
        ("south", 20),
    ]

    parts = {"x": x[:40], "y": y[:40], "x_test": x[40:], "y_test": y[40:]}
    numbered = files(tmp_path, **parts, slice_test=np.arange(20) % 2)
    report = check_dataset(numbered, Split("files"))
    assert [(found.name, found.train, found.test) for found in report.slices] == [("0", 0, 10), ("1", 0, 10)]
    unmeasured = check_dataset(files(tmp_path, **parts, slice=np.full(40, "east")), Split("files"))
    assert "slices.test" in [problem.rule for problem in unmeasured.problems]


def test_imbalance_and_constant_input_only_warn(tmp_path: Path) -> None:
    y = np.array([0] * 100 + [1] * 2)
    report = check_dataset(files(tmp_path, x=np.full((102, 4, 4), 7, np.uint8), y=y), SEEDED)
    assert report.ok
    assert {problem.rule for problem in report.problems} == {
        "labels.imbalance",
        "values.constant",
        "leakage.between",
        "leakage.repeated",
        "labels.conflict",
    }


def test_the_transform_is_applied_in_its_order(tmp_path: Path) -> None:
    dataset = open_dataset(files(tmp_path, x=X, y=Y), SEEDED, Transform(1 / 255, 0.5, 0.25))
    batch = dataset.batch(np.array([3, 1]), InputSpec("in", (None, 16)))
    np.testing.assert_allclose(batch, (X[[3, 1]].reshape(2, 16) / 255 - 0.5) / 0.25, rtol=1e-5, atol=1e-6)
    assert batch.dtype == np.float32
    assert batch.flags["C_CONTIGUOUS"]


def test_tokens_reach_the_model_as_whole_numbers(tmp_path: Path) -> None:
    dataset = open_dataset(files(tmp_path, x=X, y=Y), SEEDED, Transform(1 / 255, 0.5, 0.25))
    batch = dataset.batch(np.array([3, 1]), InputSpec("tokens", (None, 16), "int64"))
    np.testing.assert_array_equal(batch, X[[3, 1]].reshape(2, 16))
    assert batch.dtype == np.int64


def test_a_transform_of_channels_follows_them_into_every_layout(tmp_path: Path) -> None:
    x, y = blobs(40, (4, 5, 3), 2)
    transform = Transform(1 / 255, (0.1, 0.2, 0.3), (1.0, 2.0, 4.0))
    dataset = open_dataset(files(tmp_path, x=x, y=y), SEEDED, transform)
    expected = (x[[3]] / 255 - [0.1, 0.2, 0.3]) / [1, 2, 4]
    last = dataset.batch(np.array([3]), InputSpec("in", (None, 4, 5, 3)))
    first = dataset.batch(np.array([3]), InputSpec("in", (None, 3, 4, 5)))
    np.testing.assert_allclose(last, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first, expected.transpose(0, 3, 1, 2), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="mean has 2 values"):
        open_dataset(files(tmp_path, x=x, y=y), SEEDED, Transform(1.0, (0.0, 1.0)))


@given(
    st.lists(st.lists(st.integers(0, 1), min_size=5, max_size=5), min_size=4, max_size=40), st.integers(1, 3)
)
def test_equal_samples_are_those_that_a_table_of_bytes_finds(rows: list[list[int]], edge: int) -> None:
    x = np.array(rows, np.uint8)
    y = np.arange(len(x)) % 2
    train, test = np.arange(edge), np.arange(edge, len(x))
    found = find_duplicates(Dataset(Samples([x[:edge], x[edge:]]), y, 2, train, test, Transform()))
    first: dict[bytes, int] = {}
    repeated = [i for i in train if first.setdefault(x[i].tobytes(), int(i)) != i]
    leaked = [(first[x[i].tobytes()], int(i)) for i in test if x[i].tobytes() in first]
    assert found.repeated == len(repeated)
    assert found.between == len(leaked)
    assert found.pairs == leaked[:10]
    wrong = [(first[x[i].tobytes()], i) for i in repeated] + leaked
    assert found.conflicting == sum(y[a] != y[b] for a, b in wrong)


def test_leaks_and_repeats_are_warnings_with_their_place(tmp_path: Path) -> None:
    x = np.arange(60, dtype=np.uint8).reshape(20, 3)
    x_test = np.concatenate([x[[7]], x[:5] + 100])
    arrays = {
        "x": np.concatenate([x, x[[2]]]),
        "y": np.arange(21) % 2,
        "x_test": x_test,
        "y_test": np.arange(6) % 2,
    }
    report = check_dataset(files(tmp_path, **arrays), Split("files"))
    assert report.ok
    assert report.leakage == Leakage(between=1, pairs=[(7, 21)], repeated=1, conflicting=1)
    warned = {problem.rule: problem for problem in report.problems}
    assert set(warned) == {"leakage.between", "leakage.repeated", "labels.conflict"}
    assert warned["leakage.between"].where == "test samples 21 (as 7)"


def test_columns_are_standardised_by_the_train_part_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(50, 3, (300, 2)), np.full((300, 1), 9.0)], 1).astype(np.float32)
    x_test = np.full((10, 3), 1e6, np.float32) + np.arange(10, dtype=np.float32)[:, None] * 1000
    found = files(tmp_path, x=x, y=np.arange(300) % 2, x_test=x_test, y_test=np.arange(10) % 2)
    report = check_dataset(found, Split("files"), standardise=True)
    assert [problem.rule for problem in report.problems] == ["values.constant_column"]
    assert report.problems[0].where == "feature 3"
    dataset = open_dataset(found, Split("files"), report.transform)
    batch = dataset.batch(dataset.train_ids, InputSpec("in", (None, 3)))
    np.testing.assert_allclose(batch.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(batch.std(axis=0), [1, 1, 0], atol=1e-4)


def test_a_nan_is_named_with_its_sample_and_place(tmp_path: Path) -> None:
    report = check_dataset(files(tmp_path, x=NAN, y=Y), SEEDED)
    assert report.problems[0].where == "sample 17, value 0, 0"


ROWS = np.arange(40, dtype=np.float32).reshape(40, 1) / 7
TASKS: dict[str, tuple[dict[str, np.ndarray], tuple[int, ...], int]] = {
    "classification": ({"y": Y.astype(np.float64)}, (), 4),
    "regression": ({"y": ROWS[:, 0] + 0.5}, (1,), 0),
    "multilabel": ({"y": np.arange(120).reshape(40, 3) % 2}, (3,), 3),
    "tokens": ({"y": np.arange(120).reshape(40, 3) % 5}, (3,), 5),
    "unlabelled": ({}, (), 0),
}


@pytest.mark.parametrize("task", TASKS)
def test_labels_say_what_is_asked(tmp_path: Path, task: str) -> None:
    labels, shape, classes = TASKS[task]
    found = files(tmp_path, x=ROWS, **labels)
    report = check_dataset(found, SEEDED)
    assert report.ok, report.problems
    assert (report.task, report.label_shape, report.classes) == (task, shape, classes)
    assert (report.n, report.train + report.test) == (40, 40)
    dataset = open_dataset(found, SEEDED, report.transform, report.task)
    assert len(dataset.y) == 40
    for value in report.values:
        assert (sum(value.train), sum(value.test)) == (report.train, report.test)
        assert value.mean == pytest.approx(labels["y"].mean())


def test_an_owner_may_ask_for_numbers_and_for_no_labels(tmp_path: Path) -> None:
    found = files(tmp_path, x=ROWS, y=Y)
    assert check_dataset(found, SEEDED, task="regression").task == "regression"
    assert open_dataset(found, SEEDED, Transform(), "unlabelled").y.shape == (40, 0)
    refused = check_dataset(found, SEEDED, task="tokens")
    assert [problem.rule for problem in refused.problems] == ["labels.shape"]
