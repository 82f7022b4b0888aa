"""`em-agent doctor`."""

import json
from typing import Any

from tests.cli.conftest import Command
from tests.embedded.stack import Stack


def _checks(stdout: str) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(stdout)["checks"]}


def test_says_that_nothing_runs(em_agent: Command) -> None:
    """Before the first start it fails, and says what to do."""
    outcome = em_agent("doctor")
    assert outcome.returncode == 1
    assert "em-agent up" in outcome.stdout
    assert outcome.stderr == ""


def test_a_wrong_setting_is_a_finding(em_agent: Command) -> None:
    """A setting that stops the start is told as a failed check, in JSON too."""
    outcome = em_agent("doctor", "--json", EM_AGENT_TIMEZONE="Mars")
    assert outcome.returncode == 1
    assert "EM_AGENT_TIMEZONE" in _checks(outcome.stdout)["settings"]["detail"]


def test_looks_at_every_part(em_agent: Command, stack: Stack) -> None:
    """What works is ok; what is missing or empty is named, with advice."""
    stack.start()
    outcome = em_agent("doctor", "--json", PAGERDUTY_WEBHOOK_SECRET="one,two")
    checks = _checks(outcome.stdout)
    assert outcome.returncode == 1
    for name in ("settings", "data directory", "gateway", "nats", "postgres", "durability", "pgvector", "migrations",
                 "outbox", "dead letters", "quarantine", "secret: pagerduty"):  # fmt: skip
        assert checks[name]["status"] == "ok", checks[name]
    for name in ("connectors", "stream", "consumer: incidents", "consumer: warehouse"):
        assert checks[name]["status"] == "fail", checks[name]
    for name in ("deliveries: pagerduty", "metrics"):
        assert checks[name]["status"] == "warn", checks[name]
    assert all(check["advice"] for check in checks.values() if check["status"] != "ok")
    assert "two" not in outcome.stdout
