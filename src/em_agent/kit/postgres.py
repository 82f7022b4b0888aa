"""PostgreSQL: connections, a pool, numbered migrations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import structlog

from em_agent.errors import PermanentError, RetriableError
from em_agent.kit import locks
from em_agent.kit.logging import Seldom

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

log = structlog.get_logger()

CONNECT_SECONDS = 3.0
COMMAND_SECONDS = 4.0
SILENCE_SECONDS = 3.0  # a server that has not answered the least statement by then has stopped
IDLE_SECONDS = 60.0  # an idle session costs the server some megabytes

# What a caller gets while the server is gone, starting, stopping, failing over, or out of connections, memory or disk;
# while none of several hosts is the primary, or the password or the database is being replaced.
UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection that broke under one statement says to the next
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
)


async def connect(url: str, *, name: str, command_seconds: float | None = COMMAND_SECONDS) -> Connection:
    """A connection that calls itself `name` in `pg_stat_activity` and fails commands after `command_seconds`.

    Raises:
        RetriableError: the server does not answer.

    """
    try:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=command_seconds,
            server_settings={"application_name": name, "TimeZone": "UTC"},
        )
    except (*UNREACHABLE, asyncpg.PostgresError) as error:
        message = f"PostgreSQL does not answer: {str(error) or type(error).__name__}"
        raise RetriableError(message) from error


@asynccontextmanager
async def open_pool(url: str, *, name: str, size: int, command_seconds: float = 30.0) -> AsyncIterator[Pool]:
    """A pool of up to `size` connections, which are made when first needed, so that it opens without the server.

    A statement may take `command_seconds`; that the server has stopped is noticed in `SILENCE_SECONDS`.
    """
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        max_inactive_connection_lifetime=IDLE_SECONDS,
        timeout=CONNECT_SECONDS,
        command_timeout=command_seconds,
        setup=_answers,
        server_settings={"application_name": name, "TimeZone": "UTC"},
    )
    await pool
    try:
        yield pool
    finally:
        pool.terminate()


async def _answers(connection: Connection) -> None:
    """Return if the connection's server answers; else drop it, since to close it well waits for the server, too.

    Raises:
        ConnectionError: it does not. That is no TimeoutError, which a statement may be to blame for.

    """
    try:
        await connection.execute("SELECT", timeout=SILENCE_SECONDS)
    except TimeoutError:
        connection.terminate()
        message = "its server has stopped"
        raise ConnectionError(message) from None
    except asyncio.CancelledError:
        connection.terminate()
        raise


async def migrate(url: str) -> list[str]:
    """Apply the numbered SQL files that the database lacks, each in a transaction; the names of those applied.

    Copies that start together wait for each other on an advisory lock.

    Raises:
        RetriableError: the server does not answer.
        PermanentError: it refuses a migration; the text says which and why.

    """
    connection = await connect(url, name="em-agent migrate", command_seconds=None)
    try:
        async with reachable():
            return await _migrate(connection)
    finally:
        connection.terminate()


async def _migrate(connection: Connection) -> list[str]:
    name = "schema_migrations"
    applied = []
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", locks.MIGRATION)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row["name"] for row in await connection.fetch("SELECT name FROM schema_migrations")}
        for name, sql in migration_files():
            if name not in done:
                async with connection.transaction():
                    await connection.execute(sql)
                    await connection.execute("INSERT INTO schema_migrations (name) VALUES ($1)", name)
                applied.append(name)
    except UNREACHABLE:
        raise
    except asyncpg.PostgresError as error:
        message = f"PostgreSQL refuses the migration {name}: {error}. Mend that, and run `em-agent migrate` again."
        raise PermanentError(message) from error
    return applied


def migration_files() -> list[tuple[str, str]]:
    """Name and text of each migration, in their order."""
    folder = files("em_agent") / "migrations"
    return sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql"))


async def has_migrations(connection: Any) -> bool:  # noqa: ANN401 - a connection or a pool
    """Whether the database has every migration of this release."""
    try:
        done = {row["name"] for row in await connection.fetch("SELECT name FROM schema_migrations")}
    except asyncpg.UndefinedTableError:
        return False
    return all(name in done for name, _ in migration_files())


async def wait_until_migrated(pool: Pool) -> None:
    """Return once the database answers and has every migration of this release."""
    unmigrated, unreachable = Seldom(), Seldom()
    while True:
        try:
            if await has_migrations(pool):
                if any([unreachable.is_over(), unmigrated.is_over()]):
                    log.info("postgres.well_again")
                return
            if unmigrated.may_say():
                log.warning("postgres.not_migrated", mend="run em-agent migrate")
        except UNREACHABLE as error:
            if unreachable.may_say():
                log.warning("postgres.unreachable", error=repr(error))
        await asyncio.sleep(1)


@asynccontextmanager
async def reachable() -> AsyncIterator[None]:
    """Turn what asyncpg raises while the server is away into a RetriableError."""
    try:
        yield
    except UNREACHABLE as error:
        message = f"PostgreSQL does not answer: {str(error) or type(error).__name__}"
        raise RetriableError(message) from error
