"""The stage of the tests of scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from script.stage import Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    monkeypatch.setenv("LATHE_HOME", str(stage.home))
    yield stage
    assert stage.left_behind() == []
