"""Installations to look at: databases filled through the front door, taken in as the workers do."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from em_agent.demo.fill import fill
from em_agent.demo.plan import Plan
from em_agent.demo.year import make_year
from em_agent.kit.postgres import Connection, connect
from em_agent.workers.replay import replay_incidents
from em_agent.workers.search import index_batch
from tests.conftest import with_database
from tests.deliveries import SECRET
from tests.marts import Transformer
from tests.parts import Gateway, gateway_on

Sending = Callable[[Gateway], Awaitable[None]]
Storing = Callable[[Connection], Awaitable[None]]


@contextmanager
def database(postgres_url: str, template: str) -> Iterator[str]:
    """A copy of the template, dropped on exit."""
    name = f"pages_{secrets.token_hex(6)}"
    asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield with_database(postgres_url, name)
    finally:
        asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def send_demo(gateway: Gateway) -> None:
    """Send a busy quarter that ends now."""
    now = datetime.now(UTC).replace(microsecond=0)
    await fill(Plan(make_year(now, seed=7, incidents=150, days=91), [SECRET]), gateway.url)
    await _deploy(gateway, now)


async def _deploy(gateway: Gateway, now: datetime) -> None:
    """Deploy two services every other day, one a little ahead of the other, and take every fifth back after an hour."""
    for number in range(40):
        for service, hours in (("Checkout API", 0), ("Data Pipeline", 5)):
            finished_at = now - timedelta(days=2 * number + 1, hours=hours)
            name = f"{service[0]}-{number}"
            told = {"id": name, "service": service, "environment": "production", "status": "success"}
            await _post(gateway, {**told, "finished_at": finished_at.isoformat()})
            if number % 5 == 0:
                back = {"id": f"{name}-back", "kind": "rollback", "rollback_of": name}
                await _post(gateway, {**told, **back, "finished_at": (finished_at + timedelta(hours=1)).isoformat()})


async def _post(gateway: Gateway, deployment: dict[str, str]) -> None:
    answer = await gateway.client.post("/webhooks/deployment", json=deployment)
    assert answer.json()["status"] == "ok", answer.text


def fill_database(url: str, work_dir: Path, sending: Sending, storing: Storing | None = None) -> None:
    """Have a gateway take what is sent, and everything behind it be done: incidents, marts, index of words."""
    asyncio.run(_send(url, sending, storing))
    Transformer(url, work_dir).run()
    asyncio.run(_execute(url, "DELETE FROM outbox"))


async def _send(url: str, sending: Sending, storing: Storing | None) -> None:
    async with gateway_on(url, EMBEDDINGS_URL="none") as gateway:
        await sending(gateway)
    connection = await connect(url, name="pages")
    try:
        await replay_incidents(connection, lambda *_: None)
        while await index_batch(connection):
            pass
        if storing is not None:  # many, for which nobody searches
            await storing(connection)
            await replay_incidents(connection, lambda *_: None)
    finally:
        await connection.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
