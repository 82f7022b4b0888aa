"""Examines Slack: the tokens, what they may do, and what went wrong of late."""

import asyncpg

from em_agent.doctor.report import Check, fail, ok, warn
from em_agent.errors import EmAgentError, RetriableError
from em_agent.kit import postgres
from em_agent.services import SlackAccess
from em_agent.slack.client import SlackClient, open_slack
from em_agent.slack.failures import SlackRefusedError, SlackTokenError
from em_agent.slack.manifest import REQUIRED_SCOPES

_NEW_TOKEN = "Install the app to the workspace again, and set SLACK_BOT_TOKEN to the token that it shows."  # noqa: S105


async def examine_slack(access: SlackAccess) -> list[Check]:
    """What is found of the access to Slack; nothing where none is set up."""
    if not (access.signing_secrets or access.bot_token or access.app_token):
        return []
    checks = [_way_in(access)]
    if access.bot_token is None:
        advice = "Set SLACK_BOT_TOKEN for mentions, direct messages and announcements."
        checks.append(warn("slack: token", "There is none: only commands are answered.", advice))
    else:
        async with open_slack(access.bot_token, access.api_url) as client:
            checks += await _bot(client, access.api_url)
    if access.app_token is not None:
        async with open_slack(access.app_token, access.api_url) as client:
            checks.append(await _socket(client))
    return checks


def _way_in(access: SlackAccess) -> Check:
    name = "slack: requests"
    if access.signing_secrets:
        return ok(name, "SLACK_SIGNING_SECRET is set: the endpoints take what it signed.")
    if access.app_token is not None:
        return ok(name, "They come by Socket Mode, with SLACK_APP_TOKEN.")
    advice = "Set SLACK_SIGNING_SECRET, or SLACK_APP_TOKEN for Socket Mode."
    return warn(name, "Slack cannot ask anything.", advice)


async def _bot(client: SlackClient, api_url: str) -> list[Check]:
    name = "slack: token"
    try:
        answer = await client.call("auth.test")
    except SlackTokenError as error:
        return [fail(name, f"Slack refuses it: {error.code}.", _NEW_TOKEN)]
    except EmAgentError as error:
        return [fail(name, f"{api_url}: {error}", "See whether this machine reaches Slack, and SLACK_API_URL.")]
    checks = [ok(name, f"It is that of {answer.get('user')} in {answer.get('team')}.")]
    said = next((value for key, value in answer["headers"].items() if key.lower() == "x-oauth-scopes"), None)
    if said is None:
        return checks
    missing = sorted(REQUIRED_SCOPES - {scope.strip() for scope in said.split(",")})
    if missing:
        advice = "Add them under OAuth & Permissions, and install the app to the workspace again."
        return [*checks, fail("slack: scopes", f"It lacks {', '.join(missing)}.", advice)]
    return [*checks, ok("slack: scopes", "It has all that is needed.")]


async def _socket(client: SlackClient) -> Check:
    name = "slack: socket mode"
    try:
        await client.call("apps.connections.open")
    except (SlackTokenError, SlackRefusedError) as error:
        advice = "Make an app-level token with the scope connections:write, and set SLACK_APP_TOKEN to it."
        return fail(name, f"Slack refuses SLACK_APP_TOKEN: {error.code}.", advice)
    except EmAgentError as error:
        return fail(name, str(error), "See whether this machine reaches Slack.")
    return ok(name, "Slack would connect.")


async def examine_troubles(database_url: str) -> list[Check]:
    """What of Slack did not work of late, as its worker noted."""
    try:
        connection = await postgres.connect(database_url, name="em-agent doctor")
    except RetriableError:
        return []  # the examination of the database tells
    try:
        rows = await connection.fetch("SELECT subject, error, since FROM slack_troubles ORDER BY since LIMIT 20")
    except (asyncpg.UndefinedTableError, *postgres.UNREACHABLE):
        return []
    finally:
        connection.terminate()
    return [
        fail(
            f"slack: {row['subject']}",
            f"It fails since {row['since']:%Y-%m-%d %H:%M} UTC: {row['error']}.",
            "Mend it in Slack; what waits is told by itself afterwards.",
        )
        for row in rows
    ]
