"""A year through the real front door into a real database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest

from em_agent.demo.fill import fill, is_filled, wait_taken_in
from em_agent.demo.plan import Mishaps, Plan
from em_agent.demo.send import send
from em_agent.demo.year import Year, make_year
from em_agent.embedded.postgres import start_postgres
from em_agent.events.record import Recorder
from em_agent.gateway.endpoint import Endpoint
from em_agent.gateway.webhooks import WebhookGateway
from em_agent.integrations.pagerduty.webhook import SOURCE
from em_agent.kit.postgres import migrate, open_pool

SECRETS = ("new-secret", "old-secret")
BASE = "http://gateway.test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this module's own."""
    running = start_postgres(tmp_path_factory.mktemp("demo"))
    yield running.url
    running.stop()


@pytest.fixture
def database(server: str, request: pytest.FixtureRequest) -> str:
    """An empty database with the product's tables."""
    name = request.node.name

    async def make() -> str:
        connection = await asyncpg.connect(server)
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()
        url = f"{server.rpartition('/')[0]}/{name}"
        await migrate(url)
        return url

    return asyncio.run(make())


@asynccontextmanager
async def _front_door(database: str) -> AsyncIterator[httpx2.ASGITransport]:
    """The product's gateway, which knows both secrets."""
    endpoint = Endpoint(SOURCE, [secret.encode() for secret in SECRETS], 1024 * 1024, takes_unsigned=False)
    async with open_pool(database, name="gateway", size=2) as pool, Recorder(database, queue_limit=2000) as recorder:
        yield httpx2.ASGITransport(WebhookGateway({SOURCE.name: endpoint}, recorder, pool))


async def _rows(database: str, table: str = "events_raw") -> int:
    return int(await _execute(database, f"SELECT count(*) FROM {table}"))


async def _execute(database: str, statement: str) -> Any:
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.fixture
def busy(year: Year) -> Plan:
    """A few weeks with every mishap there is."""
    short = make_year(year.end, seed=3, incidents=60, days=21)
    mishaps = Mishaps(overlap=0.5, retries=0.1, disorder=None, lost_triggers=0.1, forged=0.1, guide=0.3, strange=True)
    return Plan(short, SECRETS, mishaps)


def _run(database: str, act: Callable[[httpx2.ASGITransport], Awaitable[None]]) -> None:
    async def run() -> None:
        async with _front_door(database) as transport:
            await act(transport)

    asyncio.run(run())


def test_the_gateway_answers_as_foretold(database: str, busy: Plan) -> None:
    """Every answer of the real gateway is the one that the plan says, and what it accepts is on record once."""

    async def act(transport: httpx2.ASGITransport) -> None:
        tally = await send(busy.deliveries(), BASE, transport=transport)
        assert tally.surprises == []
        assert tally.sent == len(busy)
        assert await _rows(database) == tally.answers["ok"]
        assert await _rows(database, "quarantine") == tally.answers["quarantined"]
        assert tally.answers["401"] > 0

    _run(database, act)


def test_a_year_is_filled_in_once(database: str, busy: Plan) -> None:
    """The year counts as complete when its closing ping is on record, and as taken in when the outbox is empty.

    Sending all of it again adds nothing and surprises nobody.
    """

    async def act(transport: httpx2.ASGITransport) -> None:
        assert not await is_filled(busy, database)
        await send(list(busy.deliveries())[:100], BASE, transport=transport)  # interrupted
        assert not await is_filled(busy, database)
        await fill(busy, BASE, transport=transport)
        assert await is_filled(busy, database)
        before = await _rows(database)
        again = await fill(busy, BASE, transport=transport)
        assert await _rows(database) == before
        assert "ok" not in again.answers
        assert again.surprises == []
        assert not await wait_taken_in(database, 0.0)
        await _execute(database, "DELETE FROM outbox")
        assert await wait_taken_in(database, 0.0)

    _run(database, act)
