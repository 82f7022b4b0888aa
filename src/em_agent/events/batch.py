"""Writes many events at once, each exactly once, as one statement of the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from em_agent.domain.deliveries import Delivery, StoredEvent
from em_agent.kit.postgres import Connection

# What an event's own content causes: the others of its batch can be written without it.
UNWRITABLE = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    UnicodeError,
)

# In the order of the key, so that two writers with common events never wait for each other in a circle. What was there
# before is not seen twice: the statement reads the table as it was before it wrote.
_WRITE = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
        AS d (source, event_type, delivery_id, payload, occurred_at)
    ORDER BY delivery_id, source
), recorded AS (
    INSERT INTO events_raw (source, event_type, delivery_id, payload, occurred_at)
    SELECT source, event_type, delivery_id, payload::json, occurred_at FROM given
    ON CONFLICT (delivery_id, source) DO NOTHING
    RETURNING id, source, event_type, delivery_id, occurred_at, received_at
), queued AS (
    INSERT INTO outbox (event_id, source) SELECT id, source FROM recorded
), told AS (
    SELECT pg_notify('outbox', '') FROM (SELECT FROM recorded LIMIT 1) AS any_recorded
)
SELECT recorded.*, TRUE AS is_new FROM recorded LEFT JOIN told ON TRUE
UNION ALL
SELECT e.id, e.source, e.event_type, e.delivery_id, e.occurred_at, e.received_at, FALSE
FROM given JOIN events_raw AS e USING (delivery_id, source)
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its id; `is_new` says whether this statement wrote it."""

    event: StoredEvent
    is_new: bool


async def record_all(connection: Connection, deliveries: Sequence[Delivery]) -> dict[tuple[str, str], Recorded]:
    """What became of each delivery, by source and delivery id; what is new is also put into the outbox.

    Raises:
        any of `UNWRITABLE`: PostgreSQL refuses the content of one of them; nothing is written.

    """
    unique = {(delivery.source, delivery.delivery_id): delivery for delivery in deliveries}
    if not unique:
        return {}
    given = list(unique.values())
    rows = await connection.fetch(
        _WRITE,
        [delivery.source for delivery in given],
        [delivery.event_type for delivery in given],
        [delivery.delivery_id for delivery in given],
        [delivery.body.decode() for delivery in given],
        [delivery.occurred_at for delivery in given],
    )
    found: dict[tuple[str, str], Recorded] = {}
    for row in rows:
        columns = dict(row)
        recorded = Recorded(is_new=columns.pop("is_new"), event=StoredEvent(**columns))
        found[recorded.event.source, recorded.event.delivery_id] = recorded
    return found
