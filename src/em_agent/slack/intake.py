"""Writes requests down before they are acknowledged, in the time that Slack gives."""

import asyncio

import asyncpg
import structlog

from em_agent.errors import RetriableError
from em_agent.kit.postgres import UNREACHABLE, Pool
from em_agent.slack import jobs
from em_agent.slack.requests import SlackRequest
from em_agent.slack.telemetry import REQUESTS

# Slack wants its acknowledgement within three seconds.
STORE_SECONDS = 1.8
# What whoever gave a command is shown when it could not be written down.
NOT_TAKEN = {
    "response_type": "ephemeral",
    "text": "EM Agent could not take this: its database does not answer. Please try again in a minute.",
}

log = structlog.get_logger()


class Intake:
    """Stores requests, each once."""

    def __init__(self, pool: Pool) -> None:
        """Store them through `pool`."""
        self._pool = pool

    async def take(self, request: SlackRequest) -> None:
        """Return when the request is on disk, be it now or before.

        Raises:
            RetriableError: the database does not answer in time.

        """
        # Cancelling would wait for a connection that hangs: the work goes on without an audience, and if it succeeds
        # after all, Slack's repetition of the request finds it there.
        task = asyncio.create_task(self._store(request))
        done, _ = await asyncio.wait({task}, timeout=STORE_SECONDS)
        if not done:
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
        error = task.exception() if done else TimeoutError()
        if error is not None:
            REQUESTS.labels(request.kind, "unavailable").inc()
            log.warning("slack.not_taken", kind=request.kind, key=request.key, error=repr(error))
            if not isinstance(error, (*UNREACHABLE, asyncpg.PostgresError)):
                raise error
            message = "The database does not answer; try again."
            raise RetriableError(message) from error
        outcome = "ok" if task.result() else "duplicate"
        REQUESTS.labels(request.kind, outcome).inc()
        log.info("slack.taken", kind=request.kind, key=request.key, outcome=outcome)

    async def _store(self, request: SlackRequest) -> bool:
        async with self._pool.acquire(timeout=STORE_SECONDS) as connection:
            return await jobs.store(connection, request)
