"""`em-agent info` and `em-agent migrate`."""

import json
from pathlib import Path

from tests.cli.conftest import Command
from tests.embedded.stack import Stack, query


def test_shows_the_addresses_of_what_runs(em_agent: Command, stack: Stack) -> None:
    """JSON has exactly the five addresses, which work; the table has the same; and after the stop nothing runs."""
    stack.start()
    outcome = em_agent("info", "--json")
    assert outcome.returncode == 0
    found = json.loads(outcome.stdout)
    assert found == stack.endpoints
    assert set(found) == {"api_url", "connectors_url", "database_url", "nats_url", "data_dir"}
    assert query(found["database_url"], "SELECT 1") == [(1,)]
    table = em_agent("info").stdout
    assert all(value in table for value in found.values())
    migrated = em_agent("migrate")
    assert (migrated.returncode, migrated.stdout) == (0, "The database is up to date.\n")
    stack.stop()
    after = em_agent("info", "--json")
    assert (after.returncode, after.stdout) == (1, "")
    assert "Nothing runs" in after.stderr


def test_an_address_left_by_a_killed_one_is_not_shown(em_agent: Command, stack: Stack) -> None:
    """After a kill -9 of everything the file of addresses is there, and is not believed."""
    stack.start()
    stack.kill_all()
    stack.wait()
    assert (stack.data_dir / "endpoints.json").exists()
    assert em_agent("info").returncode == 1


def test_makes_nothing_when_nothing_runs(em_agent: Command, tmp_path: Path) -> None:
    """Asking leaves no directory behind."""
    assert em_agent("info").returncode == 1
    assert em_agent("migrate").returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_shows_external_servers(em_agent: Command) -> None:
    """Where both servers are elsewhere their addresses are those of the settings."""
    outcome = em_agent(
        "info", "--json", DATABASE_URL="postgresql://u:p@db/em", NATS_URL="nats://nats:4222", EM_AGENT_PORT="81"
    )
    found = json.loads(outcome.stdout)
    assert found["database_url"] == "postgresql://u:p@db/em"
    assert found["nats_url"] == "nats://nats:4222"
    assert found["api_url"] == "http://127.0.0.1:81"
