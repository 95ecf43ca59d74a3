"""A compressed dataset is inflated once a machine and read as if it had come plain."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gpu_worker.contract import DatasetFile, DatasetRef, Split, Transform
from gpu_worker.jobs.data import open_reference
from samples import blobs, write_idx
from specs import open_door


def test_compressed_files_are_mapped_after_the_first_time(tmp_path: Path) -> None:
    door = open_door(tmp_path / "door")
    x, y = blobs(60, (6, 5), 3)
    files = []
    for role, array in (("x", x), ("y", y.astype(np.int32))):
        artifact = door.put_blob(write_idx(tmp_path / f"{role}.gz", array))
        files.append(
            DatasetFile(
                role="x" if role == "x" else "y",
                format="idx",
                sha256=artifact.sha256,
                bytes=artifact.bytes,
                name=f"{role}.gz",
            )
        )
    reference = DatasetRef(
        dataset_id="d",
        name="d",
        files=files,
        split=Split(kind="seeded", seed=0, test_fraction=0.25),
        transform=Transform(scale=1, mean=0, std=1),
    )
    for _ in range(2):
        opened = open_reference(door, reference)
        assert isinstance(opened.x.parts[0], np.memmap)
        assert np.array_equal(opened.x.take(np.arange(60)), x)
        assert np.array_equal(opened.y, y)
    plain = sorted((tmp_path / "door" / "inflated").iterdir())
    assert [file.name for file in plain] == sorted(file.sha256 for file in files)
