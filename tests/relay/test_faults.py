"""The relay while the database it reads from is killed under it."""

from functools import partial
from pathlib import Path

import asyncpg
from nats.aio.client import Client
from structlog.testing import capture_logs

from em_agent.kit.postgres import migrate, open_pool
from tests.deliveries import delivery
from tests.parts import gateway_on, relay_on
from tests.relay.test_relay import in_stream
from tests.servers import own_postgres
from tests.waiting import eventually

KILLS = 4


async def test_the_relay_outlives_postgresql(nats_url: str, nats_client: Client, tmp_path: Path) -> None:
    """PostgreSQL is killed several times with events on their way: the same relay publishes each afterwards."""
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
                assert [line for line in lines if line["event"] == "relay.failed"] == []
                await eventually(partial(_has_published, pool, nats_client, 20 * kill), seconds=30)


async def _has_published(pool: "asyncpg.Pool[asyncpg.Record]", client: Client, count: int) -> bool:
    unpublished = await pool.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
    return unpublished == 0 and await in_stream(client) == count
