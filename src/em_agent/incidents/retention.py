"""Forgets incidents whose newest event is old: each whole, with its events and everything that is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from em_agent.incidents import store
from em_agent.kit.postgres import Connection

# What a consumer may still have to act upon keeps its incident.
_OLD = """
SELECT id FROM incidents AS i
WHERE last_event_at < $1 AND id > $2
    AND NOT EXISTS (
        SELECT FROM incident_events AS e JOIN outbox AS o ON o.event_id = e.event_id WHERE e.incident_id = i.id
    )
ORDER BY id LIMIT $3
"""
_STILL_OLD = """
SELECT id FROM incidents AS i
WHERE id = ANY($2) AND last_event_at < $1
    AND NOT EXISTS (
        SELECT FROM incident_events AS e JOIN outbox AS o ON o.event_id = e.event_id WHERE e.incident_id = i.id
    )
ORDER BY id
"""
_FORGET_EVENTS = """
DELETE FROM events_raw WHERE id IN (SELECT event_id FROM incident_events WHERE incident_id = ANY($1))
"""
# What is known of an incident by its id alone, and what was said of it by hand or in Slack.
_TABLES = (
    "incident_events",
    "incident_deployments_by_hand",
    "search.gone_incidents",
    "crawl_failures",
    "slack_pending",
    "slack_announcements",
)


@dataclass(frozen=True)
class Forgotten:
    """A batch: the incidents that were looked at, and how many of them and of their events are gone."""

    looked_at: Sequence[str] = ()
    incidents: int = 0
    events: int = 0


async def forget_incidents(connection: Connection, *, before: datetime, after: str, limit: int) -> Forgotten:
    """What is forgotten of the next incidents with ids above `after` whose newest event was before that time.

    It belongs into a transaction. Their documents go when the search worker comes by.
    """
    found = [row["id"] for row in await connection.fetch(_OLD, before, after, limit)]
    if not found:
        return Forgotten()
    await store.lock(connection, found)
    ids = [row["id"] for row in await connection.fetch(_STILL_OLD, before, found)]
    if not ids:
        return Forgotten(found)
    gone = await connection.execute(_FORGET_EVENTS, ids)
    for table in _TABLES:
        await connection.execute(f"DELETE FROM {table} WHERE incident_id = ANY($1)", ids)  # noqa: S608 - names of ours
    await store.refold_locked(connection, ids)
    return Forgotten(found, len(ids), int(gone.rsplit(" ", 1)[1]))
