"""What trackers send, put into `events_raw`."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    """A delivery of a tracker."""

    source: str
    event_type: str | None
    delivery_id: str
    body: str
    occurred_at: datetime | None
    received_at: datetime


def sent(source: str, event_type: str, body: Any, at: datetime, name: str | None = None) -> Sent:
    """A delivery that arrives a second after its time; its id is its name, or what it says and when."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Sent(source, event_type, name or f"{event_type} {at} {hash(text)}", text, at, at + timedelta(seconds=1))


def record(url: str, deliveries: Iterable[Sent]) -> None:
    """Put deliveries into `events_raw` and the outbox, as the gateway does."""
    rows = [(d.source, d.event_type, d.delivery_id, d.body, d.occurred_at, d.received_at) for d in deliveries]

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.executemany(
                "WITH e AS (INSERT INTO events_raw (source, event_type, delivery_id, payload, occurred_at, received_at) "
                "VALUES ($1, $2, $3, $4::text::json, $5, $6) RETURNING id, source) "
                "INSERT INTO outbox (event_id, source) SELECT id, source FROM e",
                rows,
            )
        finally:
            await connection.close()

    asyncio.run(run())
