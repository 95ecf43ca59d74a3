"""What an agent shows to operators, and that nobody asks it for what it does not tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gpu_worker.agent.operators import show
from gpu_worker.agent.plan import StopJob
from gpu_worker.agent.settings import Settings
from gpu_worker.agent.vitals import Vitals
from gpu_worker.contract import ObservedJob

DEPLOY = Path(__file__).parents[3] / "deploy"
TOKEN = "t" * 64


@pytest.fixture
def vitals() -> Vitals:
    return Vitals()


@pytest.fixture
def ask(tmp_path: Path, vitals: Vitals) -> Iterator[Callable[..., httpx.Response]]:
    settings = Settings(tmp_path, "http://127.0.0.1:1", 0, metrics_port=0)
    settings.secret_file("x").parent.mkdir()
    settings.secret_file("metrics.token").write_text(TOKEN)
    server = show(settings, vitals)
    assert server is not None

    def get(path: str, token: str = TOKEN) -> httpx.Response:
        url = f"http://127.0.0.1:{server.server_port}{path}"
        return httpx.get(url, headers={"authorization": f"Bearer {token}"}, trust_env=False)

    yield get
    server.shutdown()
    server.server_close()


def test_ready_names_what_is_silent(ask: Callable[..., httpx.Response], vitals: Vitals) -> None:
    assert ask("/health/live").status_code == 200
    assert [missing["name"] for missing in ask("/health/ready").json()["notReady"]] == ["ray", "console"]
    vitals.ray_answered()
    answer = ask("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["notReady"] == [{"name": "console", "why": "the console has taken nothing yet"}]
    vitals.told()
    assert ask("/health/ready").json() == {"ready": True, "notReady": []}


def test_metrics_are_for_who_shows_the_token(ask: Callable[..., httpx.Response], tmp_path: Path) -> None:
    assert ask("/metrics").status_code == 200
    assert ask("/metrics", "t").status_code == 401
    (tmp_path / "secrets/metrics.token").unlink()
    assert ask("/metrics", TOKEN).status_code == 401


def test_counts_are_of_now(ask: Callable[..., httpx.Response], vitals: Vitals) -> None:
    vitals.acted(StopJob("j1"), taken=False)
    job = ObservedJob.model_construct(job_id="j1", state="running")
    vitals.seen([job, job], [])
    text = ask("/metrics").text
    assert 'lathe_agent_actions_total{action="StopJob",outcome="failed"} 1.0' in text
    assert 'lathe_agent_jobs{state="running"} 2.0' in text
    vitals.seen([], [])
    assert "lathe_agent_jobs{" not in ask("/metrics").text


def test_a_taken_port_stops_nobody(tmp_path: Path, vitals: Vitals) -> None:
    first = show(Settings(tmp_path, "", 0, metrics_port=0), vitals)
    assert first is not None
    assert show(Settings(tmp_path, "", 0, metrics_port=first.server_port), vitals) is None
    first.shutdown()
    first.server_close()


def test_dashboard_and_alerts_ask_for_what_an_agent_tells(ask: Callable[..., httpx.Response]) -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    assert all(rule["expr"] and rule["annotations"]["summary"] for rule in rules)
    jobs = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == [
        "lathe-web",
        "lathe-gateway",
        "lathe-controller",
        "lathe-agent",
    ]
    families = list(text_string_to_metric_families(ask("/metrics").text))
    told = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    asked = {
        name
        for file in ("grafana/lathe.json", "alerts.yml")
        for name in re.findall(r"\blathe_agent_\w+", (DEPLOY / file).read_text())
    }
    assert len(asked) >= 4
    assert asked <= told
    guide = (DEPLOY.parent / "docs/OPERATING.md").read_text()
    assert [name for name in told if name.startswith("lathe_") and f"`{name}" not in guide] == []
