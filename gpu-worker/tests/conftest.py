"""What tests of several parts stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from agent.fake_console import FakeConsole

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("lathe", deadline=None)
settings.load_profile("lathe")


@pytest.fixture
def console() -> Iterator[FakeConsole]:
    console = FakeConsole()
    yield console
    console.close()
