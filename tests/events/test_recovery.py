"""The recorder while its database is not the one it wants: it waits, and needs no hand."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from em_agent.domain.deliveries import Delivery
from em_agent.errors import RetriableError
from em_agent.events import record
from em_agent.events.record import Recorder
from em_agent.kit.postgres import Pool
from tests.conftest import with_database
from tests.waiting import eventually

DELIVERY = Delivery("pagerduty", "d1", b"{}")


async def _is_recorded(recorder: Recorder) -> bool:
    try:
        await recorder.record(DELIVERY)
    except RetriableError:
        return False
    return True


async def test_database_replaced(database_url: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is not there yet, or under another name for a while, is waited for; then deliveries are stored."""
    monkeypatch.setattr(record, "ANSWER_SECONDS", 0.5)
    name = urlsplit(database_url).path.lstrip("/")
    admin = await asyncpg.connect(postgres_url)
    try:
        await admin.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")
        async with Recorder(with_database(postgres_url, name), queue_limit=10) as recorder:
            assert not await _is_recorded(recorder)
            await admin.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")
            assert await eventually(lambda: _is_recorded(recorder))
    finally:
        await admin.close()


async def test_writer_survives_surprise(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw costs the deliveries of its batch a 503, and no writer."""
    monkeypatch.setattr(record, "ANSWER_SECONDS", 0.5)
    working = record._insert
    async with Recorder(database_url, queue_limit=10) as recorder:

        async def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(record, "_insert", broken)
        assert await asyncio.gather(*(_is_recorded(recorder) for _ in range(3))) == [False] * 3
        monkeypatch.setattr(record, "_insert", working)
        assert await eventually(lambda: _is_recorded(recorder))


async def test_missing_migration(database_url: str, pool: Pool) -> None:
    """A database that lacks a column or table is no reason to call a delivery unreadable: it is to be sent again."""
    async with Recorder(database_url, queue_limit=10) as recorder:
        await pool.execute("ALTER TABLE outbox RENAME TO outbox_away")
        with pytest.raises(RetriableError):
            await recorder.record(DELIVERY)
        await pool.execute("ALTER TABLE outbox_away RENAME TO outbox")
        assert (await recorder.record(DELIVERY)).is_new
