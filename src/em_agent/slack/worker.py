"""Does the jobs: finds the answer, keeps it, sends it.

Each step is on disk before the next begins. Who takes over from a worker that was killed goes on where that one was;
only a message that was just being sent may or may not have arrived, and `Poster` says what is done about that.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from em_agent.errors import RetriableError
from em_agent.kit import postgres
from em_agent.kit.postgres import Pool
from em_agent.kit.process import cancel
from em_agent.slack import jobs, kept, troubles
from em_agent.slack.apology import sorry
from em_agent.slack.dispatch import Dispatch
from em_agent.slack.failures import SlackAwayError, SlackRefusedError, SlackTokenError
from em_agent.slack.jobs import LEASE_SECONDS, Job, LostLeaseError
from em_agent.slack.listeners.outcome import Outcome
from em_agent.slack.messages import Message
from em_agent.slack.notices import wake_on_notice
from em_agent.slack.poster import Poster

AT_ONCE = 8
POLL_SECONDS = 2.0
ATTEMPTS = 5
LONGEST_BACKOFF_SECONDS = 60.0
# What could not be said for so long is not said any more.
GIVE_UP_SECONDS = 24 * 3600.0
_TIDY_SECONDS = 3600.0

_PASSING = (RetriableError, *postgres.UNREACHABLE)

log = structlog.get_logger()


class SlackWorker:
    """One copy of the worker; several share the jobs."""

    def __init__(self, pool: Pool, database_url: str, dispatch: Dispatch, poster: Poster) -> None:
        """Answer by `dispatch` and send by `poster`; `database_url` is for a connection of its own that listens."""
        self._pool = pool
        self._database_url = database_url
        self._dispatch = dispatch
        self._poster = poster
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_trouble = False  # the token was refused
        self.is_well = False  # whether the table of jobs could be read at the last look

    async def run(self) -> None:
        """Work until cancelled; jobs under way are then put back for another copy, at once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(wake_on_notice(self._database_url, jobs.CHANNEL, self._wake))
            group.create_task(self._keep_tidy())
            try:
                while True:
                    await self._turn()
            finally:
                await cancel(self._tasks)

    async def _turn(self) -> None:
        self._wake.clear()
        try:
            room = AT_ONCE - len(self._tasks)
            for job in await jobs.claim(self._pool, room) if room else []:
                task = asyncio.create_task(self._work(job))
                self._tasks.add(task)
                task.add_done_callback(self._done)
            pause = await jobs.seconds_until_due(self._pool) if room else None
            self.is_well = True
        except _PASSING as error:
            self.is_well = False
            pause = None
            log.warning("slack.waiting", error=repr(error))
        seconds = POLL_SECONDS if pause is None else min(max(pause, 0.05), POLL_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _work(self, job: Job) -> None:
        try:
            async with self._lease_kept(job):
                await self._do(job)
        except LostLeaseError:
            log.warning("slack.lease_lost", job=job.id)
        except asyncio.CancelledError:
            with contextlib.suppress(LostLeaseError, *_PASSING):
                await asyncio.shield(jobs.put_back(self._pool, job, seconds=0.0))
            raise
        except _PASSING as error:  # the lease runs out, and the job comes again
            log.warning("slack.postponed", job=job.id, error=repr(error))
        except Exception as error:  # the outermost loop of a job: what is wrong with it must not stop the others
            log.exception("slack.failed", job=job.id, attempts=job.attempts)
            with contextlib.suppress(LostLeaseError, *_PASSING):
                await self._failed(job, error)

    async def _failed(self, job: Job, error: Exception) -> None:
        """Have the job come again; after some attempts who asked is told, and it is let go."""
        reason = f"failed: {error!r}".replace("\x00", "")[:500]
        if job.attempts < ATTEMPTS:
            await jobs.put_back(self._pool, job, seconds=_backoff(job.attempts), error=reason)
            return
        outcome = sorry(job)
        if outcome.messages and not job.sent_count:
            await jobs.begin_sending(self._pool, job)
            message, mark, age = outcome.messages[0], f"job:{job.id}:0", _age(job)
            try:  # in the place of an answer that may have arrived
                await self._poster.send(message, mark, age_seconds=age, may_be_there=job.is_sending)
            except Exception:  # it may be the sending that fails
                log.exception("slack.not_owned_up", job=job.id)
        await jobs.finish(self._pool, job, reason)

    @asynccontextmanager
    async def _lease_kept(self, job: Job) -> AsyncIterator[None]:
        async def keep() -> None:
            while True:
                await asyncio.sleep(LEASE_SECONDS / 3)
                with contextlib.suppress(LostLeaseError, *_PASSING):
                    await jobs.renew(self._pool, job)

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()

    async def _do(self, job: Job) -> None:
        messages = await self._messages(job)
        if messages is None:
            return
        for number in range(job.sent_count, len(messages)):
            if not await self._send(job, messages[number], number):
                return
        await jobs.finish(self._pool, job)
        log.info("slack.answered", job=job.id, kind=job.kind, messages=len(messages), attempts=job.attempts)

    async def _messages(self, job: Job) -> list[Message] | None:
        """What is to be sent; None when that cannot be found out now."""
        if job.messages is not None:
            return [Message.from_dict(fields) for fields in job.messages]
        try:
            # Beyond that many, looking for the answer ended the worker each time.
            outcome = await self._dispatch(job) if job.attempts <= ATTEMPTS else sorry(job)
        except _PASSING as error:
            if job.attempts < ATTEMPTS:
                await jobs.put_back(self._pool, job, seconds=_backoff(job.attempts), error=str(error)[:500])
                return None
            log.warning("slack.gave_up", job=job.id, error=repr(error))
            outcome = sorry(job)
        except (asyncio.CancelledError, LostLeaseError):
            raise
        except Exception:  # a mistake of ours: who asked is told, and not kept waiting
            log.exception("slack.failed", job=job.id, kind=job.kind, attempts=job.attempts)
            outcome = sorry(job)
        await self._keep(job, outcome)
        return list(outcome.messages)

    async def _keep(self, job: Job, outcome: Outcome) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if outcome.answer is not None:
                await kept.keep(
                    connection,
                    job.id,
                    outcome.answer,
                    channel=outcome.channel,
                    thread_ts=outcome.thread_ts,
                    question=outcome.question,
                )
            await jobs.keep_messages(connection, job, [message.to_dict() for message in outcome.messages])

    async def _send(self, job: Job, message: Message, number: int) -> bool:
        """Whether the next message may follow: this one has arrived."""
        age = _age(job)
        may_be_there = job.is_sending and number == job.sent_count
        await jobs.begin_sending(self._pool, job)
        sending = asyncio.create_task(
            self._poster.send(message, f"job:{job.id}:{number}", age_seconds=age, may_be_there=may_be_there)
        )
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:  # the process ends: what is on its way is waited for, and noted
            await asyncio.wait({sending})
            if not sending.cancelled() and sending.exception() is None:
                await self._note_sent(job, number + 1)
            raise
        except SlackAwayError as error:
            await self._postpone(job, error, age, may_be_there=may_be_there)
            return False
        except SlackRefusedError as error:
            log.warning("slack.refused", job=job.id, kind=job.kind, error=error.code)
            await jobs.finish(self._pool, job, str(error))
            return False
        await self._note_sent(job, number + 1)
        if self._has_trouble:
            await troubles.clear(self._pool, troubles.TOKEN)
            self._has_trouble = False
        return True

    async def _postpone(self, job: Job, error: SlackAwayError, age: float, *, may_be_there: bool) -> None:
        log.warning("slack.not_sent", job=job.id, error=str(error))
        if isinstance(error, SlackTokenError):
            self._has_trouble = True
            await troubles.note(self._pool, troubles.TOKEN, error.code)
        if age > GIVE_UP_SECONDS:
            await jobs.finish(self._pool, job, f"given up: {error}")
            return
        if not error.may_have_arrived and not may_be_there:
            await jobs.note_not_sent(self._pool, job)
        pause = error.retry_after_seconds
        seconds = _backoff(job.attempts) if pause is None else pause
        await jobs.put_back(self._pool, job, seconds=seconds, error=str(error)[:500])

    async def _note_sent(self, job: Job, count: int) -> None:
        """Note it, for as long as it takes: what is not noted would be sent again."""
        while True:
            try:
                await jobs.note_sent(self._pool, job, count)
            except _PASSING as error:
                if isinstance(error, LostLeaseError):
                    raise
                log.warning("slack.not_noted", job=job.id, error=repr(error))
                await asyncio.sleep(0.5)
            else:
                return

    async def _keep_tidy(self) -> None:
        while True:
            with contextlib.suppress(*_PASSING):
                await jobs.tidy(self._pool)
            await asyncio.sleep(_TIDY_SECONDS)


def _age(job: Job) -> float:
    return (datetime.now(UTC) - job.received_at).total_seconds()


def _backoff(attempts: int) -> float:
    return float(min(2 ** min(attempts, 10) / 2, LONGEST_BACKOFF_SECONDS))
