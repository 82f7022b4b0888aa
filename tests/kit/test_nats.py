"""The connection to NATS."""

import asyncio
from typing import Any

import pytest
from nats.aio.client import Client

from em_agent.kit import nats
from em_agent.kit.nats import open_client
from tests.faults import proxy_before
from tests.waiting import eventually

NOWHERE = "nats://127.0.0.1:1"


async def test_an_attempt_that_misses_its_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving ends the attempts to connect also where one failed just then, and the library took the cancellation."""
    losses: list[str] = []

    async def connect(*_: Any, **__: Any) -> None:
        while len(losses) < 2:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                losses.append("lost")
        await asyncio.sleep(3600)

    monkeypatch.setattr(Client, "_select_next_server", connect)
    async with asyncio.timeout(10):
        async with open_client(NOWHERE, name="test", wait=False):
            await asyncio.sleep(0)
    assert losses == ["lost", "lost"]


async def test_a_server_that_stands_still(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving waits some seconds at most for a server that takes nothing any more."""
    monkeypatch.setattr(nats, "CLOSE_SECONDS", 0.2)
    async with proxy_before(nats_url) as (proxy, through), asyncio.timeout(10):
        async with open_client(through, name="test") as client:
            await eventually(lambda: client.is_connected)
            proxy.stall()
            for _ in range(40):  # more than the sockets between hold
                await client.publish("test", bytes(500_000))
