"""A crawl that ends in its middle goes on there, and two of them don't get into each other's way."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from em_agent.connectors.job import GaveWayError
from em_agent.connectors.schedule import Schedule
from em_agent.connectors.selection import Selection
from em_agent.errors import ConflictError, RetriableError
from em_agent.incidents import pending
from em_agent.kit.postgres import Connection
from em_agent.kit.process import ASK_AGAIN_SECONDS, cancel
from em_agent.search.store import Indexed
from tests.connectors.conftest import ALL, Stand
from tests.fake_pagerduty import Fault, cut, fail, garble, generate, hang, reset, say
from tests.waiting import eventually

BROKEN = [
    say(200, b'{"incidents": [{"id": "PX', {"content-type": "application/json"}),
    say(200, b""),
    say(200, b"[]"),
    fail(502, html=True),
    garble(),
    cut(),
    reset(),
    hang(5.0),
]


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: f"{fault.kind} {fault.status} {len(fault.body)}")
async def test_broken_pages_are_asked_for_again(stand: Stand, fault: Fault) -> None:
    """Whatever one answer is like, it is asked for again, and nothing is lost."""
    struck = replace(fault, path="/incidents", skip=2)
    stand.fake.faults = [struck]
    run = await stand.crawler(answer_seconds=1.0).crawl(ALL)
    assert (run.failed, struck.spoiled) == (0, 1)
    await stand.check_truth()


@pytest.mark.parametrize("path", ["/incidents", "/log_entries", ".*/notes"])
async def test_goes_on_where_it_stopped(stand: Stand, path: str) -> None:
    """What was read is not asked for again, nothing is lost, nothing is double."""
    stand.fake.faults = [garble(path=path, skip=2, times=10_000)]
    with pytest.raises(RetriableError):
        await stand.crawler().crawl(ALL)
    first = stand.fake.requests.copy()
    stand.fake.faults.clear()
    stand.fake.requests.clear()
    run = await stand.crawl()
    await stand.check_truth()
    noted = sum(bool(incident.notes) for incident in stand.fake.account.incidents.values())
    assert (run.id, run.state, run.fetched, run.indexed, run.unchanged) == (1, "done", 250, 250, 0)
    assert run.reasons == []  # what ended it before is no trouble of its any more
    assert run.requests == first.total() + stand.fake.count
    if path != "/incidents":
        assert stand.fake.requests["/incidents"] == 0
    if path == ".*/notes":
        assert stand.fake.requests["/log_entries"] == 0
        assert stand.fake.requests["/incidents/{id}/notes"] <= noted


async def test_cancelled(stand: Stand) -> None:
    """A crawl that is cancelled is told as interrupted, and goes on."""
    task = asyncio.create_task(stand.crawler().crawl(ALL))
    await eventually(lambda: stand.fake.requests["/incidents/{id}/notes"] > 10)
    await cancel([task])
    assert await stand.pool.fetchval("SELECT state FROM crawl_runs") == "interrupted"
    run = await stand.crawl()
    assert (run.id, run.fetched, run.indexed) == (1, 250, 250)
    await stand.check_truth()


async def test_cancelled_while_the_database_is_slow(stand: Stand) -> None:
    """That the crawl was interrupted is written, however often it is asked to end meanwhile."""
    task = asyncio.create_task(stand.crawler().crawl(ALL))
    await eventually(lambda: stand.fake.requests["/incidents/{id}/notes"] > 10)
    async with stand.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SELECT FROM crawl_runs FOR UPDATE")
            ending = asyncio.create_task(cancel([task]))
            await asyncio.sleep(2 * ASK_AGAIN_SECONDS + 0.5)  # the row is held for longer than two such questions
        await ending
    assert await stand.pool.fetchval("SELECT state FROM crawl_runs") == "interrupted"


async def test_cancelled_as_a_transaction_begins(stand: Stand) -> None:
    """That the crawl was interrupted is committed, also when the server has begun a transaction that we gave up."""

    async def begin(connection: Connection, _: list[str]) -> Indexed:
        await connection.execute("BEGIN")
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await replace(stand.crawler(), index=begin).crawl(ALL)
    assert await stand.pool.fetchval("SELECT state FROM crawl_runs") == "interrupted"


async def test_one_at_a_time(stand: Stand) -> None:
    """A second crawl waits for the first, and gives up with a sentence if that takes too long."""
    stand.fake.faults = [hang(1.2, path="/log_entries")]
    first = asyncio.create_task(stand.crawler().crawl(ALL))
    await eventually(lambda: stand.fake.count > 1)
    with pytest.raises(ConflictError, match="Crawl 1 of PagerDuty is at work since"):
        await stand.crawler(lock_seconds=0.2).crawl(Selection(limit=5))
    second = await stand.crawl(Selection(limit=5))
    assert (await first).state == "done"
    assert second.unchanged == second.indexed == 5
    await stand.check_truth()


async def test_documents_are_locked_apart(stand: Stand) -> None:
    """Whoever makes documents keeps no crawl waiting, whatever their incidents are called."""
    stand.fake.account = generate(5, seed=2)
    async with stand.pool.acquire() as connection, connection.transaction():
        await pending.lock(connection, ["pagerduty"])
        await stand.crawler(lock_seconds=0.2).crawl(Selection(limit=1))


async def test_the_clock_makes_way(stand: Stand) -> None:
    """A crawl by the clock leaves when somebody else waits, and goes on later."""
    stand.fake.faults = [hang(0.5, path="/incidents", skip=1)]
    by_clock = asyncio.create_task(stand.crawler().crawl(ALL, gives_way=True))
    await eventually(lambda: stand.fake.requests["/incidents"] == 2)
    asked = await stand.crawl(Selection(limit=5))
    assert asked.fetched == 5
    with pytest.raises(GaveWayError):
        await by_clock
    run = await stand.crawl()
    assert (run.id, run.fetched) == (1, 250)
    await stand.check_truth()


@pytest.mark.parametrize(("selection", "again"), [(Selection(limit=20), False), (ALL, True)])
@pytest.mark.parametrize("hours", [0, 2])
async def test_a_crawl_that_nobody_resumes(stand: Stand, hours: int, selection: Selection, *, again: bool) -> None:
    """What it recorded, but did not finish, is finished by the next crawl of the changes."""
    await stand.crawl()
    now, account = datetime.now(UTC).replace(microsecond=0), stand.fake.account
    noted, named = account.by_time[-2], account.trigger(now - timedelta(minutes=1))
    account.annotate(noted, now, "Fixed by a restart.")
    account.annotate(named, now, "It was the deploy.")
    stand.fake.faults = [fail(500, path=".*/notes", times=1000)]
    with pytest.raises(RetriableError):
        await stand.crawler().crawl(selection, again=again)
    stand.fake.faults.clear()
    assert await stand.pool.fetchval("SELECT count(*) FROM crawl_incidents WHERE is_changed AND NOT is_done") == 2
    await stand.pool.execute(_AGE, timedelta(hours=hours))
    run = await stand.crawl()
    assert (run.mode, run.fetched) == ("changes", 2)
    await stand.check_truth()
    assert await stand.pool.fetchval("SELECT count(*) FROM crawl_failures") == 0


_AGE = "UPDATE crawl_runs SET touched_at = touched_at - $1::interval"
_DONE = "SELECT mode FROM crawl_runs WHERE state = 'done' ORDER BY id"


async def _count_done(stand: Stand) -> bool:
    return len(await stand.pool.fetch(_DONE)) > 1


async def test_schedule(stand: Stand) -> None:
    """By the clock all of history is read, then what changes; a failure only postpones it; two copies share the work."""
    stand.fake.faults = [fail(401, times=1)]
    tasks = [
        asyncio.create_task(Schedule(stand.crawler(), stand.pool, every_seconds=0.3, first_seconds=0.1).run())
        for _ in range(2)
    ]
    try:
        await eventually(lambda: len(stand.index.states) == 250, seconds=30)
        incident = stand.fake.account.trigger(datetime.now(UTC).replace(microsecond=0))
        await eventually(lambda: incident.id in stand.index.states, seconds=30)
        await eventually(lambda: _count_done(stand), seconds=30)
    finally:
        await cancel(tasks)
    modes = [row["mode"] for row in await stand.pool.fetch(_DONE)]
    assert modes[0] == "full"
    assert set(modes[1:]) == {"changes"}
