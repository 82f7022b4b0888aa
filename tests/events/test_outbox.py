"""What the outbox gives out to be published."""

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
