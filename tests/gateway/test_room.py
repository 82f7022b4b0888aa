"""Room for long bodies."""

import asyncio

import pytest

from em_agent.errors import RetriableError
from em_agent.gateway.room import Room


async def test_no_more_is_lent_than_there_is() -> None:
    """However many ask, what is lent at once stays within the room, and all get their turn."""
    room, held, most = Room(10, patience_seconds=10), 0, 0

    async def use(amount: int) -> None:
        nonlocal held, most
        async with room.lend(amount):
            held += amount
            most = max(most, held)
            await asyncio.sleep(0)
            held -= amount

    await asyncio.gather(*(use(amount) for amount in [3, 10, 1, 7, 5, 5, 2] * 20))
    assert (held, most) == (0, 10)


async def test_who_wants_more_than_all_gets_all() -> None:
    """A body longer than the whole room waits until it is alone."""
    room = Room(10, patience_seconds=10)
    async with asyncio.timeout(5), room.lend(99):
        pass


async def test_patience_ends() -> None:
    """Whoever waits too long is told to come again, and those behind pass."""
    room = Room(10, patience_seconds=0.05)
    async with room.lend(6):
        with pytest.raises(RetriableError):
            async with room.lend(5):
                pass
        async with room.lend(4):
            pass
    async with room.lend(10):
        pass


async def test_who_leaves_the_queue_lets_others_pass() -> None:
    """A request that is given up while it waits holds nothing, and holds up nobody behind it."""
    room, passed = Room(10, patience_seconds=10), asyncio.Event()

    async def use(amount: int, done: asyncio.Event) -> None:
        async with room.lend(amount):
            done.set()

    async with room.lend(6):
        given_up = asyncio.create_task(use(10, asyncio.Event()))
        await asyncio.sleep(0)
        behind = asyncio.create_task(use(4, passed))
        await asyncio.sleep(0)
        assert not passed.is_set()
        given_up.cancel()
        async with asyncio.timeout(5):
            await passed.wait()
        await behind
    async with room.lend(10):
        pass
