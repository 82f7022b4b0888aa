"""Brings the marts up to date: dbt builds and compiles them, and what it compiled takes in what is new."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import structlog

from em_agent.kit import postgres
from em_agent.kit.postgres import Connection
from em_agent.workers import refreshes
from em_agent.workers.building import build
from em_agent.workers.project import PROJECT_DIR, version_of
from em_agent.workers.refreshes import Refresh

# What rests on the mapping of services.
MAPPED = ("tag:delivery+",)

# More than taking in a long history takes; without an end, a server that vanished would be waited for for ever.
_LONGEST_SECONDS = 3600.0
_ASK_AGAIN_SECONDS = 0.5

_TURN = "SELECT pg_try_advisory_lock(hashtextextended('em_agent.warehouse.run', 0))"
_BUILT_BY = "SELECT obj_description(to_regnamespace('warehouse'), 'pg_namespace')"
_REMAPPED = "SELECT version FROM delivery_settings WHERE version <> built_version"
_NOTE_MAPPED = "UPDATE delivery_settings SET built_version = $1"
_FORGET_OTHERS = "DELETE FROM warehouse.refreshes WHERE project <> $1"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: rows written by model, and how long it took."""

    seconds: float
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def new_events(self) -> int:
        """Events that were not staged before."""
        return sum(count for model, count in self.rows.items() if model.startswith("stg_"))


class Transformer:
    """Brings the marts up to date; of several copies one works at a time.

    A run that takes in what is new costs some tenths of a second, by the number of new events. One that has to build
    models starts dbt, and takes as long as the history.
    """

    def __init__(self, database_url: str, work_dir: Path, project_dir: Path = PROJECT_DIR) -> None:
        """Have dbt write compiled SQL and logs below `work_dir`."""
        self._database_url = database_url
        self._work_dir = work_dir
        self._project_dir = project_dir
        self._version = version_of(project_dir)
        self._is_sure = False  # that nothing was left by a run that broke off, to which no new event would lead

    @property
    def _mark(self) -> str:
        return f"built by {self._version}"

    async def run(self, *, full_refresh: bool = False) -> Summary:
        """What was done to take in every event of the outbox, or, with `full_refresh`, to build all anew.

        The first run, and the one after a failure, look at every model, later ones at those that new events concern.
        Marts that another version of the project built, or that rest on another mapping of services, are built anew.

        Raises:
            ConfigurationError: the database URL is wrong.
            RetriableError: the database is away, or in the way: a later run may work.
            PermanentError: the project or the schema is wrong: every run would fail.

        """
        started = time.monotonic()
        async with self._turn() as connection:
            is_sure, self._is_sure = self._is_sure, False
            mapping = await connection.fetchval(_REMAPPED)
            if full_refresh or await connection.fetchval(_BUILT_BY) != self._mark:
                rows = await self._build_all(connection)
            else:
                if mapping is not None:
                    await self._build(["--full-refresh", "--select", *MAPPED, refreshes.LAST])
                rows = await self._refresh(connection, every=mapping is not None or not is_sure)
            if mapping is not None:
                await connection.execute(_NOTE_MAPPED, mapping)
            self._is_sure = True
        return Summary(time.monotonic() - started, rows)

    async def _build_all(self, connection: Connection) -> dict[str, int]:
        """Build all from the record."""
        rows = await self._build(["--full-refresh"])
        await connection.execute(_FORGET_OTHERS, self._version)
        await connection.execute(f"COMMENT ON SCHEMA warehouse IS '{self._mark}'")
        return rows

    async def _refresh(self, connection: Connection, *, every: bool) -> dict[str, int]:
        """Run what dbt compiled; where that fails, dbt itself, which makes what is missing or says what is wrong."""
        vendors = await refreshes.new_vendors(connection)
        if not (vendors or every):
            return {}
        kept = await refreshes.kept_refreshes(connection, self._version)
        if not kept or not all(refresh.is_there for refresh in kept):
            return await self._build([])
        try:
            return await _run(connection, kept if every else refreshes.concerned(kept, vendors))
        except postgres.UNREACHABLE:
            raise
        except asyncpg.PostgresError as error:
            log.warning("warehouse.refresh_failed", error=str(error))
            return await self._build([])

    async def _build(self, *runs: Sequence[str]) -> dict[str, int]:
        return await build(self._database_url, self._work_dir, self._project_dir, runs)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Connection]:
        """Wait for the runs of other copies; the session with the lock ends with this process, however it ends."""
        connection = await postgres.connect(self._database_url, name="em-agent warehouse")
        try:
            async with postgres.reachable():
                await connection.execute("SET jit = off")  # a compiled plan costs more than these queries
                while not await connection.fetchval(_TURN):  # noqa: ASYNC110 - another process has it
                    await asyncio.sleep(_ASK_AGAIN_SECONDS)
                yield connection
        finally:
            connection.terminate()


async def _run(connection: Connection, due: Sequence[Refresh]) -> dict[str, int]:
    rows = {}
    for refresh in due:
        if refresh.statement is not None:
            status = await connection.execute(refresh.statement, timeout=_LONGEST_SECONDS)
            rows[refresh.model] = int(status.split()[-1])  # INSERT 0 3
    return {model: count for model, count in rows.items() if count}
