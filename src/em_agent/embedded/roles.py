"""The roles that `up` runs as child processes, and how it sees that they are ready."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from em_agent.embedded.endpoints import reachable_host
from em_agent.embedded.forks import can_fork, fork
from em_agent.embedded.processes import Process, spawn
from em_agent.embedded.server import close
from em_agent.settings import Settings

_ANSWER_SECONDS = 2.0
_STANDARD_ERROR = 2


@dataclass(frozen=True)
class Role:
    """A program to keep running. One without a `ready_url` counts as ready when it runs."""

    name: str
    command: Sequence[str]
    ready_url: str | None = None
    work: Callable[[], None] | None = None  # what the command does, for a fork of ours to do

    def start(self, environment: Mapping[str, str]) -> Process:
        """The running role, which ends when we do.

        Raises:
            ConfigurationError: the program cannot be run.

        """
        if self.work is not None and can_fork():
            return fork(f"em-agent {self.name}", self.work, environment)
        return spawn(self.command, environment=environment, stderr=_STANDARD_ERROR)

    async def is_ready(self) -> bool:
        """Whether the role says that it can do its work."""
        return self.ready_url is None or await status_of(self.ready_url) == 200  # noqa: PLR2004 - OK


def default_roles(settings: Settings, run: Callable[[Sequence[str]], None]) -> list[Role]:
    """Every role of the product, each once; the two consumers apart, so that a dbt run never delays the live state.

    `run` does what the command `em-agent` does with the words it is given.
    """

    def role(*words: str, ready_url: str | None = None) -> Role:
        # -P: a file in the current directory must not stand in for a module of ours.
        command = (sys.executable, "-P", "-m", "em_agent", *words)
        return Role(" ".join(words), command, ready_url, partial(run, words))

    host = reachable_host(settings.host)
    return [
        role("gateway", ready_url=f"http://{host}:{settings.port}/readyz/ingest"),
        role("connectors", ready_url=f"http://{host}:{settings.connectors_port}/healthz"),
        role("relay"),
        role("worker", "incidents"),
        role("worker", "warehouse"),
    ]


async def status_of(url: str) -> int | None:
    """The HTTP status that a plain GET is answered with; None when nothing answers in time."""
    place = urlsplit(url)
    writer = None
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            writer.write(f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode())
            return int((await reader.readline()).split()[1])
    except (OSError, TimeoutError, IndexError, ValueError):
        return None
    finally:
        if writer is not None:
            await close(writer)
