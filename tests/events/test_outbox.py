"""What the outbox gives out to be published."""

from datetime import UTC, datetime

from em_agent.domain.deliveries import Delivery
from em_agent.events import outbox
from em_agent.events.record import Recorder
from em_agent.kit.postgres import Pool


async def test_a_batch_ends_where_it_grows_too_long(database_url: str, pool: Pool) -> None:
    """However long the payloads, a batch has at least one event, none twice, and all come in turn."""
    sizes = [10, 900, 900, 10, 5000, 10, 600_000, 10]
    async with Recorder(database_url, queue_limit=10) as recorder:
        receipts = [
            await recorder.record(Delivery("pagerduty", f"d{n}", b'{"a": "%s"}' % (b"x" * size)))
            for n, size in enumerate(sizes)
        ]
    batches, after = [], 0
    async with pool.acquire() as connection:
        while rows := await outbox.unpublished(connection, ["pagerduty"], after=after, limit=5, limit_bytes=1000):
            batches.append([row["id"] for row in rows])
            after = batches[-1][-1]
    assert [event_id for batch in batches for event_id in batch] == [receipt.id for receipt in receipts]
    assert [len(batch) for batch in batches] == [3, 2, 3]


async def test_a_redelivery_asked_for_meanwhile(database_url: str, pool: Pool) -> None:
    """An event that is to be redelivered, asked for while it was on its way, is still to be published afterwards."""
    async with Recorder(database_url, queue_limit=10) as recorder:
        asked, other = [(await recorder.record(Delivery("pagerduty", name, b"{}"))).id for name in ("asked", "other")]
    async with pool.acquire() as connection:
        rows = await outbox.unpublished(connection, ["pagerduty"], after=0, limit=5)
        await outbox.redeliver(pool, asked, "pagerduty", "replay-1-1")
        await outbox.mark_published(connection, datetime.now(UTC), {asked: 1, other: 2}, rows)
        left = await outbox.unpublished(connection, ["pagerduty"], after=0, limit=5)
        assert [(row["id"], row["redelivery"]) for row in left] == [(asked, "replay-1-1")]
        await outbox.mark_published(connection, datetime.now(UTC), {asked: 3}, left)
        assert await outbox.unpublished(connection, ["pagerduty"], after=0, limit=5) == []
