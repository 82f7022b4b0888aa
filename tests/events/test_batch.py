"""Many events at once: each recorded once, and queued once."""

import asyncpg
import pytest

from em_agent.domain.deliveries import Delivery
from em_agent.events.batch import record_all
from em_agent.kit.postgres import Pool


def delivery(number: int, body: bytes = b"{}") -> Delivery:
    """A row."""
    return Delivery("pagerduty_api", f"R{number:04d}", body, event_type="trigger_log_entry")


async def test_each_once(pool: Pool) -> None:
    """What is new is written and queued, what was there is told with its id, what is given twice counts once."""
    async with pool.acquire() as connection:
        first = await record_all(connection, [delivery(2), delivery(1), delivery(2)])
        second = await record_all(connection, [delivery(3), delivery(2)])
        assert await record_all(connection, []) == {}
    assert {key[1]: found.is_new for key, found in first.items()} == {"R0001": True, "R0002": True}
    assert {key[1]: found.is_new for key, found in second.items()} == {"R0002": False, "R0003": True}
    key = ("pagerduty_api", "R0002")
    assert second[key].event == first[key].event
    ids = {row["id"] for row in await pool.fetch("SELECT id FROM events_raw")}
    assert {row["event_id"] for row in await pool.fetch("SELECT event_id FROM outbox")} == ids
    assert len(ids) == 3


async def test_all_or_nothing(pool: Pool) -> None:
    """One that PostgreSQL cannot read keeps the whole statement out, for the caller to find it."""
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.DataError):
            await record_all(connection, [delivery(1), delivery(2, b"{")])
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 0
