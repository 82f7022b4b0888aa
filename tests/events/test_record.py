"""The recorder: many deliveries in one transaction, and none that spoils it for the others."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from em_agent.domain.deliveries import Delivery
from em_agent.errors import RetriableError
from em_agent.events.record import WRITERS, Recorder, UnreadableError
from em_agent.kit.postgres import Pool
from tests.waiting import eventually


def _delivery(name: str, body: bytes = b"{}") -> Delivery:
    return Delivery("pagerduty", name, body)


@pytest.mark.parametrize("body", [b"\xff", b"\x00", b"nothing", b'"\xed\xa0\x80"'])
async def test_a_body_that_no_row_can_hold(database_url: str, pool: Pool, body: bytes) -> None:
    """Such a delivery fails alone, as often as it comes, its neighbours are stored, and the writers go on."""
    async with Recorder(database_url, queue_limit=100) as recorder:
        for turn in range(WRITERS + 1):
            deliveries = [_delivery(f"{turn}-{n}") for n in range(5)]
            deliveries.insert(2, _delivery(f"bad-{turn}", body))
            results = await asyncio.gather(*(recorder.record(each) for each in deliveries), return_exceptions=True)
            assert isinstance(results.pop(2), UnreadableError)
            assert all(not isinstance(result, BaseException) and result.is_new for result in results)
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 5 * (WRITERS + 1)


async def test_equal_deliveries_in_one_batch(database_url: str, pool: Pool) -> None:
    """Of equal deliveries in one batch one is new and the others repeat it; another source's of that id is its own."""
    async with Recorder(database_url, queue_limit=100) as recorder:
        same = [_delivery("same") for _ in range(10)]
        other = Delivery("other", "same", b"{}")
        *receipts, of_other = await asyncio.gather(*(recorder.record(each) for each in [*same, other]))
        assert sorted(receipt.is_new for receipt in receipts) == [False] * 9 + [True]
        assert len({receipt.id for receipt in receipts}) == 1
        assert of_other.is_new
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 2


async def test_a_cancelled_request(database_url: str, pool: Pool) -> None:
    """A sender that goes away takes nobody's delivery with it."""
    async with Recorder(database_url, queue_limit=100) as recorder:
        tasks = [asyncio.create_task(recorder.record(_delivery(f"d{n}"))) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.result().is_new for task in tasks[1::2])
        again = await asyncio.gather(*(recorder.record(_delivery(f"d{n}")) for n in range(20)))
        assert not any(receipt.is_new for receipt in again[1::2])
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 20


async def test_after_the_end(database_url: str, pool: Pool) -> None:
    """A recorder that closes writes what it took, and takes nothing more."""
    async with Recorder(database_url, queue_limit=100) as recorder:
        tasks = [asyncio.create_task(recorder.record(_delivery(f"d{n}"))) for n in range(30)]
        await asyncio.sleep(0)
    assert all(task.result().is_new for task in tasks)
    with pytest.raises(RetriableError):
        await recorder.record(_delivery("late"))
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 30


async def test_a_database_that_refuses_connections(database_url: str, postgres_url: str) -> None:
    """While the database lets nobody in for a reason of its own a delivery is retriable, and afterwards it is stored."""
    name = urlsplit(database_url).path[1:]
    admin = await asyncpg.connect(postgres_url)
    try:
        async with Recorder(database_url, queue_limit=100) as recorder:
            await recorder.record(_delivery("before"))
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            for n in range(WRITERS + 1):
                with pytest.raises(RetriableError):
                    await recorder.record(_delivery(f"while-{n}"))
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert await eventually(lambda: _is_recorded(recorder))
    finally:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await admin.close()


async def _is_recorded(recorder: Recorder) -> bool:
    try:
        return bool(await recorder.record(_delivery("after")))
    except RetriableError as error:
        raise OSError from error
