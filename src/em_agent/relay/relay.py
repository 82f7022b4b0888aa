"""Publishes what is in the outbox, and clears away what every consumer has finished.

Any number of copies may run: for each source one of them holds an advisory lock and works, the others wait for it to
die. All its statements go through the one connection that holds the locks, so a copy that lost them cannot go on.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta

import asyncpg
import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext

from em_agent.domain.consumers import CONSUMERS, STREAM, SUBJECT_PREFIX
from em_agent.errors import RetriableError
from em_agent.events import outbox
from em_agent.events.message import encode_message, message_id
from em_agent.events.stream import RETENTION_SECONDS, ensure_event_stream
from em_agent.kit import nats as kit_nats
from em_agent.kit import postgres
from em_agent.kit.logging import Seldom
from em_agent.relay.publisher import Message, Outcome, Publisher

BATCH_SIZE = 1000
PUBLISH_SECONDS = 10.0
IDLE_SECONDS = 1.0
# Looking after stream and outbox holds up what arrives meanwhile: seldom enough not to be seen in the lag.
TEND_SECONDS = 3.0
_REPUBLISH_AFTER = timedelta(seconds=RETENTION_SECONDS / 2)

log = structlog.get_logger()


class Relay:
    """One copy of the relay."""

    def __init__(self, database_url: str, client: Client, *, sources: list[str], replicas: int) -> None:
        """Publish the events of `sources` into a stream with `replicas` copies."""
        self._database_url = database_url
        self._client = client
        self._js: JetStreamContext = kit_nats.jetstream(client)
        self._publisher = Publisher(client)
        self._sources = sources
        self._replicas = replicas
        self._wake = asyncio.Event()
        self._disconnected, self._waiting = Seldom(), Seldom()
        self.is_well = False  # whether the last turn was one without a failure

    async def run(self) -> None:
        """Work until cancelled; what fails is tried again."""
        while True:
            try:
                connection = await postgres.connect(self._database_url, name="em-agent relay", command_seconds=30)
            except RetriableError as error:
                if self._disconnected.may_say():
                    log.warning("relay.disconnected", error=str(error))
                await asyncio.sleep(IDLE_SECONDS)
                continue
            try:
                await self._work(connection)
            except postgres.UNREACHABLE as error:
                if self._disconnected.may_say():
                    log.warning("relay.disconnected", error=repr(error))
                await asyncio.sleep(IDLE_SECONDS / 4)
            except Exception:  # the outermost loop of the relay: without one nothing is published until a restart
                log.exception("relay.failed")
                await asyncio.sleep(IDLE_SECONDS)
            finally:
                self.is_well = False
                connection.terminate()

    async def _work(self, connection: postgres.Connection) -> None:
        """Publish and clear away, as long as the connection lives."""
        await connection.add_listener(outbox.CHANNEL, lambda *_: self._wake.set())
        led: list[str] = []
        tended_at = -TEND_SECONDS
        reconnects = 0
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            try:
                # After a reconnection the stream may end earlier than it did: look before others take those places.
                if loop.time() - tended_at >= TEND_SECONDS or reconnects != self._client.stats["reconnects"]:
                    reconnects = self._client.stats["reconnects"]
                    led = await self._lead(connection, led)
                    epoch = await self._tend(connection, led)
                    tended_at = loop.time()
                await self._drain(connection, led, epoch)
                self._be_well()
            except kit_nats.UNREACHABLE as error:
                if isinstance(error, postgres.UNREACHABLE) and connection.is_closed():
                    raise
                self.is_well = False
                if self._waiting.may_say():
                    log.warning("relay.waiting_for_nats", error=repr(error))
                tended_at = -TEND_SECONDS
                await asyncio.sleep(IDLE_SECONDS / 2)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._wake.wait()

    def _be_well(self) -> None:
        self.is_well = True
        if any([self._disconnected.is_over(), self._waiting.is_over()]):
            log.info("relay.well_again")

    async def _lead(self, connection: postgres.Connection, led: list[str]) -> list[str]:
        gained = [source for source in self._sources if source not in led and await outbox.lead(connection, source)]
        if gained:
            log.info("relay.leads", sources=gained)
        return [*led, *gained]

    async def _tend(self, connection: postgres.Connection, led: list[str]) -> datetime:
        """The stream's epoch, once what is finished is gone and what is lost is to be published again."""
        # The floors before the state: a purge moves a floor past what its consumer never had, and the state then tells.
        floor = min([await self._floor(consumer) for consumer in CONSUMERS])
        state = await ensure_event_stream(self._js, replicas=self._replicas)
        lost = await outbox.republish_lost(connection, led, state, _REPUBLISH_AFTER)
        if lost:
            log.warning("relay.republishes", events=lost)
        await outbox.forget_finished(connection, led, state.epoch, floor)
        return state.epoch

    async def _floor(self, consumer: str) -> int:
        """The stream sequence up to which the consumer has finished with everything."""
        try:
            info = await self._js.consumer_info(STREAM, consumer)
        except nats.js.errors.NotFoundError:
            return 0
        return info.ack_floor.stream_seq if info.ack_floor else 0

    async def _drain(self, connection: postgres.Connection, led: list[str], epoch: datetime) -> None:
        """Publish what is there. While one batch is on its way the one before is marked and the next one read.

        What commits behind the place that the reading has got to is found by the next turn, which begins anew. A turn
        ends soon also when more and more comes: there are other things to tend to.

        Raises:
            nats.errors.Error: JetStream did not confirm all; what it confirmed is marked.

        """
        outcome, before = Outcome({}, None), list[asyncpg.Record]()
        ends_at = asyncio.get_running_loop().time() + IDLE_SECONDS
        rows = await outbox.unpublished(connection, led, after=0, limit=BATCH_SIZE)
        while rows and asyncio.get_running_loop().time() < ends_at:
            publishing = asyncio.create_task(self._publish(rows))
            try:
                await outbox.mark_published(connection, epoch, outcome.sequences, before)
                following = await outbox.unpublished(connection, led, after=rows[-1]["id"], limit=BATCH_SIZE)
            finally:
                outcome = await publishing
            before = rows
            missing = len(rows) - len(outcome.sequences)
            if missing:
                await outbox.mark_published(connection, epoch, outcome.sequences, before)
                message = f"{missing} of {len(rows)} events were not confirmed: {outcome.refusal or 'no answer'}"
                raise nats.js.errors.Error(message)
            rows = following
        await outbox.mark_published(connection, epoch, outcome.sequences, before)
        if rows:
            self._wake.set()

    async def _publish(self, rows: list[asyncpg.Record]) -> Outcome:
        """What JetStream confirmed of the events."""
        if not self._client.is_connected:
            raise nats.errors.ConnectionClosedError
        messages = (
            Message(row["id"], f"{SUBJECT_PREFIX}.{row['source']}", message_id(row), encode_message(row))
            for row in rows
        )
        return await self._publisher.publish(messages, seconds=PUBLISH_SECONDS)
