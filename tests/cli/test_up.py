"""`em-agent up` with wrong settings. What it does with right ones is proved by the tests of the supervisor."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"EM_AGENT_PORT": "eighty"}, "EM_AGENT_PORT"),
        ({"EM_AGENT_HOST": "0.0.0.0"}, "EM_AGENT_API_KEYS"),
        ({"EM_AGENT_PORT": "18999", "EM_AGENT_CONNECTORS_PORT": "18999"}, "EM_AGENT_CONNECTORS_PORT"),
        ({"EM_AGENT_DATA_DIR": "/dev/null/data"}, "EM_AGENT_DATA_DIR"),
        ({"EM_AGENT_HOST": "192.0.2.1", "EM_AGENT_API_KEYS": "key"}, "192.0.2.1"),
    ],
)
def test_a_wrong_setting_is_one_line(em_agent: Command, tmp_path: Path, settings: dict[str, str], named: str) -> None:
    """It names the setting, exits 1 and starts nothing."""
    outcome = em_agent("up", **settings)
    assert outcome.returncode == 1
    assert outcome.stdout == ""
    assert len(outcome.stderr.splitlines()) == 1
    assert named in outcome.stderr
    assert not (tmp_path / "data" / "postgres").exists()
