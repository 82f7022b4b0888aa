"""The consumer that brings the marts up to date when events arrive.

The models themselves find what is new: the events of the outbox that are not staged. A message only says that there is
something; it is acknowledged after the run, and with that the outbox may let its event go.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import structlog
from nats.aio.msg import Msg

from em_agent.configuration import Configuration
from em_agent.domain.consumers import WAREHOUSE
from em_agent.errors import PermanentError, RetriableError
from em_agent.workers.consume import Consumer
from em_agent.workers.mapping import store_mapping
from em_agent.workers.transformer import Transformer

BATCH_SIZE = 5000
# A message that comes again during a long run only causes a short one after it.
ACK_WAIT_SECONDS = 60.0
# So many events at once are a flood, whose deliveries need the database more.
FLOOD_EVENTS = 1000
FLOOD_RESTS = 3
LONGEST_REST_SECONDS = 15.0

log = structlog.get_logger()


class Warehouse:
    """Runs the transformation, and rests as long or longer, so that a flood leaves room for those who cause it."""

    def __init__(self, database_url: str, work_dir: Path, configuration: Configuration) -> None:
        """Transform the database at `database_url`, by this mapping of services; dbt's files go below `work_dir`."""
        self._database_url = database_url
        self._configuration = configuration
        self._transformer = Transformer(database_url, work_dir)
        self._rest_until = 0.0

    def consumer(self) -> Consumer:
        """The durable consumer; a run that fails is tried for ever."""
        return Consumer(
            name=WAREHOUSE,
            handle=self._handle,
            batch_size=BATCH_SIZE,
            ack_wait_seconds=ACK_WAIT_SECONDS,
            headers_only=True,
            acks_all=True,
            prepare=self._prepare,
        )

    async def _prepare(self) -> None:
        if await store_mapping(self._database_url, self._configuration):
            log.info("warehouse.mapped", services=len(self._configuration.services))
        await self.catch_up()

    async def catch_up(self) -> None:
        """Build the marts where they are missing, and take in what the outbox has.

        Raises:
            RetriableError: the run failed.

        """
        started = time.monotonic()
        try:
            summary = await self._transformer.run()
        except PermanentError as error:
            log.exception("warehouse.failed")
            raise RetriableError(str(error)) from error  # the events stay; a mended release or database takes them in
        seconds = time.monotonic() - started
        rests = FLOOD_RESTS if summary.new_events >= FLOOD_EVENTS else 1
        self._rest_until = time.monotonic() + min(rests * seconds, LONGEST_REST_SECONDS)
        log.info("warehouse.transformed", events=summary.new_events, seconds=round(seconds, 2))

    async def _handle(self, _: Sequence[Msg]) -> None:
        await asyncio.sleep(max(0.0, self._rest_until - time.monotonic()))
        await self.catch_up()
