"""The table of messages that a consumer gave up on, and their replay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from em_agent.domain.deliveries import StoredEvent
from em_agent.errors import NotFoundError
from em_agent.events.outbox import redeliver
from em_agent.kit.postgres import Pool, reachable

_KEEP = """
INSERT INTO dead_letters (consumer, event_id, source, delivery_id, error, attempts)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (consumer, event_id) DO UPDATE
SET error = excluded.error, attempts = excluded.attempts, failed_at = clock_timestamp(), resolved_at = NULL
RETURNING id
"""

_LIST = """
SELECT id, consumer, event_id, source, delivery_id, error, attempts, failed_at, replay_count, replayed_at, resolved_at
FROM dead_letters
WHERE ($2::bigint IS NULL OR id < $2) AND ($3 OR resolved_at IS NULL)
ORDER BY id DESC
LIMIT $1
"""


@dataclass(frozen=True)
class DeadLetter:
    """An event that a consumer gave up on; `resolved_at` is set once a replay of it went through."""

    id: int
    consumer: str
    event_id: int
    source: str
    delivery_id: str
    error: str
    attempts: int
    failed_at: datetime
    replay_count: int
    replayed_at: datetime | None
    resolved_at: datetime | None


async def keep(pool: Pool, consumer: str, event: StoredEvent, error: str, attempts: int) -> int:
    """The id of the dead letter; the same event of the same consumer again has the same id.

    Raises:
        RetriableError: the database does not answer.

    """
    async with reachable():
        dead_letter_id: int = await pool.fetchval(
            _KEEP, consumer, event.id, event.source, event.delivery_id, error, attempts
        )
    return dead_letter_id


async def newest(pool: Pool, *, limit: int, before: int | None, include_resolved: bool) -> list[DeadLetter]:
    """The newest dead letters, those with an id below `before` if it is given."""
    return [DeadLetter(**row) for row in await pool.fetch(_LIST, limit, before, include_resolved)]


async def replay(pool: Pool, dead_letter_id: int) -> None:
    """Have the event of the dead letter published again, for its consumer to try once more.

    Raises:
        NotFoundError: there is no such dead letter.
        RetriableError: the database does not answer.

    """
    async with reachable(), pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            "UPDATE dead_letters SET replay_count = replay_count + 1, replayed_at = clock_timestamp() "
            "WHERE id = $1 RETURNING event_id, source, replay_count",
            dead_letter_id,
        )
        if row is None:
            message = f"There is no dead letter {dead_letter_id}."
            raise NotFoundError(message)
        redelivery = f"replay-{dead_letter_id}-{row['replay_count']}"
        await redeliver(connection, row["event_id"], row["source"], redelivery)


async def resolve(pool: Pool, consumer: str, event_ids: Sequence[int]) -> None:
    """Note that the consumer has handled the events after all."""
    await pool.execute(
        "UPDATE dead_letters SET resolved_at = clock_timestamp() "
        "WHERE consumer = $1 AND event_id = ANY($2) AND resolved_at IS NULL",
        consumer,
        event_ids,
    )
