"""A pool whose server has stopped."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from em_agent.kit.postgres import UNREACHABLE, Pool, open_pool

SOON_SECONDS = 6.0


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Pool]:
    """A pool of one connection, which may take long for a statement."""
    async with open_pool(database_url, name="test", size=1, command_seconds=60.0) as pool:
        yield pool


@asynccontextmanager
async def stopped(pid: int) -> AsyncIterator[None]:
    """Until the end the process keeps its sockets, and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_server_that_says_nothing_is_noticed_soon(single: Pool) -> None:
    """Who asks over a connection that has fallen silent hears of it in seconds, and gets another one after that."""
    pid = await single.fetchval("SELECT pg_backend_pid()")
    async with stopped(pid), asyncio.timeout(SOON_SECONDS):
        with pytest.raises(UNREACHABLE):
            await single.fetchval("SELECT 1")
        assert await single.fetchval("SELECT pg_backend_pid()") != pid


async def test_a_slow_statement_is_waited_for(single: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is one of the server's silence before a statement, not of the statement."""
    monkeypatch.setattr("em_agent.kit.postgres.SILENCE_SECONDS", 0.3)
    assert await single.fetchval("SELECT 1 FROM pg_sleep(0.6)") == 1
