"""The doctor sees what is wrong with the access to Slack, and what to do."""

from dataclasses import replace

from em_agent.doctor.report import Status
from em_agent.doctor.slack import examine_slack, examine_troubles
from em_agent.kit.postgres import Pool
from em_agent.services import SlackAccess
from em_agent.slack import troubles
from tests.fake_slack import FakeSlack, Rule
from tests.fake_slack.server import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET


def access_to(slack: FakeSlack) -> SlackAccess:
    """All that there is to set."""
    return SlackAccess([SIGNING_SECRET], BOT_TOKEN, APP_TOKEN, slack.url)


async def test_nothing_is_set_up() -> None:
    """Without Slack there is nothing to say."""
    assert await examine_slack(SlackAccess([], None, None, "https://slack.com/api/")) == []


async def test_all_is_well() -> None:
    """What is right is named, with the workspace."""
    async with FakeSlack() as slack:
        checks = await examine_slack(access_to(slack))
    assert [(check.name, check.status) for check in checks] == [
        ("slack: requests", Status.OK),
        ("slack: token", Status.OK),
        ("slack: scopes", Status.OK),
        ("slack: socket mode", Status.OK),
    ]
    assert "em-agent in acme" in checks[1].detail


async def test_what_is_wrong() -> None:
    """Refused tokens, missing scopes, and a Slack that does not answer are told apart."""
    async with FakeSlack() as slack:
        slack.scopes = "commands,chat:write"
        checks = {check.name: check for check in await examine_slack(access_to(slack))}
        assert checks["slack: scopes"].detail == "It lacks app_mentions:read, im:history."
        wrong = replace(access_to(slack), bot_token="xoxb-old", app_token="xapp-old", signing_secrets=[])
        checks = {check.name: check for check in await examine_slack(wrong)}
        assert checks["slack: token"].detail == "Slack refuses it: invalid_auth."
        assert "invalid_auth" in checks["slack: socket mode"].detail
        slack.rule("auth.test", Rule(error="token_revoked"))
        checks = {check.name: check for check in await examine_slack(access_to(slack))}
        assert checks["slack: token"].detail == "Slack refuses it: token_revoked."
    checks = {check.name: check for check in await examine_slack(access_to(slack))}
    assert slack.url in checks["slack: token"].detail
    assert checks["slack: token"].status is Status.FAIL


async def test_half_set_up() -> None:
    """Without a token, or without a way in, it says what then does not work."""
    async with FakeSlack() as slack:
        checks = await examine_slack(SlackAccess([SIGNING_SECRET], None, None, slack.url))
        assert "only commands" in checks[-1].detail
        checks = await examine_slack(SlackAccess([], BOT_TOKEN, None, slack.url))
        assert checks[0].status is Status.WARN


async def test_troubles(pool: Pool, database_url: str) -> None:
    """What the worker met with is told until it is over."""
    await troubles.note(pool, troubles.channel("C1"), "is_archived")
    [check] = await examine_troubles(database_url)
    assert check.name == "slack: channel C1"
    assert "is_archived" in check.detail
    await troubles.clear(pool, troubles.channel("C1"))
    assert await examine_troubles(database_url) == []
