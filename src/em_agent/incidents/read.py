"""Reads incidents, one with all that is known of it or a page of many."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from em_agent.domain.fold import fold
from em_agent.domain.incidents import IncidentEvent, Sources
from em_agent.errors import InvalidError, NotFoundError
from em_agent.incidents import facts
from em_agent.incidents.deployments import DeploymentLink, find_link
from em_agent.incidents.issues import IssueLink, find_issues
from em_agent.incidents.query import IncidentQuery
from em_agent.kit.postgres import Connection, Pool

LIST_COLUMNS = (
    "id, number, title, status, urgency, priority, service_id, service, teams, triggered_at, acknowledged_at, "
    "resolved_at, time_to_acknowledge_seconds, time_to_resolve_seconds, active_seconds, reopen_count, is_merged, url"
)

# A number may have been given to incidents of two accounts: the newest is meant.
_FIND = f"""
SELECT {LIST_COLUMNS}, escalation_policy, merged_into, is_auto_resolved, escalation_count
FROM incidents
WHERE id = $1 OR number = $2
ORDER BY id = $1 DESC, last_event_at DESC
LIMIT 1
"""  # noqa: S608 - names of ours


@dataclass(frozen=True)
class Page:
    """A page of incidents, and the cursor of the next one if there is one."""

    rows: Sequence[asyncpg.Record]
    next_cursor: str | None


@dataclass(frozen=True)
class IncidentDetail:
    """An incident with its facts in the order they are read, its notes, and whose it is and was.

    `events` has every event, also those that tell what another one told, or only how the incident was seen.
    """

    incident: asyncpg.Record
    timeline: Sequence[IncidentEvent]
    sources: Sources
    events: Sequence[int]
    notes: Sequence[asyncpg.Record]
    assignments: Sequence[asyncpg.Record]
    episodes: Sequence[asyncpg.Record]
    deployment: DeploymentLink
    issues: Sequence[IssueLink]


async def find_page(pool: Pool, query: IncidentQuery) -> Page:
    """The page of incidents that the query asks for.

    Raises:
        InvalidError: the query's order or cursor is none of ours.

    """
    statement, values = query.to_sql(LIST_COLUMNS)
    try:
        rows = await pool.fetch(statement, *values)
    except asyncpg.DataError as error:
        if query.cursor is None:
            raise
        message = "cursor does not belong to this order: take next_cursor of the page before."
        raise InvalidError(message) from error
    has_more = len(rows) > query.limit
    rows = rows[: query.limit]
    return Page(rows, query.cursor_after(rows[-1]) if has_more else None)


def number_of(id_or_number: str) -> int | None:
    """The number that the text is, with or without #; None where it is none."""
    digits = id_or_number.removeprefix("#")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None  # noqa: PLR2004


async def count_by_status(pool: Pool, query: IncidentQuery) -> dict[str, int]:
    """How many incidents the query asks for in all, whatever its page, by their status."""
    statement, values = query.to_count_sql()
    return {row["status"]: row["n"] for row in await pool.fetch(statement, *values)}


async def count(pool: Pool, query: IncidentQuery) -> int:
    """How many incidents the query's filters leave, on all pages together."""
    return sum((await count_by_status(pool, query)).values())


async def find_incident(pool: Pool, id_or_number: str) -> IncidentDetail:
    """The incident with this id or number.

    Raises:
        NotFoundError: there is none.

    """
    # In one state of the database: an event that is folded meanwhile is in all of the parts or in none.
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        return await _read(connection, id_or_number)


async def _read(connection: Connection, id_or_number: str) -> IncidentDetail:
    incident = await connection.fetchrow(_FIND, id_or_number, number_of(id_or_number))
    if incident is None:
        message = f"There is no incident {id_or_number[:100]!r}."
        raise NotFoundError(message)
    incident_id = incident["id"]
    events = (await facts.load(connection, [incident_id])).get(incident_id, [])
    folded = fold(events) if events else None
    return IncidentDetail(
        incident,
        folded.facts if folded else (),
        folded.sources if folded else Sources(),
        sorted(event.event_id for event in events),
        await connection.fetch(
            "SELECT note_id, event_id, at, author, content, is_trimmed FROM incident_notes "
            "WHERE incident_id = $1 ORDER BY at, event_id",
            incident_id,
        ),
        await connection.fetch(
            "SELECT assignee_id, assignee, assigned_at, unassigned_at FROM incident_assignments "
            "WHERE incident_id = $1 ORDER BY assigned_at, assignee_id",
            incident_id,
        ),
        await connection.fetch(
            "SELECT ordinal, started_at, started_by, resolved_at FROM incident_episodes "
            "WHERE incident_id = $1 ORDER BY ordinal",
            incident_id,
        ),
        await find_link(connection, incident_id),
        await find_issues(connection, incident_id),
    )
