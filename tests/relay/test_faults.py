"""The relay while the database it reads from is killed under it."""

from functools import partial
from pathlib import Path

import asyncpg
from nats.aio.client import Client
from structlog.testing import capture_logs

from em_agent.kit.postgres import migrate, open_pool
from tests.deliveries import delivery
from tests.faults import proxy_before
from tests.parts import gateway_on, relay_on, worker_on
from tests.relay.test_relay import in_stream
from tests.servers import own_postgres
from tests.waiting import eventually

KILLS, TRIES = 4, 4


async def test_the_relay_outlives_postgresql(nats_url: str, nats_client: Client, tmp_path: Path) -> None:
    """PostgreSQL is killed several times with events on their way: the same relay publishes each afterwards.

    Its log has a line for the beginning of each outage, and one for the end.
    """
    async with own_postgres(tmp_path) as server:
        await migrate(server.url)
        async with (
            gateway_on(server.url) as gateway,
            relay_on(server.url, nats_url) as relay,
            open_pool(server.url, name="test", size=1) as pool,
        ):
            for kill in range(1, KILLS + 1):
                await eventually(lambda: relay.is_well)
                await gateway.store(*(delivery("triggered") for _ in range(20)))
                with capture_logs() as lines:
                    server.kill()
                    await eventually(lambda: not relay.is_well)
                    await server.start()
                    await eventually(partial(_has_published, pool, nats_client, 20 * kill), seconds=30)
                    await eventually(lambda: relay.is_well)
                told = [
                    line["event"]
                    for line in lines
                    if line["event"].startswith("relay.") and line["event"] != "relay.leads"
                ]
                assert told == ["relay.disconnected", "relay.well_again"]


async def test_an_outage_of_nats_in_the_log(database_url: str, nats_url: str) -> None:
    """While NATS is away relay and worker try again and again, and write a line when it begins and one when it is over."""
    async with proxy_before(nats_url) as (proxy, url), open_pool(database_url, name="test", size=2) as pool:
        with capture_logs() as lines:
            async with relay_on(database_url, url) as relay, worker_on(pool, url) as worker:
                await eventually(lambda: relay.is_well and worker.is_well)
                await proxy.cut()
                await eventually(lambda: not relay.is_well and worker._failures >= TRIES)
                await proxy.restore()
                await eventually(lambda: relay.is_well and worker.is_well)
                await eventually(lambda: {"relay.well_again", "worker.well_again"} <= {line["event"] for line in lines})
    told = [line["event"] for line in lines if line["event"].endswith((".waiting_for_nats", ".waiting", ".well_again"))]
    assert sorted(told) == ["relay.waiting_for_nats", "relay.well_again", "worker.waiting", "worker.well_again"]


async def _has_published(pool: "asyncpg.Pool[asyncpg.Record]", client: Client, count: int) -> bool:
    unpublished = await pool.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
    return unpublished == 0 and await in_stream(client) == count
