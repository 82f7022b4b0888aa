"""The worker of Slack is there when Slack is set up, and only then; nothing that breaks in it ends the process."""

import pytest

from em_agent.embedded.roles import default_roles
from em_agent.events.stream import ensure_event_stream
from em_agent.kit.nats import jetstream, open_client
from em_agent.kit.postgres import Pool
from em_agent.kit.presence import announce
from em_agent.services import SlackAccess
from em_agent.settings import load_settings
from em_agent.slack import part as parts_of_slack
from em_agent.slack.announce.rules import Rule
from em_agent.slack.answers.sources import sources_from
from em_agent.slack.part import SlackPart
from em_agent.zones import zone_of
from tests.cli.conftest import Command, em_agent
from tests.fake_slack import FakeSlack
from tests.fake_slack.server import APP_TOKEN, BOT_TOKEN
from tests.parts import Gateway, gateway_on, running
from tests.waiting import eventually

__all__ = ["em_agent"]


def _words(**environment: str) -> set[str]:
    roles = default_roles(load_settings(environment), lambda _: None)
    return {word for role in roles for word in role.name.split()}


@pytest.mark.parametrize("setting", ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"])
def test_up_runs_it_where_it_is_set_up(setting: str) -> None:
    """`up` runs the worker as soon as one of Slack's settings is there."""
    assert "slack" not in _words()
    assert "slack" in _words(**{setting: "x"})


def test_alone_without_slack(em_agent: Command) -> None:
    """Alone and without Slack it says in one line what to set."""
    urls = {"DATABASE_URL": "postgresql://localhost/x", "NATS_URL": "nats://127.0.0.1:1"}
    done = em_agent("worker", "slack", **urls)
    assert done.returncode == 1
    assert "SLACK_BOT_TOKEN" in done.stderr.splitlines()[-1]


async def test_readiness_asks_for_it(database_url: str, nats_url: str) -> None:
    """`/readyz` names the worker where Slack is set up, by whether it answers; elsewhere not at all."""
    async with open_client(nats_url, name="test") as client:
        await ensure_event_stream(jetstream(client), replicas=1)
        async with gateway_on(database_url, nats_url) as gateway:
            checks = await eventually(lambda: _roles(gateway))
            assert "worker slack" not in checks
        async with gateway_on(database_url, nats_url, SLACK_SIGNING_SECRET="x") as gateway:
            checks = await eventually(lambda: _roles(gateway))
            assert checks["worker slack"] == "not running"
            await announce(client, "worker slack", lambda: True)
            await client.flush()
            assert (await _roles(gateway))["worker slack"] == "ok"


async def _roles(gateway: Gateway) -> dict[str, str]:
    """What readiness says of the roles, once it asks them."""
    checks: dict[str, str] = (await gateway.client.get("/readyz")).json()["checks"]
    return checks if "relay" in checks else {}


async def test_slack_away_is_no_failure_of_ours(database_url: str) -> None:
    """The part is well while Slack does not answer; it connects, announces and answers when that does."""
    async with FakeSlack() as slack:
        await slack.stop()
        access = SlackAccess([], BOT_TOKEN, APP_TOKEN, slack.url)
        part = SlackPart(database_url, access, [Rule("CALL")], sources_from(zone_of("UTC"), None, None))
        async with running(part.run()):
            await eventually(lambda: part.is_well)
            await slack.start()
            await eventually(lambda: slack.sockets, 20)
            assert await slack.send_by_socket("slash_commands", slack.command_fields("help"))
            await eventually(slack.conversations.private)


async def test_what_breaks_is_begun_anew(database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody thought of ends none of the three parts: they go on when it is gone."""
    monkeypatch.setattr(parts_of_slack, "PAUSE_SECONDS", 0.1)
    for table in ("slack_jobs", "slack_announcing", "slack_troubles"):
        await pool.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
    async with FakeSlack() as slack:
        access = SlackAccess([], BOT_TOKEN, APP_TOKEN, slack.url)
        part = SlackPart(database_url, access, [Rule("CALL")], sources_from(zone_of("UTC"), None, None))
        async with running(part.run()):
            await eventually(lambda: len(slack.sockets) > 1, 20)
            assert not part.is_well
            for table in ("slack_jobs", "slack_announcing", "slack_troubles"):
                await pool.execute(f"ALTER TABLE {table}_away RENAME TO {table}")
            await eventually(lambda: part.is_well, 20)
