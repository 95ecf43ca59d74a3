"""Folders of ranks that begin at the same time on a node."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gpu_worker.script.folders import RankFolder


def test_ranks_that_begin_together_each_have_a_folder_and_leave_none(tmp_path: Path) -> None:
    def rank(number: int) -> None:
        for _ in range(50):
            folder = RankFolder.create(str(number), tmp_path)
            assert (folder.path / "code").is_dir()
            folder.close()

    with ThreadPoolExecutor(4) as ranks:
        list(ranks.map(rank, range(4)))
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
