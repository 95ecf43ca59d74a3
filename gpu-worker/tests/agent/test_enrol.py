"""How an agent gets its token, and gets another when the console has forgotten it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.fake_console import AGENT_TOKEN, ENROL_TOKEN, FakeConsole
from gpu_worker.agent.console import Unauthorised, enrol
from gpu_worker.agent.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, console: FakeConsole) -> Settings:
    (tmp_path / "secrets").mkdir()
    return Settings(tmp_path, console.url, 0)


def one_time(settings: Settings, token: str = ENROL_TOKEN) -> Path:
    file = settings.secret_file("agent-enrol.token")
    file.write_text(token)
    return file


def test_a_token_that_is_known_stays_though_a_new_one_time_token_is_there(
    console: FakeConsole, settings: Settings
) -> None:
    once = one_time(settings)
    assert enrol(settings) == AGENT_TOKEN
    assert not once.exists()
    one_time(settings)
    assert enrol(settings) == AGENT_TOKEN
    assert console.enrolled == 1


def test_a_console_with_another_database_is_enrolled_with_again(
    console: FakeConsole, settings: Settings
) -> None:
    saved = settings.secret_file("agent.token")
    saved.write_text("known to the console that was here before")
    assert enrol(settings) == saved.read_text(), "without a one-time token there is nothing better"
    one_time(settings)
    assert enrol(settings) == AGENT_TOKEN
    assert saved.read_text() == AGENT_TOKEN


def test_a_wrong_one_time_token_is_refused_and_nothing_is_saved(settings: Settings) -> None:
    once = one_time(settings, "wrong-0123456789abcdef")
    with pytest.raises(Unauthorised):
        enrol(settings)
    assert once.exists()
    assert not settings.secret_file("agent.token").exists()
