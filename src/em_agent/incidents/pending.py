"""Incidents whose document is to be made anew: marked in the transaction that folds them, cleared by who indexes them.

A mark is cleared as it was seen before the state was read: one that was made meanwhile stays.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from em_agent.kit import locks
from em_agent.kit.postgres import Connection

CHANNEL = "pending_incidents"

# In one order, so that two who mark never wait for each other in a circle.
_MARK = """
INSERT INTO search.pending_incidents (incident_id)
SELECT id FROM unnest($1::text[]) AS id ORDER BY id
ON CONFLICT (incident_id) DO UPDATE
SET marked_at = excluded.marked_at, due_at = excluded.marked_at
"""

# Incidents that Slack is to hear of, while somebody announces: new ones, and those that it has heard of before. What a
# replay or a crawl finds of long ago is none of it.
_ANNOUNCE = """
INSERT INTO slack_pending (incident_id)
SELECT i.id FROM incidents AS i
WHERE i.id = ANY($1)
    AND EXISTS (SELECT FROM slack_announcing WHERE seen_at > now() - interval '1 day')
    AND (i.triggered_at > now() - interval '1 hour'
        OR EXISTS (SELECT FROM slack_announcements AS a WHERE a.incident_id = i.id))
ORDER BY i.id
ON CONFLICT (incident_id) DO UPDATE SET marked_at = clock_timestamp()
"""

# Whoever makes an incident's document holds its lock from before he reads its state until the document is committed, so
# that an older state never follows a newer one. Copies pass over what others hold.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT incident_id, marked_at FROM search.pending_incidents
    WHERE due_at <= clock_timestamp()
    ORDER BY due_at
    LIMIT 4 * $2::int
)
SELECT incident_id, marked_at FROM due
WHERE pg_try_advisory_xact_lock($1, hashtext(incident_id))
LIMIT $2
"""

_LOCK = """
SELECT pg_advisory_xact_lock($1, key)
FROM (SELECT DISTINCT hashtext(id) AS key FROM unnest($2::text[]) AS id ORDER BY 1) AS keys
"""

# What somebody is just marking anew is passed over: it stays marked in any case.
_CLEAR = """
DELETE FROM search.pending_incidents WHERE incident_id IN (
    SELECT p.incident_id
    FROM search.pending_incidents AS p
    JOIN unnest($1::text[], $2::timestamptz[]) AS seen (incident_id, marked_at) USING (incident_id, marked_at)
    FOR UPDATE OF p SKIP LOCKED
)
"""

# Later each time, up to ten minutes.
_POSTPONE = """
UPDATE search.pending_incidents
SET attempts = attempts + 1, due_at = clock_timestamp() + least(power(2, least(attempts, 10)), 600) * interval '1 s'
WHERE incident_id = $1
RETURNING attempts
"""


async def mark(connection: Connection, incident_ids: Sequence[str]) -> None:
    """Have the incidents' documents made anew, and themselves announced; whoever does it hears of it at the commit."""
    await connection.execute(_MARK, incident_ids)
    await connection.execute(_ANNOUNCE, incident_ids)
    await connection.execute("SELECT pg_notify($1, '')", CHANNEL)


async def claim(connection: Connection, limit: int) -> list[str]:
    """Up to `limit` due incidents, longest due first, which no other makes until the transaction ends."""
    return [row["incident_id"] for row in await connection.fetch(_CLAIM, locks.DOCUMENTS, limit)]


async def lock(connection: Connection, incident_ids: Sequence[str]) -> None:
    """Wait until no other makes documents of the incidents; nobody does until the transaction ends."""
    await connection.execute(_LOCK, locks.DOCUMENTS, incident_ids)


async def marks(connection: Connection, incident_ids: Sequence[str]) -> dict[str, datetime]:
    """When each was marked, of those that are."""
    rows = await connection.fetch(
        "SELECT incident_id, marked_at FROM search.pending_incidents WHERE incident_id = ANY($1)", incident_ids
    )
    return {row["incident_id"]: row["marked_at"] for row in rows}


async def clear(connection: Connection, seen: Mapping[str, datetime]) -> None:
    """The documents of these are made, as of when their marks were seen."""
    await connection.execute(_CLEAR, list(seen), list(seen.values()))


async def postpone(connection: Connection, incident_id: str) -> int:
    """The count of times that it failed; it comes again later, the later the more often it did."""
    return int(await connection.fetchval(_POSTPONE, incident_id) or 0)
