"""What the embedded servers have in common, and a way to run one from synchronous code."""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Protocol

from em_agent.embedded.processes import Process


class Server(Protocol):
    """A server program with files in the data directory."""

    name: str
    process: Process | None

    @property
    def url(self) -> str:
        """Where clients connect, with the generated password."""
        ...

    def start(self) -> None:
        """Start the program; it is ready some time later."""
        ...

    async def wait_ready(self) -> None:
        """Return when a client is served.

        Raises:
            ConfigurationError: the program ended; the text says why.

        """
        ...

    def tidy(self) -> None:
        """Remove old logs, and end what only a new start mends; to be called now and then while the server runs."""
        ...

    async def stop(self, hurry: asyncio.Event | None = None) -> None:
        """End the program with everything on disk; once `hurry` is set sooner, which the next start pays for."""
        ...


@dataclass(frozen=True)
class RunningServer:
    """A server that was started from synchronous code."""

    url: str
    server: Server

    def stop(self) -> None:
        """End it with everything on disk."""
        run_apart(self.server.stop())


def start_and_wait(server: Server) -> RunningServer:
    """The server once it serves clients."""
    server.start()
    try:
        run_apart(server.wait_ready())
    except BaseException:
        run_apart(server.stop())
        raise
    return RunningServer(server.url, server)


def run_apart(work: Coroutine[None, None, None]) -> None:
    """Run to the end on a loop of its own, leaving the thread's current loop as it is."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection and wait until it is, whatever the other side does."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
