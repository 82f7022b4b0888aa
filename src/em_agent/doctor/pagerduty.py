"""Examines the way to PagerDuty's REST API: what the token may read, and how old what was read is."""

import asyncpg

from em_agent.doctor.report import Check, age_text, fail, ok, warn
from em_agent.errors import EmAgentError, RetriableError, UnauthenticError
from em_agent.integrations.pagerduty.api import PagerDutyApi
from em_agent.integrations.pagerduty.failures import NotPermittedError
from em_agent.kit.postgres import connect

_KEY = "Make a read-only API key in PagerDuty: Integrations, API Access Keys."
_STALE_INTERVALS = 4

_LAST = """
SELECT state, mode, extract(epoch FROM clock_timestamp() - finished_at)::float8 AS age_seconds, failed,
    reasons ->> -1 AS reason
FROM crawl_runs WHERE source = 'pagerduty' AND state <> 'running' ORDER BY id DESC LIMIT 1
"""
_COMPLETE = """
SELECT extract(epoch FROM clock_timestamp() - complete_until)::float8 FROM crawl_marks WHERE source = 'pagerduty'
"""


async def examine_pagerduty(api: PagerDutyApi | None) -> list[Check]:
    """Whether PagerDuty answers, and what the token may read; None is no token."""
    name = "pagerduty api"
    if api is None:
        detail = "PAGERDUTY_API_TOKEN is not set: nothing from before the webhook is known, and no gap is repaired."
        return [warn(name, detail, _KEY)]
    try:
        answer = await api.get("/incidents", [("limit", "1"), ("date_range", "all")])
    except UnauthenticError as error:
        return [fail(name, str(error), _KEY)]
    except NotPermittedError as error:
        return [fail(name, str(error), _KEY)]
    except EmAgentError as error:
        return [fail(name, str(error), "See PAGERDUTY_API_URL, and whether this machine may reach it.")]
    found = answer.get("incidents")
    first = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None
    paths = {"log entries": "/log_entries"}
    if first is not None:
        paths["notes"] = f"/incidents/{first.get('id')}/notes"
    missing = [thing for thing, path in paths.items() if not await _may_read(api, path)]
    if missing:
        detail = f"The token may read incidents, but no {' and no '.join(missing)}."
        advice = "Times of acknowledgement come from log entries, causes from notes: use a token that may read them."
        return [warn(name, detail, advice)]
    return [ok(name, f"The token may read incidents, {', '.join(paths)}.")]


async def _may_read(api: PagerDutyApi, path: str) -> bool:
    try:
        await api.get(path, [("limit", "1")])
    except NotPermittedError:
        return False
    except EmAgentError:
        return True  # what fails otherwise says nothing about rights
    return True


async def examine_crawls(database_url: str, *, every_seconds: float) -> list[Check]:
    """Whether PagerDuty's history is here, and how old it is."""
    name = "crawl: pagerduty"
    try:
        connection = await connect(database_url, name="em-agent doctor", command_seconds=20.0)
    except RetriableError:
        return []  # told with the database
    try:
        last, complete = await connection.fetchrow(_LAST), await connection.fetchval(_COMPLETE)
    except (TimeoutError, asyncpg.PostgresError, OSError):
        return []
    finally:
        connection.terminate()
    if last is not None and last["state"] == "failed":
        detail = f"The last crawl failed {age_text(last['age_seconds'])} ago: {last['reason']}"
        return [warn(name, detail, "Run `em-agent crawl pagerduty --all`: it goes on where that one stopped.")]
    if complete is None:
        advice = "Run `em-agent crawl pagerduty --all`, or leave it to the schedule of the connectors."
        return [warn(name, "PagerDuty's history has not been read as a whole yet.", advice)]
    detail = f"The history up to {age_text(complete)} ago is here."
    if every_seconds and complete > _STALE_INTERVALS * every_seconds:
        return [warn(name, detail, "See whether the connectors run, and GET /v1/crawls for what they met.")]
    return [ok(name, detail)]
