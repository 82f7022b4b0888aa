"""Judges bodies that look unreadable, and keeps authentic ones that are, byte for byte."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from em_agent.domain.deliveries import Delivery
from em_agent.errors import InvalidError
from em_agent.kit import json
from em_agent.kit.postgres import Pool, reachable

# PostgreSQL's parser recurses, and a larger query leaves it less stack: a body is only let in if there is room for
# this many levels more.
_SPARE_LEVELS = 256

_JUDGE = """
SELECT json_typeof($1::text::json) AS type,
    $1::text::json -> 'x' AS is_readable,
    (repeat('[', $2) || $1::text || repeat(']', $2))::json -> 0 AS is_shallow
"""

_KEEP = """
INSERT INTO quarantine (source, body_sha256, body, reason, signature, headers)
VALUES ($1, $2, $3, $4, $5, $6::jsonb)
ON CONFLICT (source, body_sha256) DO UPDATE SET source = excluded.source
RETURNING id
"""


@dataclass(frozen=True)
class Quarantined:
    """A delivery that is kept apart, without its body."""

    id: int
    source: str
    reason: str
    body_bytes: int
    received_at: datetime


async def read_odd_body(pool: Pool, body: bytes) -> dict[str, Any]:
    """The object in a body that the quick parser does not settle: PostgreSQL decides what its json functions can read.

    Raises:
        InvalidError: they can't read it, or it is no object; the text says why.
        RetriableError: the database does not answer.

    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        message = "The body is not UTF-8."
        raise InvalidError(message) from error
    if not text.strip():
        message = "The body is empty."
        raise InvalidError(message)
    if "\x00" in text:
        message = "The body is not JSON: it holds a NUL character."
        raise InvalidError(message)
    try:
        async with reachable():
            row = await pool.fetchrow(_JUDGE, text, _SPARE_LEVELS, timeout=4)
    except asyncpg.PostgresError as error:
        detail = getattr(error, "detail", None)
        message = f"The body is not JSON that can be read: {error.args[0]}{f' ({detail})' if detail else ''}"
        raise InvalidError(message) from error
    if row is None or row["type"] != "object":
        message = "The body is not a JSON object."
        raise InvalidError(message)
    try:
        document = json.loads(text)
    except ValueError as error:
        message = "The body is not JSON that can be read."
        raise InvalidError(message) from error
    return dict(document)


async def keep(pool: Pool, delivery: Delivery, reason: str) -> int:
    """The quarantine id of the delivery; the same body again has the same id.

    Raises:
        RetriableError: the database does not answer.

    """
    async with reachable():
        quarantine_id: int = await pool.fetchval(
            _KEEP,
            delivery.source,
            hashlib.sha256(delivery.body).hexdigest(),
            delivery.body,
            reason,
            delivery.signature,
            json.dumps(delivery.headers).decode(),
            timeout=4,
        )
    return quarantine_id


async def newest(pool: Pool, *, limit: int, before: int | None = None) -> list[Quarantined]:
    """The newest quarantined deliveries, those with an id below `before` if it is given."""
    rows = await pool.fetch(
        "SELECT id, source, reason, octet_length(body) AS body_bytes, received_at FROM quarantine "
        "WHERE $2::bigint IS NULL OR id < $2 ORDER BY id DESC LIMIT $1",
        limit,
        before,
    )
    return [Quarantined(**row) for row in rows]
