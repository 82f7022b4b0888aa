"""The worker of the memory: makes the documents of incidents anew as they change, and the vectors that are missing."""

import asyncio

import structlog

from em_agent.kit.postgres import Pool
from em_agent.search.embedder import Embedder

log = structlog.get_logger()


class SearchWorker:
    """One copy of the worker."""

    def __init__(self, database_url: str, pool: Pool, embedder: Embedder | None) -> None:
        """Index and embed what the database holds; without an embedder, index alone."""
        self._database_url = database_url
        self._pool = pool
        self._embedder = embedder
        self.is_well = False  # whether the last turn was one without a failure

    async def run(self) -> None:
        """Work until cancelled."""
        self.is_well = True
        await asyncio.Event().wait()
