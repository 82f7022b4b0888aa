"""The names that the filter bar offers, read again when they are some time old."""

from datetime import datetime, timedelta

import structlog

from em_agent.errors import RetriableError
from em_agent.kit.postgres import Pool
from em_agent.metrics.names import Names, read_names

_FRESH = timedelta(seconds=30)

log = structlog.get_logger()


class NameBook:
    """The names there were when they were read last."""

    def __init__(self, pool: Pool) -> None:
        """Read them through `pool`."""
        self._pool = pool
        self._names = Names()
        self._read_at: datetime | None = None

    async def read(self, now: datetime) -> Names:
        """The names; those of before, or none, while the database does not answer: a page has more to show."""
        if self._read_at is None or now - self._read_at > _FRESH:
            try:
                self._names = await read_names(self._pool)
                self._read_at = now
            except RetriableError as error:
                log.warning("dashboard.names_missing", error=str(error))
        return self._names
