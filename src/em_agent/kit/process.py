"""Runs a role until it is told to stop."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import structlog
import uvloop

log = structlog.get_logger()


async def run_until_stopped(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of the work until SIGINT or SIGTERM, then cancel it; an error in one part ends all of them."""
    stopped = stop_event()
    waiting = asyncio.create_task(stopped.wait())
    tasks = [asyncio.create_task(part) for part in work]
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in [waiting, *tasks]:
        task.cancel()
    await asyncio.gather(waiting, *tasks, return_exceptions=True)
    for task in done - {waiting}:
        task.result()


def stop_event() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run the work on uvloop's event loop, the quickest there is."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
