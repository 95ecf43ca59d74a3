"""What tests of several parts stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.fake_console import FakeConsole


@pytest.fixture
def console() -> Iterator[FakeConsole]:
    console = FakeConsole()
    yield console
    console.close()
