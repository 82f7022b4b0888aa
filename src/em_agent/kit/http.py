"""Serves an ASGI application until the process is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from em_agent.errors import ConfigurationError
from em_agent.kit import memory
from em_agent.kit.direct import DirectApp, DirectProtocol
from em_agent.kit.process import stop_event

BACKLOG = 2048
# A stop waits this long for the requests under way: longer than any delivery may take.
GRACE_SECONDS = 6


class Server(uvicorn.Server):
    """A server whose stop is ours to call, so that what stands behind it is closed afterwards."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def server_of(app: ASGIApp) -> Server:
    """What serves the application."""
    return Server(
        uvicorn.Config(
            app,
            port=0,
            http=DirectProtocol if isinstance(app, DirectApp) else "httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="off",
            ws="none",
        )
    )


async def serve(app: ASGIApp, host: str, port: int, *, port_setting: str) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests under way.

    Raises:
        ConfigurationError: the address is taken or not this machine's; the text names `port_setting`.

    """
    listening = _listen(host, port, port_setting)
    server = server_of(app)
    stopped = stop_event()

    async def stop() -> None:
        await stopped.wait()
        server.should_exit = True

    stopping = asyncio.create_task(stop())
    memory.settle()  # the collector need not walk again and again, while requests wait, what is loaded by now
    try:
        await server.serve(sockets=[listening])
    finally:
        stopping.cancel()


def _listen(host: str, port: int, port_setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, accepted connections send small answers at once instead of waiting for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        message = f"Cannot listen on {host} port {port} ({error.strerror}): set EM_AGENT_HOST or {port_setting}."
        raise ConfigurationError(message) from error
    return listening
