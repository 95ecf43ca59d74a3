"""One cluster for all tests of this folder: each goes on where the one before it left it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.lab import Lab
from agent.seen import HEALTHY, POOL
from gpu_worker.agent.local import marked_processes
from gpu_worker.agent.settings import Settings


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    with tempfile.TemporaryDirectory(prefix="lathe-engine-") as folder:
        lab = Lab(Path(folder))
        try:
            lab.console.desire(pools=[POOL])
            lab.console.until(lambda: lab.console.observed["cluster"], HEALTHY, "the first observation")
            yield lab
        finally:
            instance = Settings(lab.home.resolve(), "", lab.ray_port).instance
            lab.close()
            assert list(marked_processes(instance)) == [], "the cluster left processes behind"
