"""Writes deliveries into `events_raw` and the outbox, many in one transaction, each exactly once.

A commit with fsync costs about as much for a hundred rows as for one. So whatever arrives while a commit runs is
written by the next one: no timer, no delay when idle. Two connections take turns, so that one batch is gathered and
sent while the other waits for the disk.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import asyncpg
import structlog

from em_agent.domain.deliveries import Delivery, Receipt
from em_agent.errors import PermanentError, RetriableError
from em_agent.events.batch import UNWRITABLE
from em_agent.kit import json, postgres
from em_agent.kit.logging import Seldom
from em_agent.kit.process import cancel

BATCH_LIMIT = 256
WRITERS = 2
# The sender gives up after 5 seconds; it has to hear of a failure before.
ANSWER_SECONDS = 4.0

# The order of the rows is that of the key, so that two writers with common deliveries never wait for each other in a
# circle. The notification wakes the relay; it is sent at commit.
_INSERT = """
WITH recorded AS (
    INSERT INTO events_raw (source, event_type, delivery_id, signature, headers, payload, occurred_at)
    SELECT d.source, d.event_type, d.delivery_id, d.signature, d.headers::jsonb, d.payload::json, d.occurred_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
        AS d (source, event_type, delivery_id, signature, headers, payload, occurred_at)
    ON CONFLICT (delivery_id, source) DO NOTHING
    RETURNING id, source, delivery_id
), queued AS (
    INSERT INTO outbox (event_id, source) SELECT id, source FROM recorded
)
SELECT id, source, delivery_id, pg_notify('outbox', '') FROM recorded
"""

_FIND = """
SELECT e.id, e.source, e.delivery_id
FROM unnest($1::text[], $2::text[]) AS d (source, delivery_id)
JOIN events_raw AS e USING (source, delivery_id)
"""

log = structlog.get_logger()


class UnreadableError(PermanentError):
    """PostgreSQL refuses the delivery's content."""


@dataclass(slots=True)
class _Waiting:
    delivery: Delivery
    key: tuple[str, str]
    deadline: float
    receipt: asyncio.Future[Receipt]


class Recorder:
    """Records deliveries by group commit; one for each gateway process."""

    def __init__(self, database_url: str, *, queue_limit: int) -> None:
        """Take at most `queue_limit` deliveries that wait to be written."""
        self._database_url = database_url
        self._queue_limit = queue_limit
        self._queue: deque[_Waiting] = deque()
        self._unanswered: deque[_Waiting] = deque()
        self._has_work = asyncio.Event()
        self._is_closing = False
        self._disconnected, self._failed = Seldom(), Seldom()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start the writers; they connect when they can."""
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._write_batches(), name=f"recorder-{n}") for n in range(WRITERS)]
        self._tasks.append(asyncio.create_task(self._give_up_late(), name="recorder-deadline"))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is queued, for at most as long as its senders wait, then stop."""
        self._is_closing = True
        self._has_work.set()
        await asyncio.wait(self._tasks[:WRITERS], timeout=ANSWER_SECONDS)
        await cancel(self._tasks)

    @property
    def queue_depth(self) -> int:
        """Deliveries that wait to be written."""
        return len(self._queue)

    async def record(self, delivery: Delivery) -> Receipt:
        """The delivery's receipt once it is on disk, in this transaction or an earlier one.

        Raises:
            RetriableError: it is not known to be stored; the sender has to send it again.
            UnreadableError: PostgreSQL refuses its content.

        """
        return await self.submit(delivery)

    def submit(self, delivery: Delivery) -> asyncio.Future[Receipt]:
        """What becomes of the delivery, as `record` tells it.

        Raises:
            RetriableError: too many wait already; the sender has to send it again.

        """
        if self._is_closing or len(self._queue) >= self._queue_limit:
            message = "Too many deliveries are waiting to be stored; send it again."
            raise RetriableError(message)
        receipt: asyncio.Future[Receipt] = self._loop.create_future()
        waiting = _Waiting(
            delivery, (delivery.delivery_id, delivery.source), self._loop.time() + ANSWER_SECONDS, receipt
        )
        self._queue.append(waiting)
        self._unanswered.append(waiting)
        self._has_work.set()
        return receipt

    async def _write_batches(self) -> None:
        while True:
            try:
                connection = await postgres.connect(
                    self._database_url, name="em-agent gateway", command_seconds=2 * ANSWER_SECONDS
                )
            except RetriableError as error:
                if self._disconnected.may_say():  # one of every try of every writer
                    log.warning("recorder.disconnected", error=str(error))
                await asyncio.sleep(0.25)
                if self._is_closing and not self._queue:
                    return
                continue
            if self._disconnected.is_over():
                log.info("recorder.connected")
            try:
                if await self._write_with(connection):
                    return
            except Exception:  # the outermost loop of a writer: without writers nothing would ever be stored again
                log.exception("recorder.broken")
            finally:
                connection.terminate()

    async def _write_with(self, connection: postgres.Connection) -> bool:
        """Write until the recorder closes (True) or the connection fails (False)."""
        while True:
            while not self._queue:
                if self._is_closing:
                    return True
                self._has_work.clear()
                await self._has_work.wait()
            if connection.is_closed():  # it broke while there was nothing to write
                return False
            batch = [self._queue.popleft() for _ in range(min(BATCH_LIMIT, len(self._queue)))]
            batch = [waiting for waiting in batch if not waiting.receipt.done()]
            try:
                await self._write(connection, batch)
            except postgres.UNREACHABLE as error:
                # Whether the transaction was committed is unknown. Either is right: a resend finds it or writes it.
                if self._failed.may_say():  # each of them is told to its sender, and has its own line
                    log.warning("recorder.failed", error=repr(error), deliveries=len(batch))
                _fail(batch, RetriableError("The event store does not answer; send it again."))
                is_alive = isinstance(error, asyncpg.PostgresError) and not connection.is_closed()
                if not is_alive or isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                    return False  # also where the primary became a replica: another host may be it now
            else:
                if self._failed.is_over():
                    log.info("recorder.stores_again")

    async def _write(self, connection: postgres.Connection, batch: list[_Waiting]) -> None:
        try:
            await _insert(connection, batch)
        except postgres.UNREACHABLE:
            raise
        except UNWRITABLE as error:  # no later try will do better
            if len(batch) == 1:
                log.warning("recorder.refused", error=str(error), delivery_id=batch[0].delivery.delivery_id)
                _fail(batch, UnreadableError(str(error)))
                return
            for waiting in batch:  # find the one that spoils it, and write its neighbours
                await self._write(connection, [waiting])
        except asyncpg.PostgresError:
            # Not the deliveries are wrong but the database, such as one that lacks a migration: that will be mended.
            log.exception("recorder.failed", deliveries=len(batch))
            _fail(batch, RetriableError("The event store refuses; send it again."))

    async def _give_up_late(self) -> None:
        """Answer the deliveries that could not be stored in time, queued or being written."""
        while True:
            await asyncio.sleep(0.25)
            now = self._loop.time()
            unanswered = self._unanswered
            while unanswered and (unanswered[0].receipt.done() or unanswered[0].deadline < now):
                _fail([unanswered.popleft()], RetriableError("The event store does not answer; send it again."))


