"""The experiment runs from data to table, and its variants are what their names say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpu_worker.reference import VARIANTS, Measured
from gpu_worker.reference.__main__ import main, table
from gpu_worker.reference.experiment import FILES, idx
from samples import blobs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes of 28×28 pictures under the names of Fashion-MNIST."""
    folder = tmp_path_factory.mktemp("pictures")
    for part, n, seed in (("", 256, 1), ("_test", 200, 2)):
        x, y = blobs(n, (28, 28), 10, seed)
        (folder / FILES[f"x{part}"]).write_bytes(idx(x))
        (folder / FILES[f"y{part}"]).write_bytes(idx(y))
    return folder


@pytest.mark.timeout(900)
def test_six_variants_come_out_as_they_are_called(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    main(["--quick", "--data", str(folder), "--out", str(out)])
    rows = {row["variant"]: row for row in json.loads(out.read_text())["results"]}
    assert list(rows) == [variant.name for variant in VARIANTS]
    fp32, int8, one_shot, taught, both, narrow = rows.values()
    assert all(row["n"] == 200 and row["ms64"] > row["ms1"] > 0 for row in rows.values())
    assert int8["file_bytes"] < 0.35 * fp32["file_bytes"]
    assert one_shot["file_bytes"] == pytest.approx(fp32["file_bytes"], rel=0.01)
    # The zeros are still there after the epoch, and they compress.
    for sparse, dense in ((one_shot, fp32), (taught, fp32), (both, int8)):
        assert sparse["zstd_bytes"] < 0.45 * dense["zstd_bytes"]
    assert narrow["file_bytes"] < 0.6 * fp32["file_bytes"]
    printed = capsys.readouterr().out
    assert all(f"| {variant.name} |" in printed for variant in VARIANTS)


def test_missing_data_is_named_with_its_source(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no train-images-idx3-ubyte.*npm start"):
        main(["--data", str(tmp_path)])


def test_changes_are_against_the_same_seed() -> None:
    """Two seeds that differ by ten points in fp32, and by one point through int8."""
    found = [
        Measured(name, seed, 1000, correct - seed * 100, 1000, 1000, 1.0, 2.0)
        for seed in (0, 1)
        for name, correct in ((VARIANTS[0].name, 900), (VARIANTS[1].name, 890))
    ]
    row = table(found).splitlines()[3]
    assert "84.00 (91.93) | 79.00 to 89.00 | -1.00 (+0.09)" in row
