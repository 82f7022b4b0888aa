"""The message that an event becomes on JetStream, and back.

{"id": 1, "source": "pagerduty", "event_type": "incident.triggered", "delivery_id": "01CG...",
"occurred_at": "2026-03-01T10:00:00.123000+00:00", "received_at": "...", "payload": {...}}
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import asyncpg
import orjson

from em_agent.domain.deliveries import StoredEvent
from em_agent.errors import PermanentError
from em_agent.kit import json
from em_agent.kit.postgres import Pool, reachable

# A longer payload is left out of the message, since NATS takes a megabyte at most; it is read by the event's id.
PAYLOAD_LIMIT_BYTES = 512 * 1024


def encode_message(row: asyncpg.Record) -> bytes:
    """The message of a row with an event's columns; its `payload`, the JSON text or None, goes in byte for byte."""
    envelope = orjson.dumps(
        {
            "id": row["id"],
            "source": row["source"],
            "event_type": row["event_type"],
            "delivery_id": row["delivery_id"],
            "occurred_at": row["occurred_at"],
            "received_at": row["received_at"],
        }
    )
    payload = row["payload"]
    return envelope if payload is None else b'%s,"payload":%s}' % (envelope[:-1], payload.encode())


def message_id(row: asyncpg.Record) -> str:
    """The name by which JetStream knows a repetition; a header takes no line breaks and no other than ASCII."""
    name = f"{row['source']}:{row['delivery_id']}"
    if row["redelivery"] is not None:
        name = f"{name}#{row['redelivery']}"
    return quote(name, safe=":#-_.~!$&'()*+,;=@/")


def decode_message(data: bytes) -> tuple[StoredEvent, Mapping[str, Any] | None]:
    """The event in a message, with its document; both payload and document are empty where the message has none.

    Raises:
        PermanentError: it is no message of ours.

    """
    try:
        fields = json.loads(data)
        event = StoredEvent(
            id=fields["id"],
            source=fields["source"],
            event_type=fields["event_type"],
            delivery_id=fields["delivery_id"],
            occurred_at=datetime.fromisoformat(fields["occurred_at"]) if fields["occurred_at"] else None,
            received_at=datetime.fromisoformat(fields["received_at"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        message = f"The message is not an event: {error!r}"
        raise PermanentError(message) from error
    return event, fields.get("payload")


async def read_document(pool: Pool, event_id: int) -> Mapping[str, Any]:
    """The document of an event whose message left it out.

    Raises:
        PermanentError: the event is no longer kept.
        RetriableError: the database does not answer.

    """
    async with reachable():
        payload = await pool.fetchval("SELECT payload::text FROM events_raw WHERE id = $1", event_id)
    if payload is None:
        message = f"Event {event_id} is no longer kept."
        raise PermanentError(message)
    return dict(json.loads(payload))
