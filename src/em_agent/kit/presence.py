"""Roll call over NATS: who of the expected parts answers now."""

import asyncio
import contextlib
from collections.abc import Callable, Collection

from nats.aio.client import Client
from nats.aio.msg import Msg

_SUBJECT = "em_agent.presence"


async def announce(client: Client, name: str, is_well: Callable[[], bool]) -> None:
    """Answer roll calls with `name` while `is_well`, as long as the client lives and the event loop turns."""

    async def reply(call: Msg) -> None:
        if is_well():
            await call.respond(name.encode())

    await client.subscribe(_SUBJECT, cb=reply)


async def present(client: Client, expected: Collection[str], *, timeout_seconds: float) -> set[str]:
    """The names that answered, as soon as all that are expected did or the time is over."""
    inbox = client.new_inbox()
    names: set[str] = set()
    replies = await client.subscribe(inbox)
    try:
        await client.publish(_SUBJECT, reply=inbox)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while not names >= set(expected):
                    names.add((await replies.next_msg(timeout=timeout_seconds)).data.decode())
    finally:
        await replies.unsubscribe()
    return names
