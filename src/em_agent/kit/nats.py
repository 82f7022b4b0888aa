"""NATS JetStream: a connection, a stream that is made where it is missing, its state."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nats
import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig

from em_agent.errors import RetriableError
from em_agent.kit.logging import Seldom
from em_agent.kit.process import cancel

# What a caller gets while the server is gone, restarting, or without the stream or consumer it had.
UNREACHABLE = (
    OSError,
    TimeoutError,
    nats.errors.Error,
    nats.js.errors.Error,
)
CONNECT_SECONDS = 2
REQUEST_SECONDS = 5.0
CLOSE_SECONDS = 3.0

log = structlog.get_logger()


@dataclass(frozen=True)
class StreamState:
    """One incarnation of a stream: `epoch` changes when its storage was lost and it was made anew."""

    epoch: datetime
    first_sequence: int
    last_sequence: int


@asynccontextmanager
async def open_client(url: str, *, name: str, wait: bool = True) -> AsyncIterator[Client]:
    """A client that reconnects for ever; while the server is away its calls raise one of `UNREACHABLE`.

    With `wait` it is connected on entry, however long that takes; without, it connects in the background.
    """
    client = Client()
    connecting = asyncio.create_task(
        client.connect(
            url.split(","),
            name=name,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            connect_timeout=CONNECT_SECONDS,
            drain_timeout=3,
            ping_interval=10,
            pending_size=0,  # nothing is held back while disconnected: a call fails, and its caller tries again
            **_reporters(client),
        )
    )
    try:
        if wait:
            await connecting
        yield client
    finally:
        # The client tries for ever, and goes on where an attempt fails in the moment in which it is cancelled.
        await cancel([connecting])
        with contextlib.suppress(*UNREACHABLE, AssertionError):  # that it was left before it began to connect
            async with asyncio.timeout(CLOSE_SECONDS):  # a server that stands still takes no farewell
                await client.close()
        with contextlib.suppress(*UNREACHABLE, asyncio.CancelledError):
            connecting.result()


def _reporters(client: Client) -> dict[str, Any]:
    """The client's callbacks, which write what happens to its connection into the log."""
    unreachable = Seldom()

    async def on_disconnected() -> None:
        if not client.is_closed:  # closing is no accident
            log.warning("nats.disconnected")

    async def on_reconnected() -> None:
        unreachable.is_over()
        log.info("nats.reconnected")

    async def on_error(error: Exception) -> None:
        if not client.is_connected and unreachable.may_say():
            log.warning("nats.unreachable", error=repr(error))
        else:
            log.debug("nats.error", error=repr(error))

    return {"disconnected_cb": on_disconnected, "reconnected_cb": on_reconnected, "error_cb": on_error}


def jetstream(client: Client) -> JetStreamContext:
    """The client's JetStream, whose calls give up after `REQUEST_SECONDS`."""
    return client.jetstream(timeout=REQUEST_SECONDS)


async def ensure_stream(js: JetStreamContext, config: StreamConfig) -> StreamState:
    """The state of the stream, which is made on disk where it is missing.

    Raises:
        nats.js.errors.Error, nats.errors.Error: JetStream does not answer.

    """
    name = config.name or ""
    try:
        info = await js.stream_info(name)
    except nats.js.errors.NotFoundError:
        config.storage = StorageType.FILE
        try:
            info = await js.add_stream(config)
        except nats.js.errors.BadRequestError:  # another copy made it meanwhile
            info = await js.stream_info(name)
    if info.created is None:
        message = f"NATS tells no creation time of stream {name}"
        raise RetriableError(message)
    return StreamState(info.created, first_sequence=info.state.first_seq, last_sequence=info.state.last_seq)
