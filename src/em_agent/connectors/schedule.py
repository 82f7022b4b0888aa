"""Crawls by the clock, so that what the webhooks missed is repaired."""

import asyncio
from dataclasses import replace

import structlog

from em_agent.connectors.crawl import Crawler
from em_agent.connectors.selection import Selection
from em_agent.errors import ConflictError, EmAgentError
from em_agent.kit.postgres import Pool

# Who asked for a crawl goes first, and is let alone for a while.
AFTER_OTHERS_SECONDS = 30.0
FIRST_SECONDS = 60.0

_SINCE_LAST = """
SELECT extract(epoch FROM clock_timestamp() - max(finished_at))::float8
FROM crawl_runs WHERE source = 'pagerduty' AND state = 'done' AND mode <> 'selection'
"""

log = structlog.get_logger()


class Schedule:
    """Reads everything that changed, every so often; of several copies whichever comes first."""

    def __init__(
        self, crawler: Crawler, pool: Pool, *, every_seconds: float, first_seconds: float = FIRST_SECONDS
    ) -> None:
        """Crawl so often; the first time no sooner than `first_seconds` from now."""
        self._crawler = replace(crawler, lock_seconds=1.0)
        self._pool = pool
        self._every_seconds = every_seconds
        self._first_seconds = min(first_seconds, every_seconds)

    async def run(self) -> None:
        """Crawl until cancelled, whatever fails."""
        # Without a history there is no hurry: a person who has just started this may want to crawl himself.
        wait = max(self._first_seconds, await self._due(never=self._every_seconds))
        while True:
            await asyncio.sleep(wait)
            wait = await self._due(never=0.0)
            if wait <= 0:
                wait = await self._crawl()

    async def _due(self, *, never: float) -> float:
        """The seconds until the next crawl is due; `never` if there was none yet."""
        try:
            age = await self._pool.fetchval(_SINCE_LAST)
        except Exception:  # noqa: BLE001 - the database is away or not migrated yet: the crawl itself will say so
            return self._every_seconds
        return never if age is None else self._every_seconds - float(age)

    async def _crawl(self) -> float:
        """Crawl once; the seconds until the next look."""
        try:
            await self._crawler.crawl(Selection(limit=None), gives_way=True)
        except ConflictError:
            return min(AFTER_OTHERS_SECONDS, self._every_seconds)
        except EmAgentError as error:
            log.warning("crawl.postponed", error=str(error))
        except Exception:  # the outermost loop: without it no gap would be repaired until a restart
            log.exception("crawl.broken")
        return self._every_seconds
