"""Fills an installation with a year, once: what is on record already is only repeated, never doubled."""

import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import chain

import httpx2

from em_agent.demo.plan import Plan, SignedDelivery
from em_agent.demo.send import Tally, send
from em_agent.integrations.pagerduty.webhook import SOURCE
from em_agent.kit.postgres import connect, reachable

_LOOK_EVERY_SECONDS = 0.3


async def is_filled(plan: Plan, database_url: str) -> bool:
    """Whether the year's closing delivery is on record, and so every other one.

    Raises:
        RetriableError: the database does not answer.

    """
    connection = await connect(database_url, name="em-agent demo")
    try:
        async with reachable():
            found = await connection.fetchval(
                "SELECT EXISTS (SELECT FROM events_raw WHERE source = $1 AND delivery_id = $2)",
                SOURCE.name,
                plan.closing_id,
            )
    finally:
        connection.terminate()
    return bool(found)


async def fill(
    plan: Plan,
    api_url: str,
    on_progress: Callable[[Tally], None] = lambda _: None,
    *,
    others: Iterable[SignedDelivery] = (),
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Tally:
    """Send `others` and the whole plan through the front door, and close it; what the answers were.

    It can be interrupted and called again: what came before is then answered as a duplicate.

    Raises:
        RetriableError: the gateway stays away.

    """
    everything = chain(others, plan.deliveries())
    tally = await send(everything, api_url, is_resumed=True, on_progress=on_progress, transport=transport)
    await send([plan.closing()], api_url, is_resumed=True, transport=transport)
    return tally


async def wait_taken_in(database_url: str, seconds: float) -> bool:
    """Whether every consumer has finished with every event, which is waited for at most so long.

    Raises:
        RetriableError: the database does not answer.

    """
    deadline = time.monotonic() + seconds
    connection = await connect(database_url, name="em-agent demo")
    try:
        async with reachable():
            while await connection.fetchval("SELECT EXISTS (SELECT FROM outbox)"):
                if time.monotonic() > deadline:
                    return False
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
    finally:
        connection.terminate()
    return True
