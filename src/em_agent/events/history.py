"""Reads what was recorded: all of it in the order of the ids, or single events with their bodies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from em_agent.domain.deliveries import StoredEvent
from em_agent.kit import json
from em_agent.kit.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event on record, without its body."""

    id: int
    source: str
    event_type: str | None
    delivery_id: str
    occurred_at: datetime | None
    received_at: datetime


async def recorded(pool: Pool, event_ids: Sequence[int]) -> list[RecordedEvent]:
    """Those of the events that are on record, in the order of the ids."""
    rows = await pool.fetch(
        "SELECT id, source, event_type, delivery_id, occurred_at, received_at FROM events_raw "
        "WHERE id = ANY($1) ORDER BY id",
        event_ids,
    )
    return [RecordedEvent(**row) for row in rows]


async def body_of(pool: Pool, event_id: int, most_characters: int) -> tuple[str, int] | None:
    """The event's body as it was sent, cut behind so many characters, and its whole length; None where it is gone."""
    row = await pool.fetchrow(
        "SELECT left(text, $2) AS text, length(text) AS length "
        "FROM (SELECT payload::text AS text FROM events_raw WHERE id = $1) AS event",
        event_id,
        most_characters,
    )
    return (row["text"], row["length"]) if row else None


async def extent(connection: Connection) -> tuple[int, int]:
    """How many events there are, and the newest one's id."""
    row = await connection.fetchrow("SELECT count(*) AS events, coalesce(max(id), 0) AS newest FROM events_raw")
    return (row["events"], row["newest"]) if row else (0, 0)


async def page(
    connection: Connection, *, after: int, until: int, limit: int, sources: Sequence[str]
) -> Sequence[tuple[StoredEvent, Mapping[str, Any]]]:
    """The next events, those with ids above `after` and not above `until`; with their documents if of these sources.

    The others may be long, and are not read: their document is empty.
    """
    rows = await connection.fetch(
        "SELECT id, source, event_type, delivery_id, occurred_at, received_at, "
        "CASE WHEN source = ANY($4) THEN payload::text END AS payload "
        "FROM events_raw WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3",
        after,
        until,
        limit,
        sources,
    )
    return [
        (
            StoredEvent(**{name: value for name, value in row.items() if name != "payload"}),
            {} if row["payload"] is None else json.loads(row["payload"]),
        )
        for row in rows
    ]
