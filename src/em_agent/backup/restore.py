"""Puts a backup into an empty database: all of it in one transaction, or nothing."""

import contextlib
import tempfile
import time
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from em_agent.backup import archive, programs
from em_agent.errors import ConflictError, PermanentError
from em_agent.kit import locks, postgres

_CHUNK_BYTES = 1024 * 1024
_LOOK_SECONDS = 1.0
_SHOWN_NAMES = 3

# What is not part of the server or of an extension.
_RELATIONS = """
SELECT c.oid::regclass::text AS name FROM pg_class AS c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
    AND c.relpersistence <> 't' AND c.relnamespace <> 'pg_toast'::regnamespace
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY 1
"""

# `migrate` waits until the schema is there or not. The room makes indexes quickly.
_BEGIN = f"""
BEGIN;
SELECT pg_advisory_xact_lock({locks.MIGRATION});
SET LOCAL maintenance_work_mem = '256MB';
"""

# A setting of PostgreSQL 17, which older servers refuse.
_NEWER_SETTING = b"SET transaction_timeout = 0;\n"

# Whatever was on its way when the backup was made is published again, under names that no stream has seen.
_COMMIT = """
ANALYZE;
UPDATE public.outbox
SET published_at = NULL, stream_epoch = NULL, stream_sequence = NULL, redelivery = 'restored-' || txid_current();
COMMIT;
"""

_HELD = "SELECT count(*) AS events, max(received_at) AS newest_at FROM events_raw"

# Called now and then with the bytes that are restored.
Report = Callable[[int], None]


@dataclass(frozen=True)
class Restored:
    """What a database holds after its restoration."""

    file: str
    events: int
    newest_received_at: str | None
    seconds: float


async def check_empty(url: str) -> None:
    """See that nobody's data are in the database.

    Raises:
        ConflictError: there are.
        RetriableError: it does not answer.

    """
    connection = await postgres.connect(url, name="em-agent restore")
    try:
        async with postgres.reachable():
            names = [row["name"] for row in await connection.fetch(_RELATIONS)]
    finally:
        connection.terminate()
    if names:
        shown = ", ".join(names[:_SHOWN_NAMES]) + (" and others" if len(names) > _SHOWN_NAMES else "")
        message = (
            f"The database is not empty ({shown}), and a backup is restored into an empty one only: "
            "name another EM_AGENT_DATA_DIR or DATABASE_URL, or move away what is there."
        )
        raise ConflictError(message)


async def restore(url: str, file: Path, report: Report) -> Restored:
    """What the empty database at `url` holds once the backup is in it, brought up to this release.

    Raises:
        InvalidError: the file is only a part of a backup.
        PermanentError: the database refuses something of it.
        RetriableError: the database is away.

    """
    started = time.monotonic()
    with tempfile.NamedTemporaryFile("w", prefix="em-agent-", suffix=".list") as chosen:
        chosen.write(await archive.contents(file))
        chosen.flush()
        await _pour(url, file, chosen.name, report)
    await postgres.migrate(url)
    connection = await postgres.connect(url, name="em-agent restore", command_seconds=None)
    try:
        async with postgres.reachable():
            held = await connection.fetchrow(_HELD)
    finally:
        connection.terminate()
    events, newest_at = held or (0, None)
    return Restored(
        str(file), events, newest_at.isoformat() if newest_at else None, round(time.monotonic() - started, 1)
    )


async def _pour(url: str, file: Path, chosen: str, report: Report) -> None:
    """Have psql do what pg_restore reads in the file; without the last word, COMMIT, nothing of it stays."""
    reading = await programs.start(
        "pg_restore",
        ["--no-owner", "--no-acl", f"--use-list={chosen}", "--file=-", str(file)],
        stdout=PIPE,
    )
    try:
        writing = await programs.start(
            "psql", ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"], url=url, stdin=PIPE
        )
        try:
            with contextlib.suppress(ConnectionError):  # psql has ended, and says why
                await _copy(reading.output, writing.input, report)
                await _expect_whole(reading, file)
                writing.input.write(_COMMIT.encode())
                await writing.input.drain()
                writing.input.close()
            await writing.wait()
        finally:
            await writing.end()
    finally:
        await reading.end()


async def _expect_whole(reading: programs.Program, file: Path) -> None:
    try:
        await reading.wait()
    except PermanentError as error:
        raise archive.foreign(file) from error


async def _copy(source: StreamReader, sink: StreamWriter, report: Report) -> None:
    sink.write(_BEGIN.encode())
    while (line := await source.readline()) and line != _NEWER_SETTING:
        sink.write(line)
    done, shown_at = 0, -_LOOK_SECONDS
    while chunk := await source.read(_CHUNK_BYTES):
        sink.write(chunk)
        await sink.drain()
        done += len(chunk)
        if time.monotonic() - shown_at >= _LOOK_SECONDS:
            shown_at = time.monotonic()
            report(done)
