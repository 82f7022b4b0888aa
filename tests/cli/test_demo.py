"""What the demo takes from its user's settings, what it remembers, and what it shows."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from em_agent.cli.demo import _isolate, _Progress, _remember
from em_agent.demo.send import Tally
from em_agent.embedded.data_directory import DataDirectory
from em_agent.errors import ConfigurationError
from em_agent.settings import load_settings


@pytest.fixture
def own_process() -> Iterator[None]:
    """The environment and directory of the tests, given back afterwards."""
    environment, folder = dict(os.environ), Path.cwd()
    yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    """An empty data directory."""
    found = DataDirectory(tmp_path / "data-demo")
    found.create()
    return found


@pytest.mark.usefixtures("own_process")
def test_the_demo_keeps_away_from_everything_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server, token, secret or file of the user's reaches the demo or its roles; address and time zone do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genuine.secret").write_text("genuine")
    dotenv = ("SLACK_BOT_TOKEN=genuine", "EM_AGENT_TIMEZONE=Europe/Berlin", "PAGERDUTY_API_TOKEN=genuine")
    (tmp_path / ".env").write_text("\n".join(dotenv))
    for name, value in {
        "EM_AGENT_DATA_DIR": "data",
        "EM_AGENT_PORT": "18123",
        "EM_AGENT_CONFIG": "genuine.yaml",
        "EM_AGENT_RETENTION_DAYS": "7",
        "DATABASE_URL": "postgresql://genuine/genuine",
        "NATS_URL": "nats://genuine",
        "PAGERDUTY_WEBHOOK_SECRET_FILE": "genuine.secret",
        "EM_AGENT_LOG_LEVEL": "",
    }.items():
        monkeypatch.setenv(name, value)
    settings = _isolate()
    role = load_settings()  # as a role does, in the directory and environment that it inherits
    assert settings.data_dir == role.data_dir == tmp_path / "data-demo" == Path.cwd()
    assert (settings.port, settings.timezone, settings.log_level) == (18123, "Europe/Berlin", "warning")
    assert (role.port, role.timezone, role.log_level) == (18123, "Europe/Berlin", "warning")
    assert settings.database_url is role.database_url is settings.nats_url is None
    assert not [name for name, value in {**role.environment, **os.environ}.items() if "genuine" in value]
    assert "EM_AGENT_RETENTION_DAYS" not in os.environ


def test_the_year_of_a_directory_stays(directory: DataDirectory) -> None:
    """The first start decides when the year ends and how large it is; later ones take it as it is."""
    first = _remember(directory, {"incidents": 40})
    assert (first["incidents"], first["days"], first["seed"]) == (40, 365, 1)
    assert datetime.now(UTC) - datetime.fromisoformat(first["end"]) < timedelta(minutes=1)
    assert _remember(directory, {}) == _remember(directory, {"incidents": 40}) == first


def test_another_year_needs_another_directory(directory: DataDirectory) -> None:
    """Options that contradict the directory's year are refused, also zero."""
    _remember(directory, {})
    with pytest.raises(ConfigurationError, match="--seed 1 already: leave --seed 0 out"):
        _remember(directory, {"seed": 0})


def test_progress_without_a_terminal_is_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets eleven lines, however many deliveries there are."""
    with _Progress(200) as show:
        for sent in range(1, 201):
            show(Tally(sent=sent))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "Sending a year of webhooks: 200 of 200"