async def _insert(connection: postgres.Connection, batch: list[_Waiting]) -> None:
    if not batch:
        return
    batch.sort(key=lambda waiting: waiting.key)
    deliveries = [waiting.delivery for waiting in batch]
    rows = await connection.fetch(
        _INSERT,
        [d.source for d in deliveries],
        [d.event_type for d in deliveries],
        [d.delivery_id for d in deliveries],
        [d.signature for d in deliveries],
        [json.dumps(d.headers).decode() for d in deliveries],
        [d.body.decode() for d in deliveries],
        [d.occurred_at for d in deliveries],
    )
    new = {(row["delivery_id"], row["source"]): row["id"] for row in rows}
    known: dict[tuple[str, str], int] = {}
    repeated = [waiting for waiting in batch if waiting.key not in new]
    if repeated:
        known = await _find(connection, [waiting.delivery for waiting in repeated])
    for waiting in batch:
        _answer(waiting, new, known)


async def _find(connection: postgres.Connection, deliveries: Sequence[Delivery]) -> dict[tuple[str, str], int]:
    rows = await connection.fetch(_FIND, [d.source for d in deliveries], [d.delivery_id for d in deliveries])
    return {(row["delivery_id"], row["source"]): row["id"] for row in rows}


def _answer(waiting: _Waiting, new: dict[tuple[str, str], int], known: dict[tuple[str, str], int]) -> None:
    """Give each delivery its receipt: of several equal ones in a batch, one is new and the others repeat it."""
    event_id = new.pop(waiting.key, None)
    receipt = Receipt(event_id, is_new=True) if event_id is not None else None
    if event_id is not None:
        known[waiting.key] = event_id
    elif waiting.key in known:
        receipt = Receipt(known[waiting.key], is_new=False)
    if waiting.receipt.done():
        return
    if receipt is None:  # deleted between the two statements, by retention
        waiting.receipt.set_exception(RetriableError("The delivery was just deleted; send it again."))
    else:
        waiting.receipt.set_result(receipt)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        with contextlib.suppress(asyncio.InvalidStateError):
            waiting.receipt.set_exception(error)
