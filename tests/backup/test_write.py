"""A backup is one whole file, or none."""

import asyncio
from pathlib import Path

import pytest

from em_agent.backup.write import write_backup
from em_agent.errors import ConfigurationError, ConflictError, EmAgentError, NotFoundError, RetriableError
from em_agent.kit.postgres import Pool


def _ignore(_: int) -> None:
    return


async def test_is_a_file_for_its_owner_alone(database_url: str, tmp_path: Path) -> None:
    """The file has the size that is told, nobody else may read it, and nothing lies beside it."""
    file = tmp_path / "a.backup"
    done = await write_backup(database_url, file, is_forced=False, report=_ignore)
    assert (done.file, done.bytes) == (str(file), file.stat().st_size)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


async def test_replaces_nothing_unless_told(database_url: str, tmp_path: Path) -> None:
    """A file that is there stays as it is, until it is replaced by force."""
    file = tmp_path / "a.backup"
    file.write_text("mine")
    with pytest.raises(ConflictError, match="--force"):
        await write_backup(database_url, file, is_forced=False, report=_ignore)
    assert file.read_text() == "mine"
    await write_backup(database_url, file, is_forced=True, report=_ignore)
    assert file.read_bytes().startswith(b"PGDMP")
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_failure_leaves_nothing(database_url: str, pool: Pool, tmp_path: Path) -> None:
    """A server that goes away in the middle leaves no file, and the old one as it was."""
    file = tmp_path / "a.backup"
    file.write_text("mine")
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE quarantine IN ACCESS EXCLUSIVE MODE")  # pg_dump waits here
        writing = asyncio.create_task(write_backup(database_url, file, is_forced=True, report=_ignore))
        query = (
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'em-agent pg_dump' AND wait_event_type = 'Lock'"
        )
        while not (pid := await pool.fetchval(query)):
            assert not writing.done()
            await asyncio.sleep(0.02)
        await pool.execute("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises(RetriableError):
            await writing
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


async def test_an_interruption_leaves_nothing(database_url: str, pool: Pool, tmp_path: Path) -> None:
    """Who is interrupted leaves neither a file nor a session."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'em-agent pg_dump'"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE quarantine IN ACCESS EXCLUSIVE MODE")
        file = tmp_path / "a.backup"
        writing = asyncio.create_task(write_backup(database_url, file, is_forced=False, report=_ignore))
        while not await pool.fetchval(query):
            assert not writing.done()
            await asyncio.sleep(0.02)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    while await pool.fetchval(query):
        await asyncio.sleep(0.02)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "family", "word"),
    [(".", ConfigurationError, "directory"), ("none/a.backup", ConfigurationError, "cannot be written")],
)
async def test_a_place_that_cannot_be(
    database_url: str, tmp_path: Path, place: str, family: type[EmAgentError], word: str
) -> None:
    """A file that cannot be written is told in a sentence."""
    with pytest.raises(family, match=word):
        await write_backup(database_url, tmp_path / place, is_forced=False, report=_ignore)


async def test_nothing_to_back_up(empty_url: str, tmp_path: Path) -> None:
    """A database without anything of ours is no success."""
    with pytest.raises(NotFoundError, match="nothing to back up"):
        await write_backup(empty_url, tmp_path / "a.backup", is_forced=False, report=_ignore)
    assert list(tmp_path.iterdir()) == []


async def test_no_server(tmp_path: Path) -> None:
    """A server that is away is told as such."""
    with pytest.raises(RetriableError):
        await write_backup("postgresql://127.0.0.1:1/em", tmp_path / "a.backup", is_forced=False, report=_ignore)
