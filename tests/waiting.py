"""Waits for what comes true by itself, with a deadline."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(condition: Callable[[], Any | Awaitable[Any]], seconds: float = 45.0) -> Any:
    """The first true value that the condition gives; an exception of it counts as not yet."""
    deadline = asyncio.get_running_loop().time() + seconds
    failure: Exception | None = None
    found: Any = None
    while asyncio.get_running_loop().time() < deadline:
        try:
            found = condition()
            if inspect.isawaitable(found):
                found = await found
        except (OSError, ValueError, LookupError, RuntimeError, AssertionError) as error:
            failure = error
        else:
            failure = None
            if found:
                return found
        await asyncio.sleep(0.02)
    message = f"it did not become true within {seconds} s; last it was {failure or found!r}"
    raise AssertionError(message)
