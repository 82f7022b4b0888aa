"""A durable pull consumer: fetch, handle, acknowledge; back off, and set aside what never works.

A message is acknowledged only after its effect is committed. It may come again, and in any order: handlers are
idempotent by the event's id.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header

from em_agent.domain.consumers import STREAM, SUBJECT_PREFIX
from em_agent.errors import PermanentError, RetriableError
from em_agent.events.stream import ensure_event_stream
from em_agent.kit import nats as kit_nats
from em_agent.kit import postgres
from em_agent.kit.logging import Seldom
from em_agent.workers.dead_letters import DeadLetters

FETCH_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 60.0
# A failure that may pass is tried this often before its message is set aside.
ATTEMPTS = 5
# A statement that takes too long may be the message's fault, and may be a database that hangs for minutes.
SLOW_ATTEMPTS = 10

TRANSIENT = (RetriableError, *postgres.UNREACHABLE, *kit_nats.UNREACHABLE)

Handle = Callable[[Sequence[Msg]], Awaitable[None]]

log = structlog.get_logger()


@dataclass(frozen=True)
class Consumer:
    """A durable consumer, and what it does with a batch of messages: all of it or nothing."""

    name: str
    handle: Handle
    batch_size: int
    ack_wait_seconds: float = 10.0
    headers_only: bool = False
    acks_all: bool = False  # handling a message is handling all before it: one acknowledgement does for them
    dead_letters: DeadLetters | None = None  # None: a batch that fails is tried for ever
    prepare: Callable[[], Awaitable[None]] | None = None  # what to do each time before the first message

    def config(self, replicas: int) -> ConsumerConfig:
        """What JetStream keeps of the consumer."""
        return ConsumerConfig(
            durable_name=self.name,
            filter_subject=f"{SUBJECT_PREFIX}.>",
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.ALL if self.acks_all else AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait_seconds,
            max_deliver=-1,
            max_ack_pending=4 * self.batch_size,
            headers_only=self.headers_only,
            num_replicas=replicas,
        )


class Worker:
    """One copy of a consumer; several share its messages."""

    def __init__(self, client: Client, consumer: Consumer, *, replicas: int) -> None:
        """Consume through `client`; stream and consumer are made where they are missing."""
        self._js = kit_nats.jetstream(client)
        self._consumer = consumer
        self._replicas = replicas
        self._failures = 0
        self._waiting, self._subscribed = Seldom(), Seldom()
        self.is_well = False  # whether the last turn was one without a failure

    async def run(self) -> None:
        """Work until cancelled; the stream and the consumer are made again when NATS lost them."""
        while True:
            try:
                subscription = await self._subscribe()
                try:
                    while True:
                        await self._turn(subscription)
                finally:
                    with contextlib.suppress(*kit_nats.UNREACHABLE):
                        await subscription.unsubscribe()
            except TRANSIENT as error:
                self.is_well = False
                self._failures += 1
                if self._waiting.may_say():
                    log.warning("worker.waiting", consumer=self._consumer.name, error=repr(error))
                await asyncio.sleep(min(0.25 * 2 ** min(self._failures, 5), 5.0))

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        await ensure_event_stream(self._js, replicas=self._replicas)
        await self._js.add_consumer(STREAM, self._consumer.config(self._replicas))
        if self._consumer.prepare is not None:
            await self._consumer.prepare()
        subscription = await self._js.pull_subscribe_bind(durable=self._consumer.name, stream=STREAM)
        if self._subscribed.may_say():
            log.info("worker.subscribed", consumer=self._consumer.name)
        self.is_well = True
        return subscription

    async def _turn(self, subscription: JetStreamContext.PullSubscription) -> None:
        try:
            messages = await subscription.fetch(self._consumer.batch_size, timeout=FETCH_SECONDS)
        except TimeoutError:  # nothing came: the client's own kind of it, and now and then the plain one
            await subscription.consumer_info()  # raises when the consumer is gone
            self._be_well()
            return
        if messages:  # none when the stream goes away meanwhile
            await self._process(messages)

    async def _process(self, messages: Sequence[Msg]) -> None:
        try:
            await self._consumer.handle(messages)
        except asyncio.CancelledError:
            await asyncio.shield(self._put_back(messages, delay_seconds=0.0))  # for another copy, at once
            raise
        except TRANSIENT as error:
            if self._is_too_slow(messages, error):
                await self._isolate(messages, error)
                return
            await self._put_back(messages)
            reason = f"{self._consumer.name}: {error}"
            raise RetriableError(reason) from error
        except Exception as error:  # noqa: BLE001 - the outermost loop of the worker: one bad message must not stop it
            await self._isolate(messages, error)
        else:
            newest = max(messages, key=lambda message: message.metadata.sequence.stream)
            for message in [newest] if self._consumer.acks_all else messages:
                await message.ack()
            self._be_well()

    def _be_well(self) -> None:
        """Note that what failed, if anything did, is over."""
        self._failures = 0
        self.is_well = True
        if self._waiting.is_over():
            log.info("worker.well_again", consumer=self._consumer.name)

    def _is_too_slow(self, messages: Sequence[Msg], error: Exception) -> bool:
        """Whether a statement took too long, and not for the first time: one of the messages may be why."""
        is_timeout = isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)
        is_repeated = all(message.metadata.num_delivered > 1 for message in messages)
        return is_timeout and is_repeated and self._consumer.dead_letters is not None

    async def _isolate(self, messages: Sequence[Msg], error: Exception) -> None:
        """Handle each message of a failed batch alone, so that its neighbours pass."""
        if len(messages) > 1 and self._consumer.dead_letters is not None:
            for message in messages:
                await self._process([message])
            return
        attempts = messages[0].metadata.num_delivered
        log.error(
            "worker.failed",
            consumer=self._consumer.name,
            message=(messages[0].headers or {}).get(Header.MSG_ID.value),
            attempts=attempts,
            exc_info=error,
        )
        enough = SLOW_ATTEMPTS if isinstance(error, TRANSIENT) else ATTEMPTS
        if self._consumer.dead_letters is None or (attempts < enough and not isinstance(error, PermanentError)):
            await self._put_back(messages)
            return
        await self._consumer.dead_letters.keep(messages[0], error, attempts)
        await messages[0].term()

    async def _put_back(self, messages: Sequence[Msg], delay_seconds: float | None = None) -> None:
        """Have the messages come again, later each time unless the delay is given."""
        for message in messages:
            backoff = min(0.5 * 2 ** min(message.metadata.num_delivered, 10), LONGEST_BACKOFF_SECONDS)
            await message.nak(delay=backoff if delay_seconds is None else delay_seconds)
