"""The trackers' issues that belong to an incident, and whether its trouble came back after they were done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from em_agent.kit.postgres import Connection

# Trouble is the same where service and title are, but for the title's numbers and ids.
RECURRENCE = """
    count(DISTINCT again.incident_id) FILTER (
        WHERE again.triggered_at <= {done_at} + interval '720 hours'
    ) AS recurred_within_30_days,
    count(DISTINCT again.incident_id) AS recurred_within_90_days
"""
RECURRED = """
    again.title_key = {own}.title_key AND again.service_key = {own}.service_key
    AND again.incident_id <> {own}.incident_id
    AND again.triggered_at > {done_at} AND again.triggered_at <= {done_at} + interval '2160 hours'
"""

_FIND = f"""
SELECT i.source, coalesce(i.key, i.issue_key) AS key, i.url, i.title, i.status, i.is_done, i.created_at, i.done_at,
    l.how, r.recurred_within_30_days, r.recurred_within_90_days
FROM warehouse.fct_incident_issues AS l
JOIN warehouse.fct_issues AS i ON i.issue_key = l.issue_key
JOIN warehouse.fct_incidents AS f ON f.incident_id = l.incident_id
LEFT JOIN LATERAL (
    SELECT {RECURRENCE.format(done_at="i.done_at")} FROM warehouse.fct_incidents AS again
    WHERE {RECURRED.format(own="f", done_at="i.done_at")}
) AS r ON i.done_at IS NOT NULL AND f.title_key IS NOT NULL AND f.service_key IS NOT NULL
WHERE l.incident_id = $1
ORDER BY i.is_done, i.created_at, i.issue_key
"""  # noqa: S608 - texts of ours


@dataclass(frozen=True, slots=True)
class IssueLink:
    """An issue of an incident; `how` is that the incident names its address or key, or that it names the incident.

    The recurrence is None while the issue is open, and where the incident's service or title is unknown.
    """

    source: str
    key: str
    url: str | None
    title: str | None
    status: str | None
    is_done: bool
    created_at: datetime | None
    done_at: datetime | None
    how: str
    recurred_within_30_days: int | None
    recurred_within_90_days: int | None


async def find_issues(connection: Connection, incident_id: str) -> Sequence[IssueLink]:
    """The incident's issues, open ones first."""
    try:
        async with connection.transaction():  # of its own, which alone is lost where there is no such table
            rows = await connection.fetch(_FIND, incident_id)
    except asyncpg.UndefinedTableError:  # before the marts are built
        return ()
    return [IssueLink(**dict(row)) for row in rows]
