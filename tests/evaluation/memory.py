"""The memory of the invented company, filled through the product's own parts."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from em_agent.domain.deliveries import Delivery, StoredEvent
from em_agent.events.record import Recorder
from em_agent.incidents import store
from em_agent.integrations.pagerduty.events import to_incident_event
from em_agent.kit.postgres import Pool
from em_agent.search import vectors
from em_agent.search.embedder import Embedder
from em_agent.workers.search import index_batch
from tests.evaluation.corpus import deliveries, incidents

_STORED = """
SELECT id, source, event_type, delivery_id, occurred_at, received_at, payload FROM events_raw ORDER BY id
"""
_EMBEDDED_AT_ONCE = 64


async def fill(pool: Pool, database_url: str) -> None:
    """Record every delivery, fold the incidents from what is on record, and index them."""
    bodies = [body for incident in incidents().values() for body in deliveries(incident)]
    async with Recorder(database_url, queue_limit=len(bodies)) as recorder:
        await asyncio.gather(*(recorder.record(_delivery(body)) for body in bodies))
    async with pool.acquire() as connection:
        rows = await connection.fetch(_STORED)
        read = (to_incident_event(_stored(row), orjson.loads(row["payload"])) for row in rows)
        await store.apply(connection, [event for event in read if event is not None])
        while await index_batch(connection):
            pass


async def embed(pool: Pool, embedder: Embedder) -> int:
    """Give each passage that lacks one its vector, of its title and itself; how many there were."""
    count = 0
    async with pool.acquire() as connection:
        while pending := await vectors.pending(connection, embedder.fingerprint, _EMBEDDED_AT_ONCE):
            made = await embedder.embed([passage.text for passage in pending])
            await vectors.save(connection, embedder.fingerprint, pending, made.tolist())
            count += len(pending)
    return count


def _delivery(body: bytes) -> Delivery:
    event: dict[str, Any] = orjson.loads(body)["event"]
    return Delivery(
        source="pagerduty",
        delivery_id=event["id"],
        body=body,
        event_type=event["event_type"],
        occurred_at=datetime.fromisoformat(event["occurred_at"]),
    )


def _stored(row: Any) -> StoredEvent:
    columns: Iterable[str] = ("id", "source", "event_type", "delivery_id", "occurred_at", "received_at")
    return StoredEvent(**{name: row[name] for name in columns})
