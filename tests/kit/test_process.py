"""The end of a process: everything it runs ends, or is left behind."""

import asyncio
import contextlib
import os
import signal
import time

import pytest

from em_agent.kit import process


async def test_a_task_that_loses_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task in which the first cancellation got lost is asked again until it ends."""
    monkeypatch.setattr(process, "ASK_AGAIN_SECONDS", 0.05)
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while lost < 3:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                lost += 1
        await asyncio.sleep(3600)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await process.cancel([task])
    assert task.cancelled()
    assert lost == 3


async def test_work_that_loses_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt ends the work though its first cancellation got lost; work that ends by itself gives its result."""
    monkeypatch.setattr(process, "ASK_AGAIN_SECONDS", 0.05)
    is_lost = False

    async def stubborn() -> str:
        nonlocal is_lost
        os.kill(os.getpid(), signal.SIGINT)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        is_lost = True
        await asyncio.sleep(3600)
        return "ended"

    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await process.until_interrupted(stubborn())
    assert is_lost
    assert await process.until_interrupted(asyncio.sleep(0, "ended")) == "ended"


async def test_the_error_of_a_part_ends_all() -> None:
    """When one part fails the others are cancelled, and its error is the outcome."""
    ended = asyncio.Event()

    async def lasting() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def failing() -> None:
        await asyncio.sleep(0)
        message = "broken"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="broken"):
        await process.run_until_stopped(lasting(), failing())
    assert ended.is_set()


def test_memory_is_given_back_after_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the work that took it is over, a role returns memory: once, and not while it works or rests."""
    given_back: list[str] = []
    did: list[str] = []
    monkeypatch.setattr(process, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr("em_agent.kit.memory.give_back", lambda: given_back.append(did[-1]))

    async def work() -> None:
        did.append("rested before")
        await asyncio.sleep(0.2)
        did.append("worked")
        for _ in range(10):
            until = time.process_time() + 0.02
            while time.process_time() < until:
                pass
            await asyncio.sleep(0)
        did.append("rested after")
        await asyncio.sleep(0.4)

    process.run(work())
    assert given_back == ["rested after"]
