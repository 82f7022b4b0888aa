"""Runs a role until it is told to stop."""

import asyncio
import concurrent.futures
import signal
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any, TypeVar

import structlog
import uvloop

from em_agent.kit import memory

ASK_AGAIN_SECONDS = 1.0
LOOK_SECONDS = 2.0
BUSY_SHARE = 0.05  # of a core

_IN_TURN = concurrent.futures.ThreadPoolExecutor(1)  # its thread begins with the first work

Result = TypeVar("Result")

log = structlog.get_logger()


async def run_until_stopped(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of the work until SIGINT or SIGTERM, then cancel it; an error in one part ends all of them."""
    stopped = stop_event()
    waiting = asyncio.create_task(stopped.wait())
    tasks = [asyncio.create_task(part) for part in work]
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    await cancel([waiting, *tasks])
    for task in done - {waiting}:
        task.result()


async def cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel the tasks, and return when they have ended.

    One that goes on is asked again: in Python 3.11 `wait_for` loses a cancellation that comes together with what it
    waits for, also where a library calls it.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_SECONDS)


async def until_interrupted(work: Coroutine[Any, Any, Result]) -> Result:
    """The work's result; SIGINT and SIGTERM cancel it, for certain.

    Raises:
        CancelledError: one of them came before it had ended.

    """
    stopped = stop_event()
    waiting, task = asyncio.create_task(stopped.wait()), asyncio.create_task(work)
    await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
    await cancel([waiting] if task.done() else [waiting, task])
    return task.result()


def stop_event() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def run_in_turn(work: Callable[[], Result]) -> Result:
    """What the work gives, done in the one thread beside the loop that takes such works one after the other.

    With several at once each turn of the loop would wait for all of them.
    """
    return await asyncio.get_running_loop().run_in_executor(_IN_TURN, work)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run the work on uvloop's event loop, the quickest there is."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_tidily(work))


async def _tidily(work: Coroutine[Any, Any, None]) -> None:
    tidying = asyncio.create_task(_give_back_when_idle())
    try:
        await work
    finally:
        tidying.cancel()


async def _give_back_when_idle() -> None:
    """After each burst of work, return the memory that it took."""
    was_busy = False
    while True:
        before = time.process_time()
        await asyncio.sleep(LOOK_SECONDS)
        is_busy = time.process_time() - before > BUSY_SHARE * LOOK_SECONDS
        if was_busy and not is_busy:
            memory.give_back()
        was_busy = is_busy
