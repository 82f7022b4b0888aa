"""Notices of the database that there is something to do."""

import asyncio
import contextlib

from em_agent.errors import RetriableError
from em_agent.kit import postgres

_LOOK_SECONDS = 2.0


async def wake_on_notice(database_url: str, channel: str, wake: asyncio.Event) -> None:
    """Set the event at each notice, until cancelled; where none can be heard, looking now and then has to do."""
    while True:
        with contextlib.suppress(RetriableError, *postgres.UNREACHABLE):
            connection = await postgres.connect(database_url, name="em-agent worker slack listens")
            ended = asyncio.Event()
            connection.add_termination_listener(lambda *_, ended=ended: ended.set())
            try:
                await connection.add_listener(channel, lambda *_: wake.set())
                wake.set()
                await ended.wait()
            finally:
                connection.terminate()
        await asyncio.sleep(_LOOK_SECONDS)
