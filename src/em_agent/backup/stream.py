"""The stream that belongs to another record than the one that is restored."""

import asyncio
import contextlib

import nats.js.errors

from em_agent.domain.consumers import STREAM
from em_agent.errors import RetriableError
from em_agent.kit.nats import UNREACHABLE, jetstream, open_client

_ANSWER_SECONDS = 10.0


async def forget_stream(url: str) -> None:
    """Remove the stream of events, which is filled again from the outbox.

    What it has may be newer than the backup: consumers would act on events that the record does not know.

    Raises:
        RetriableError: NATS does not answer.

    """
    try:
        async with asyncio.timeout(_ANSWER_SECONDS), open_client(url, name="em-agent restore") as client:
            with contextlib.suppress(nats.js.errors.NotFoundError):
                await jetstream(client).delete_stream(STREAM)
    except UNREACHABLE as error:
        message = (
            f"NATS does not answer ({str(error) or type(error).__name__}), and its stream is to be emptied: "
            "start it, or mend NATS_URL."
        )
        raise RetriableError(message) from error
