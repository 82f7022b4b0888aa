"""Forgets old events that tell of no incident, and old deliveries that could not be read or handled."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from em_agent.errors import RetriableError
from em_agent.kit.postgres import Connection

# A deployment and an issue go whole, too: what has a newer event keeps its old ones. The marts know which is which, and
# what they have not taken in is still in the outbox.
_KEEP_WHOLE = """
CREATE TEMPORARY TABLE kept_events AS
WITH told AS (
    SELECT 'deployment ' || deployment_key AS thing, event_id, received_at FROM warehouse.int_deployments__told
    UNION ALL
    SELECT 'issue ' || issue_key, event_id, received_at FROM warehouse.int_issues__told
)
SELECT DISTINCT event_id FROM told
WHERE received_at < $1 AND thing IN (SELECT newer.thing FROM told AS newer WHERE newer.received_at >= $1)
"""

# Ids follow receipts, but for a clock that was set back and for deliveries that were committed together.
_PAGE = "SELECT id, received_at < $2 AS is_old FROM events_raw WHERE id > $1 ORDER BY id LIMIT $3"
_FORGET = """
DELETE FROM events_raw AS e
WHERE e.id = ANY($1) AND e.received_at < $2
    AND NOT EXISTS (SELECT FROM incident_events AS f WHERE f.event_id = e.id)
    AND NOT EXISTS (SELECT FROM outbox AS o WHERE o.event_id = e.id)
    AND NOT EXISTS (SELECT FROM kept_events AS k WHERE k.event_id = e.id)
    AND NOT EXISTS (
        SELECT FROM dead_letters AS d WHERE d.event_id = e.id AND d.resolved_at IS NULL AND d.failed_at >= $2
    )
"""
_FORGET_QUARANTINED = """
DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE received_at < $1 LIMIT $2)
"""
# One that is not resolved goes with its event.
_FORGET_DEAD_LETTERS = """
DELETE FROM dead_letters WHERE id IN (
    SELECT d.id FROM dead_letters AS d
    WHERE d.failed_at < $1
        AND (d.resolved_at IS NOT NULL OR NOT EXISTS (SELECT FROM events_raw AS e WHERE e.id = d.event_id))
    LIMIT $2
)
"""


@dataclass(frozen=True)
class Page:
    """Some events in the order of their ids: the last id, whether any of them is old, and how many are gone."""

    last: int
    has_old: bool
    gone: int


async def keep_whole(connection: Connection, before: datetime) -> None:
    """Note, for this session, the old events of deployments and issues that have newer ones.

    Raises:
        RetriableError: the marts are not built yet, or are just being replaced.

    """
    await connection.execute("DROP TABLE IF EXISTS kept_events")
    try:
        await connection.execute(_KEEP_WHOLE.replace("$1", f"timestamptz '{before.isoformat()}'"))
    except asyncpg.UndefinedTableError as error:
        message = "The marts are not built yet, so that nothing is known to be old: the next look comes by itself."
        raise RetriableError(message) from error


async def forget_events(connection: Connection, *, before: datetime, after: int, limit: int) -> Page | None:
    """The next events with ids above `after`, without the old ones that tell of no incident; None after the last."""
    rows = await connection.fetch(_PAGE, after, before, limit)
    if not rows:
        return None
    old = [row["id"] for row in rows if row["is_old"]]
    gone = _count(await connection.execute(_FORGET, old, before)) if old else 0
    return Page(rows[-1]["id"], bool(old), gone)


async def forget_quarantined(connection: Connection, *, before: datetime, limit: int) -> int:
    """The count of old quarantined deliveries that are gone now."""
    return _count(await connection.execute(_FORGET_QUARANTINED, before, limit))


async def forget_dead_letters(connection: Connection, *, before: datetime, limit: int) -> int:
    """The count of old dead letters that are gone now: those that were replayed, or whose event is gone."""
    return _count(await connection.execute(_FORGET_DEAD_LETTERS, before, limit))


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
