"""How fast the relay drains the outbox, against publishing the same messages with nothing behind it.

Run: python benchmarks/relay.py
"""

import asyncio
import time

import asyncpg
import uvloop
from nats.js import JetStreamContext

from benchmarks.stand import Servers, body, running, servers, show
from em_agent.domain.consumers import SUBJECT_PREFIX
from em_agent.domain.deliveries import Delivery
from em_agent.events.message import encode_message
from em_agent.events.outbox import unpublished
from em_agent.events.record import Recorder
from em_agent.events.stream import ensure_event_stream
from em_agent.integrations.registry import SOURCES
from em_agent.kit import nats as kit_nats
from em_agent.relay.relay import Relay

EVENTS = 20_000
ROUNDS = 3
AT_ONCE = 500


async def _record(url: str, offset: int) -> None:
    async with Recorder(url, queue_limit=EVENTS) as recorder:
        for start in range(offset, offset + EVENTS, 1000):
            deliveries = [Delivery("pagerduty", f"d{n}", body(n)) for n in range(start, start + 1000)]
            await asyncio.gather(*(recorder.record(delivery) for delivery in deliveries))


async def _bare(js: JetStreamContext, messages: list[bytes]) -> float:
    started = time.perf_counter()
    for start in range(0, len(messages), AT_ONCE):
        acks = [await js.publish_async(f"{SUBJECT_PREFIX}.bare", data) for data in messages[start : start + AT_ONCE]]
        await asyncio.wait(acks)
    return len(messages) / (time.perf_counter() - started)


async def _drain(at: Servers, relay: Relay, connection: asyncpg.Connection) -> float:
    started = time.perf_counter()
    async with running(asyncio.create_task(relay.run())):
        while await connection.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"):
            await asyncio.sleep(0.02)
        return EVENTS / (time.perf_counter() - started)


async def _measure(at: Servers) -> list[tuple[float, float, float]]:
    rows = []
    connection = await asyncpg.connect(at.database_url)
    async with kit_nats.open_client(at.nats_url, name="benchmark") as client:
        js = kit_nats.jetstream(client)
        await ensure_event_stream(js, replicas=1)
        for number in range(ROUNDS):
            await _record(at.database_url, number * EVENTS)
            messages = [
                encode_message(row) for row in await unpublished(connection, ["pagerduty"], after=0, limit=EVENTS)
            ]
            bare = await _bare(js, messages)
            drain = await _drain(at, Relay(at.database_url, client, sources=list(SOURCES), replicas=1), connection)
            rows.append((bare, drain, drain / bare))
    await connection.close()
    return rows


def main() -> None:
    """Print events a second and their ratio."""
    with servers() as at, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(_measure(at))
    show("Relay: events a second", ["bare publish_async", "relay", "ratio"], rows)


if __name__ == "__main__":
    main()
