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

# What may stand as it is in a message id. The sign before a redelivery's name is not among it.
_PLAIN = ":-_.~!$&'()*+,;=@/"


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
    name = f"{row['source']}:{quote(row['delivery_id'], safe=_PLAIN)}"
    return name if row["redelivery"] is None else f"{name}#{row['redelivery']}"


def decode_message(data: bytes) -> tuple[StoredEvent, Mapping[str, Any] | None]:
    """The event in a message, with its document; both payload and document are empty where the message has none.

    Raises:
        PermanentError: it is no message of ours.

    """
    try:
        fields = json.loads(data)
        event = StoredEvent(
            id=_id(fields["id"]),
            source=_text(fields["source"]),
            event_type=None if fields["event_type"] is None else _text(fields["event_type"]),
            delivery_id=_text(fields["delivery_id"]),
            occurred_at=None if fields["occurred_at"] is None else _moment(fields["occurred_at"]),
            received_at=_moment(fields["received_at"]),
        )
        payload = _document(fields.get("payload"))
    except (ValueError, KeyError, TypeError) as error:
        message = f"The message is not an event: {error!r}"
        raise PermanentError(message) from error
    return event, payload


def _document(value: object) -> Mapping[str, Any] | None:
    if not (value is None or isinstance(value, dict)):
        message = "its payload is no object"
        raise TypeError(message)
    return value


def _id(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        message = "its id is none of events_raw"
        raise TypeError(message)
    return value


def _text(value: object) -> str:
    """The text, if a column can hold it."""
    if not isinstance(value, str) or "\x00" in value:
        message = "a text of it is none"
        raise TypeError(message)
    value.encode()
    return value


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        message = "a time of it has no offset"
        raise ValueError(message)
    return moment


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
