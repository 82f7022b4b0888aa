"""Lets go what is older than the setting allows: once a day, by one copy at a time, in small transactions.

The marts cannot take rows back, so they are built anew afterwards; that this is due is noted with what was deleted.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import structlog

from em_agent.errors import EmAgentError
from em_agent.events import retention as events
from em_agent.incidents import retention as incidents
from em_agent.kit import locks, postgres, progress
from em_agent.kit.postgres import Connection

FIRST_SECONDS = 60.0
LOOK_SECONDS = 600.0
COMMAND_SECONDS = 120.0
INCIDENTS_AT_ONCE = 100
EVENTS_AT_ONCE = 1000

# When it was done last, by how many days; and that marts hold what is gone.
_DONE, _REBUILD = "retention", "retention.rebuild"
_IS_DUE = """
SELECT EXISTS (SELECT FROM progress WHERE name = $2)
    OR NOT EXISTS (SELECT FROM progress WHERE name = $1 AND place = $3 AND updated_at > now() - interval '1 day')
"""

log = structlog.get_logger()


@dataclass
class Counts:
    """What a run let go."""

    incidents: int = 0
    events: int = 0
    quarantined: int = 0
    dead_letters: int = 0


class Retention:
    """Keeps so many days; copies pass over each other."""

    def __init__(
        self,
        database_url: str,
        days: int,
        rebuild: Callable[[], Awaitable[None]],
        *,
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        """Look at the database, the first time after `first_seconds`; `rebuild` builds the marts anew."""
        self._database_url = database_url
        self._days = days
        self._rebuild = rebuild
        self._first_seconds = first_seconds

    async def run(self) -> None:
        """Work until cancelled, whatever fails."""
        wait = self._first_seconds
        while True:
            await asyncio.sleep(wait)
            try:
                await self.look(datetime.now(UTC))
            except EmAgentError as error:
                log.warning("retention.postponed", error=str(error))
            except Exception:  # the outermost loop: without it nothing would go until a restart
                log.exception("retention.broken")
            wait = LOOK_SECONDS

    async def look(self, now: datetime) -> Counts | None:
        """What went, if it was due; None if it was not, or another copy is at it.

        Raises:
            RetriableError: the database is away, the marts are not built yet, or cannot be.

        """
        connection = await postgres.connect(
            self._database_url, name="em-agent retention", command_seconds=COMMAND_SECONDS
        )
        try:
            async with postgres.reachable():
                if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", locks.RETENTION):
                    return None
                if not await connection.fetchval(_IS_DUE, _DONE, _REBUILD, str(self._days)):
                    return None
                return await self._let_go(connection, now - timedelta(days=self._days))
        finally:
            connection.terminate()

    async def _let_go(self, connection: Connection, before: datetime) -> Counts:
        started = time.monotonic()
        counts = Counts()
        await events.keep_whole(connection, before)
        await _let_incidents_go(connection, before, counts)
        await _let_events_go(connection, before, counts)
        counts.quarantined = await _in_batches(events.forget_quarantined, connection, before)
        counts.dead_letters = await _in_batches(events.forget_dead_letters, connection, before)
        if await progress.place_of(connection, _REBUILD) is not None:
            await self._rebuild()
            await progress.forget(connection, _REBUILD)
        await progress.remember(connection, _DONE, str(self._days))
        gone = {field.name: getattr(counts, field.name) for field in fields(counts)}
        log.info("retention.done", days=self._days, **gone, seconds=round(time.monotonic() - started, 1))
        return counts


async def _let_incidents_go(connection: Connection, before: datetime, counts: Counts) -> None:
    after = ""
    while True:
        async with connection.transaction():
            batch = await incidents.forget_incidents(connection, before=before, after=after, limit=INCIDENTS_AT_ONCE)
            if batch.incidents:
                await progress.remember(connection, _REBUILD, "")
        counts.incidents += batch.incidents
        counts.events += batch.events
        if not batch.looked_at:
            return
        after = batch.looked_at[-1]


async def _let_events_go(connection: Connection, before: datetime, counts: Counts) -> None:
    after = 0
    while True:
        async with connection.transaction():
            page = await events.forget_events(connection, before=before, after=after, limit=EVENTS_AT_ONCE)
            if page is not None and page.gone:
                await progress.remember(connection, _REBUILD, "")
        if page is None or not page.has_old:
            return
        counts.events += page.gone
        after = page.last


async def _in_batches(forget: Callable[..., Awaitable[int]], connection: Connection, before: datetime) -> int:
    total = 0
    while count := await forget(connection, before=before, limit=EVENTS_AT_ONCE):
        total += count
    return total
