"""What waits at each part, counted in the tables and in the stream."""

from collections.abc import Mapping
from dataclasses import dataclass

import nats.js.errors
from nats.aio.client import Client

from em_agent.domain.consumers import CONSUMERS, STREAM
from em_agent.kit import nats as kit_nats
from em_agent.kit.postgres import Connection

_OUTBOX = """
SELECT depth.unpublished, depth.unfinished,
    coalesce(extract(epoch FROM now() - unpublished.received_at), 0)::float8 AS age,
    coalesce(extract(epoch FROM now() - oldest.received_at), 0)::float8 AS unfinished_age
FROM (
    SELECT count(*) FILTER (WHERE published_at IS NULL) AS unpublished,
        count(*) FILTER (WHERE published_at IS NOT NULL) AS unfinished,
        min(event_id) FILTER (WHERE published_at IS NULL) AS first_unpublished,
        min(event_id) AS first
    FROM outbox
) AS depth
LEFT JOIN events_raw AS unpublished ON unpublished.id = depth.first_unpublished
LEFT JOIN events_raw AS oldest ON oldest.id = depth.first
"""

_SEARCH = """
SELECT count(*) AS incidents, count(*) FILTER (WHERE attempts > 0) AS failing,
    coalesce(extract(epoch FROM now() - min(marked_at)), 0)::float8 AS age,
    (SELECT count(*) FROM search.passages WHERE model IS NULL) AS passages
FROM search.pending_incidents
"""

_DEAD = "SELECT consumer, count(*) AS n FROM dead_letters WHERE resolved_at IS NULL GROUP BY 1"
_QUARANTINED = "SELECT source, count(*) AS n FROM quarantine GROUP BY 1"


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """Events that are not published, those that some consumer has not finished with, and the age of the oldest."""

    unpublished: int
    unfinished: int
    unpublished_age_seconds: float
    age_seconds: float


@dataclass(frozen=True, slots=True)
class SearchBacklog:
    """Incidents and passages that the memory has still to index or to embed, and the age of the oldest."""

    incidents: int
    failing: int
    passages: int
    age_seconds: float


async def outbox_backlog(connection: Connection) -> OutboxBacklog:
    """What the outbox holds; ages are 0 where nothing waits."""
    row = await connection.fetchrow(_OUTBOX)
    if row is None:
        return OutboxBacklog(0, 0, 0, 0)
    return OutboxBacklog(row["unpublished"], row["unfinished"], max(row["age"], 0), max(row["unfinished_age"], 0))


async def search_backlog(connection: Connection) -> SearchBacklog:
    """What the memory has still to do; the age is 0 where nothing waits."""
    row = await connection.fetchrow(_SEARCH)
    if row is None:
        return SearchBacklog(0, 0, 0, 0)
    return SearchBacklog(row["incidents"], row["failing"], row["passages"], max(row["age"], 0))


async def count_dead_letters(connection: Connection) -> dict[str, int]:
    """How many events each consumer gave up on, which no replay brought through."""
    return {row["consumer"]: row["n"] for row in await connection.fetch(_DEAD)}


async def count_quarantined(connection: Connection) -> dict[str, int]:
    """How many authentic deliveries of each source could not be read."""
    return {row["source"]: row["n"] for row in await connection.fetch(_QUARANTINED)}


async def consumer_lag(client: Client) -> Mapping[str, int]:
    """How many messages each consumer has not finished with; without those that the stream does not know.

    Raises:
        nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError: NATS does not answer (`kit.nats.UNREACHABLE`).

    """
    js = kit_nats.jetstream(client)
    found = {}
    for consumer in CONSUMERS:
        try:
            info = await js.consumer_info(STREAM, consumer)
        except nats.js.errors.NotFoundError:
            continue
        found[consumer] = (info.num_pending or 0) + (info.num_ack_pending or 0)
    return found
