"""Examines NATS: the server, JetStream, the stream of events and its durable consumers."""

import asyncio

import nats.js.errors
from nats.js import JetStreamContext

from em_agent.doctor.report import Check, fail, ok, warn
from em_agent.domain.consumers import CONSUMERS, STREAM
from em_agent.errors import RetriableError
from em_agent.kit.nats import UNREACHABLE, jetstream, open_client

_ANSWER_SECONDS = 10.0
_MANY_PENDING = 10_000


async def examine_stream(url: str) -> list[Check]:
    """What is found at the NATS server."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS), open_client(url, name="em-agent doctor") as client:
            js = jetstream(client)
            checks = [await _jetstream(js)]
            checks.append(await _stream(js))
            return checks + [await _consumer(js, name) for name in CONSUMERS]
    except (RetriableError, *UNREACHABLE) as error:
        reason = str(error) or type(error).__name__
        return [fail("nats", reason, "Start the server with JetStream, or mend NATS_URL.")]


async def _jetstream(js: JetStreamContext) -> Check:
    account = await js.account_info()
    return ok("nats", f"JetStream answers, with {account.streams} streams.")


async def _stream(js: JetStreamContext) -> Check:
    try:
        info = await js.stream_info(STREAM)
    except nats.js.errors.NotFoundError:
        return fail("stream", f"The stream {STREAM} does not exist.", "The relay makes it: see whether that runs.")
    return ok("stream", f"{STREAM} has {info.state.messages} messages.")


async def _consumer(js: JetStreamContext, name: str) -> Check:
    title = f"consumer: {name}"
    try:
        info = await js.consumer_info(STREAM, name)
    except nats.js.errors.NotFoundError:
        return fail(title, "It does not exist.", f"`em-agent worker {name}` makes it: see whether that runs.")
    waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
    detail = f"{waiting} messages wait for it."
    if waiting > _MANY_PENDING:
        return warn(title, detail, f"See whether `em-agent worker {name}` runs, and what it logs.")
    return ok(title, detail)
