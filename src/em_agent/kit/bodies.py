"""The rest of a body that nobody wants."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

DISCARD_BYTES = 64 * 1024 * 1024
DISCARD_SECONDS = 3.0


async def discard_body(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> bool:
    """Whether the rest of the body is read and dropped, which a sender has to have sent before it reads an answer.

    One that is far too long, or too slow, is not waited for.
    """
    dropped = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while dropped < DISCARD_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return True
                dropped += len(message.get("body", b""))
    return False
