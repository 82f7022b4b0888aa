"""The outbox: events that some durable consumer may not have finished with.

A row is written with its event, carries its place in the stream once it is published, and goes when every durable
consumer has passed that place. So whatever happens to NATS, what is left here is what has to be published again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from em_agent.events.message import PAYLOAD_LIMIT_BYTES
from em_agent.kit import locks
from em_agent.kit.nats import StreamState
from em_agent.kit.postgres import Connection, Pool

CHANNEL = "outbox"

BATCH_LIMIT_BYTES = 32 * 1024 * 1024

# The batch is cut from the outbox alone, along its index, before anything is joined to it; then once more where its
# payloads together grow too long to hold.
_UNPUBLISHED = f"""
WITH batch AS MATERIALIZED (
    SELECT event_id, redelivery FROM outbox
    WHERE published_at IS NULL AND event_id > $2 AND source = ANY($1)
    ORDER BY event_id
    LIMIT $3
), measured AS (
    SELECT e.id, e.source, e.event_type, e.delivery_id, e.occurred_at, e.received_at, batch.redelivery,
        CASE WHEN octet_length(e.payload::text) <= {PAYLOAD_LIMIT_BYTES} THEN e.payload::text END AS payload
    FROM batch
    JOIN events_raw AS e ON e.id = batch.event_id
)
SELECT * FROM (
    SELECT measured.*, sum(coalesce(octet_length(payload), 0)) OVER before AS bytes_before
    FROM measured
    WINDOW before AS (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS summed
WHERE coalesce(bytes_before, 0) < $4
ORDER BY id
"""  # noqa: S608 - a number of ours

_PUBLISHED = """
UPDATE outbox SET published_at = clock_timestamp(), stream_epoch = $1, stream_sequence = p.sequence
FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS p (event_id, sequence, redelivery)
WHERE outbox.event_id = p.event_id AND outbox.redelivery IS NOT DISTINCT FROM p.redelivery
"""

_FINISHED = """
DELETE FROM outbox WHERE published_at IS NOT NULL AND stream_sequence <= $3 AND stream_epoch = $2 AND source = ANY($1)
"""

# Published into a stream that is gone, or behind the end of one that lost its tail, or before the beginning of one that
# was purged; or so long ago that the stream will forget them before their consumer comes back. A stream remembers the
# message ids of what was purged, so that these need others.
_LOST = """
UPDATE outbox
SET published_at = NULL, stream_epoch = NULL, stream_sequence = NULL,
    redelivery = CASE
        WHEN stream_epoch = $2 AND stream_sequence < $3 THEN 'purged-' || stream_sequence ELSE redelivery
    END
WHERE published_at IS NOT NULL AND source = ANY($1)
    AND (
        stream_epoch <> $2 OR stream_sequence NOT BETWEEN $3 AND $4
        OR published_at < clock_timestamp() - $5::interval
    )
"""

_REDELIVER = """
INSERT INTO outbox (event_id, source, redelivery) VALUES ($1, $2, $3)
ON CONFLICT (event_id) DO UPDATE
SET redelivery = excluded.redelivery, published_at = NULL, stream_epoch = NULL, stream_sequence = NULL
"""


async def lead(connection: Connection, source: str) -> bool:
    """Whether this connection is the one that publishes the source's events; it stays so while it lives."""
    is_leader: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", locks.RELAY, source)
    return is_leader


async def unpublished(
    connection: Connection,
    sources: Sequence[str],
    *,
    after: int,
    limit: int,
    limit_bytes: int = BATCH_LIMIT_BYTES,
) -> list[asyncpg.Record]:
    """The sources' events with ids above `after` that are still to be published, with what their messages need.

    There are at most `limit` of them, and no more once their payloads exceed `limit_bytes`.
    """
    return await connection.fetch(_UNPUBLISHED, sources, after, limit, limit_bytes)


async def mark_published(
    connection: Connection, epoch: datetime, sequences: Mapping[int, int], rows: Sequence[asyncpg.Record]
) -> None:
    """Note the place in the stream of each event, by its id, among the rows that were read to publish them.

    One that is to be redelivered since then was published under its former message id, and stays to be published.
    """
    if sequences:
        redeliveries = {row["id"]: row["redelivery"] for row in rows}
        names = [redeliveries[event_id] for event_id in sequences]
        await connection.execute(_PUBLISHED, epoch, list(sequences), list(sequences.values()), names)


async def forget_finished(connection: Connection, sources: Sequence[str], epoch: datetime, floor: int) -> int:
    """The count of rows deleted, since every consumer has finished with the stream up to `floor`."""
    return _count(await connection.execute(_FINISHED, sources, epoch, floor))


async def republish_lost(
    connection: Connection, sources: Sequence[str], stream: StreamState, longest: timedelta
) -> int:
    """The count of events that are to be published again, since the stream no longer has them or soon won't."""
    first, last = stream.first_sequence, stream.last_sequence
    return _count(await connection.execute(_LOST, sources, stream.epoch, first, last, longest))


async def redeliver(pool: Pool | Connection, event_id: int, source: str, redelivery: str) -> None:
    """Have the event published again under a message id of its own, which JetStream takes for no repetition."""
    await pool.execute(_REDELIVER, event_id, source, redelivery)
    await pool.execute("SELECT pg_notify($1, '')", CHANNEL)


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])
