"""What is restored is what was there, all of it or nothing."""

import asyncio
from pathlib import Path

import pytest

from em_agent.backup import archive
from em_agent.backup.restore import Restored, check_empty, restore
from em_agent.backup.stream import forget_stream
from em_agent.backup.write import write_backup
from em_agent.domain.consumers import WAREHOUSE
from em_agent.domain.documents import Document, Passage
from em_agent.errors import ConflictError, InvalidError, NotFoundError, RetriableError
from em_agent.kit import postgres
from em_agent.kit.nats import open_client
from em_agent.kit.postgres import Pool, has_migrations, migration_files, open_pool
from em_agent.search import store
from tests.backup.conftest import execute, relations, rows_of
from tests.conftest import with_database
from tests.deliveries import delivery, incident
from tests.parts import StandIn, gateway_on, relay_on, running, worker_on
from tests.waiting import eventually


def _ignore(_: int) -> None:
    return


async def _backed_up(url: str, file: Path) -> Path:
    await write_backup(url, file, is_forced=False, report=_ignore)
    return file


async def _restored(url: str, file: Path) -> Restored:
    await archive.check(file)
    await check_empty(url)
    return await restore(url, file, _ignore)


async def _fill(database_url: str) -> None:
    """Events of every kind of table that is no mart: deliveries, a quarantined one, an own document."""
    async with gateway_on(database_url) as gateway:
        await gateway.store(delivery("triggered"), delivery("resolved", 60), b'{"event": {"id": "x",  "n": 1.10}}')
        await gateway.post(b'{"event": {"id": "y", "text": "\\u0000"}}')
        await gateway.post(b"\xff\xfe no json")
    connection = await postgres.connect(database_url, name="test")
    try:
        await store.index(connection, [Document("mine", "wiki", "Disk full", (Passage("paragraph", "Ünïcode \\ rm"),))])
        await connection.execute("UPDATE search.passages SET model = 'm', embedding = '[0.5,0.25]'")
        await connection.execute("INSERT INTO incident_deployments_by_hand VALUES ('P1', 'd', true)")
        await connection.execute("UPDATE outbox SET published_at = now(), stream_epoch = now(), stream_sequence = 1")
    finally:
        connection.terminate()


async def test_comes_out_as_it_was(database_url: str, empty_url: str, tmp_path: Path) -> None:
    """Every row has every byte that it had, ids go on where they were, and what was on its way is so again."""
    await _fill(database_url)
    before = await rows_of(database_url)
    done = await _restored(empty_url, await _backed_up(database_url, tmp_path / "a.backup"))
    after = await rows_of(empty_url)
    outboxes = before.pop("outbox"), after.pop("outbox")
    assert after == before
    assert len(before["events_raw"]) == len(outboxes[0]) == done.events == 3
    assert len(before["quarantine"]) == 2
    async with open_pool(empty_url, name="test", size=1) as pool:
        rows = await pool.fetch("SELECT * FROM outbox ORDER BY event_id")
        assert [row["published_at"] for row in rows] == [None] * 3
        assert all(row["redelivery"].startswith("restored-") for row in rows)
    async with gateway_on(empty_url) as gateway:
        (next_id,) = await gateway.store(delivery("annotated", 90))
        repeated = await gateway.post(b'{"event": {"id": "x",  "n": 1.10}}')
    assert next_id > max(row["event_id"] for row in rows)
    assert repeated.json() == {"status": "duplicate", "id": rows[2]["event_id"]}


async def test_marts_are_left_to_be_built(
    postgres_url: str, marts_template: str, template_url: str, empty_url: str, tmp_path: Path
) -> None:
    """A restored database has what the migrations make, and no mart, so that the first run builds them all."""
    with_marts = with_database(postgres_url, marts_template)
    await _restored(empty_url, await _backed_up(with_marts, tmp_path / "a.backup"))
    assert await relations(empty_url) == await relations(template_url)
    assert "warehouse.fct_incidents" in await relations(with_marts)
    async with open_pool(empty_url, name="test", size=1) as pool:
        assert await pool.fetchval("SELECT obj_description('warehouse'::regnamespace, 'pg_namespace')") is None


