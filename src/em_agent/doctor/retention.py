"""Examines whether what is old goes, as far as it is to go."""

import asyncpg

from em_agent.doctor.report import Check, age_text, ok, warn
from em_agent.errors import RetriableError
from em_agent.kit.postgres import connect

_NAME = "retention"
_LATE_SECONDS = 2 * 86_400
_DONE = """
SELECT place, extract(epoch FROM now() - updated_at)::float8 AS age_seconds FROM progress WHERE name = 'retention'
"""


async def examine_retention(database_url: str, days: int | None) -> list[Check]:
    """How long things are kept, and when what is older was let go last."""
    if days is None:
        return [ok(_NAME, "Everything is kept: EM_AGENT_RETENTION_DAYS is not set.")]
    rule = f"What is older than {days} days goes"
    advice = "See whether the connectors run with this setting, and their log for `retention.postponed`."
    try:
        connection = await connect(database_url, name="em-agent doctor")
        try:
            row = await connection.fetchrow(_DONE)
        finally:
            connection.terminate()
    except (RetriableError, asyncpg.PostgresError):
        return []  # the checks of the database say why
    if row is None or row["place"] != str(days):
        return [warn(_NAME, f"{rule}, but that was not done yet: the first time is a minute after a start.", advice)]
    done = f"{rule}: last looked {age_text(row['age_seconds'])} ago."
    return [warn(_NAME, done, advice) if row["age_seconds"] > _LATE_SECONDS else ok(_NAME, done)]
