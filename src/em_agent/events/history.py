"""Reads all that was recorded, in the order of the ids."""

from collections.abc import Mapping, Sequence
from typing import Any

from em_agent.domain.deliveries import StoredEvent
from em_agent.kit import json
from em_agent.kit.postgres import Connection


async def extent(connection: Connection) -> tuple[int, int]:
    """How many events there are, and the newest one's id."""
    row = await connection.fetchrow("SELECT count(*) AS events, coalesce(max(id), 0) AS newest FROM events_raw")
    return (row["events"], row["newest"]) if row else (0, 0)


async def page(
    connection: Connection, *, after: int, until: int, limit: int
) -> Sequence[tuple[StoredEvent, Mapping[str, Any]]]:
    """The next events with their documents, those with ids above `after` and not above `until`."""
    rows = await connection.fetch(
        "SELECT id, source, event_type, delivery_id, occurred_at, received_at, payload::text AS payload "
        "FROM events_raw WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3",
        after,
        until,
        limit,
    )
    return [
        (StoredEvent(**{name: value for name, value in row.items() if name != "payload"}), json.loads(row["payload"]))
        for row in rows
    ]