async def test_nothing_is_lost_and_nothing_done_twice(
    database_url: str, pool: Pool, empty_url: str, nats_url: str, tmp_path: Path
) -> None:
    """Events that the old stream is done with, but the backup is not, are acted upon by what runs on the restored one."""
    file = tmp_path / "a.backup"
    async with gateway_on(database_url) as gateway, relay_on(database_url, nats_url):
        async with worker_on(pool, nats_url):
            await gateway.store(delivery("triggered", data=incident("P1")))
            await eventually(lambda: pool.fetchval("SELECT count(*) = 1 FROM incidents"))
        await gateway.store(delivery("triggered", data=incident("P2")), delivery("resolved", 60, data=incident("P1")))
        await eventually(lambda: pool.fetchval("SELECT count(*) = 3 FROM outbox WHERE published_at IS NOT NULL"))
        await _backed_up(database_url, file)
        async with open_client(nats_url, name="test") as client, worker_on(pool, nats_url):
            await gateway.store(delivery("triggered", data=incident("PLOST")))
            async with running((await StandIn(client, WAREHOUSE).make()).run()):
                await eventually(lambda: pool.fetchval("SELECT count(*) = 0 FROM outbox"))
            expected = await pool.fetch("SELECT * FROM incidents WHERE id <> 'PLOST' ORDER BY id")
    await archive.check(file)
    await check_empty(empty_url)
    await forget_stream(nats_url)
    await restore(empty_url, file, _ignore)
    async with open_pool(empty_url, name="test", size=4) as restored, open_client(nats_url, name="test") as client:
        async with relay_on(empty_url, nats_url), worker_on(restored, nats_url):
            async with running(StandIn(client, WAREHOUSE).run()):
                await eventually(lambda: restored.fetchval("SELECT count(*) = 0 FROM outbox"))
        assert await restored.fetch("SELECT * FROM incidents ORDER BY id") == expected
        assert await restored.fetchval("SELECT count(*) FROM incident_events") == 3


async def test_a_database_in_use_is_left_alone(database_url: str, tmp_path: Path) -> None:
    """One that has tables is refused in a sentence that names the mend, and so is one that gets them meanwhile."""
    file = await _backed_up(database_url, tmp_path / "a.backup")
    before = await rows_of(database_url)
    with pytest.raises(ConflictError, match="EM_AGENT_DATA_DIR or DATABASE_URL"):
        await check_empty(database_url)
    with pytest.raises(Exception, match="already exists"):
        await restore(database_url, file, _ignore)
    assert await rows_of(database_url) == before


async def test_an_older_release_is_brought_up(bare_url: str, empty_url: str, tmp_path: Path) -> None:
    """A backup of a database that lacks the newest migration is restored, and has it afterwards."""
    await execute(bare_url, "CREATE TABLE schema_migrations (name text PRIMARY KEY, applied_at timestamptz)")
    for name, sql in migration_files()[:-1]:
        await execute(bare_url, f"{sql}; INSERT INTO public.schema_migrations VALUES ('{name}', now())")
    async with open_pool(empty_url, name="test", size=1) as pool:
        await _restored(empty_url, await _backed_up(bare_url, tmp_path / "a.backup"))
        assert await has_migrations(pool)


async def test_a_newer_release_is_refused(database_url: str, tmp_path: Path) -> None:
    """A backup with a migration that is not known here is not restored."""
    await execute(database_url, "INSERT INTO schema_migrations VALUES ('9999_later.sql')")
    file = await _backed_up(database_url, tmp_path / "a.backup")
    with pytest.raises(InvalidError, match=r"newer release.*9999_later"):
        await archive.check(file)


async def test_a_part_of_a_file_restores_nothing(database_url: str, empty_url: str, tmp_path: Path) -> None:
    """Wherever the file was cut off, nothing of it is in the database, which may be filled afterwards."""
    await _fill(database_url)
    file = await _backed_up(database_url, tmp_path / "a.backup")
    whole = file.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9, 0.99):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InvalidError, match="no backup"):
            await _restored(empty_url, file)
        await check_empty(empty_url)
    file.write_bytes(whole)
    assert (await _restored(empty_url, file)).events == 3


async def test_other_files_are_refused(tmp_path: Path, postgres_url: str) -> None:
    """What is no backup of ours, or not there, is told in a sentence."""
    with pytest.raises(NotFoundError):
        await archive.check(tmp_path / "none")
    text = tmp_path / "text"
    text.write_text("SELECT 1;")
    with pytest.raises(InvalidError):
        await archive.check(text)


async def test_an_interruption_restores_nothing(database_url: str, empty_url: str, tmp_path: Path) -> None:
    """Who is interrupted in the middle leaves the database empty."""
    file = await _backed_up(database_url, tmp_path / "a.backup")
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'em-agent psql' AND wait_event_type = 'Lock'"
    async with open_pool(empty_url, name="test", size=2) as pool:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("CREATE TABLE outbox ()")  # psql waits here for whether it stays
            restoring = asyncio.create_task(restore(empty_url, file, _ignore))
            while not await pool.fetchval(busy):
                assert not restoring.done()
                await asyncio.sleep(0.02)
            restoring.cancel()
            with pytest.raises(asyncio.CancelledError):
                await restoring
            await connection.execute("DROP TABLE outbox")
        await eventually(lambda: pool.fetchval(f"SELECT ({busy}) = 0"))
    await check_empty(empty_url)


async def test_a_stream_that_is_away() -> None:
    """NATS that does not answer is told before anything is restored."""
    with pytest.raises(RetriableError, match="NATS_URL"):
        await forget_stream("nats://127.0.0.1:1")
