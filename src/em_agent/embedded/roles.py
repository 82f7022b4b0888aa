"""The roles that `up` runs as child processes, and how it sees that they are ready."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from em_agent.domain.consumers import SLACK, WORKERS
from em_agent.embedded.endpoints import reachable_host
from em_agent.embedded.forks import can_fork, fork
from em_agent.embedded.processes import Process, make_nice, spawn
from em_agent.embedded.server import close
from em_agent.settings import Settings

# In a flood, deliveries are stored first and told on and counted afterwards: a sender waits for the storing alone.
NICE = 15

_ANSWER_SECONDS = 2.0
_STANDARD_ERROR = 2


@dataclass(frozen=True)
class Role:
    """A program to keep running. One without a `ready_url` counts as ready when it runs."""

    name: str
    command: Sequence[str]
    ready_url: str | None = None
    work: Callable[[], None] | None = None  # what the command does, for a fork of ours to do
    niceness: int = 0

    def start(self, environment: Mapping[str, str]) -> Process:
        """The running role, which ends when we do.

        Raises:
            ConfigurationError: the program cannot be run.

        """
        if self.work is not None and can_fork():
            return make_nice(fork(f"em-agent {self.name}", self.work, environment), self.niceness)
        return make_nice(spawn(self.command, environment=environment, stderr=_STANDARD_ERROR), self.niceness)

    async def is_ready(self) -> bool:
        """Whether the role says that it can do its work."""
        return self.ready_url is None or await status_of(self.ready_url) == 200  # noqa: PLR2004 - OK


def default_roles(settings: Settings, run: Callable[[Sequence[str]], None]) -> list[Role]:
    """Every role of the product, each once.

    `run` does what the command `em-agent` does with the words it is given.
    """

    def role(*words: str, ready_url: str | None = None, niceness: int = 0) -> Role:
        # -P: a file in the current directory must not stand in for a module of ours.
        command = (sys.executable, "-P", "-m", "em_agent", *words)
        return Role(" ".join(words), command, ready_url, partial(run, words), niceness)

    host = reachable_host(settings.host)
    return [
        role("gateway", ready_url=f"http://{host}:{settings.port}/readyz/ingest"),
        role("connectors", ready_url=f"http://{host}:{settings.connectors_port}/healthz"),
        role("relay", *WORKERS, *([SLACK] if settings.has_slack else []), niceness=NICE),
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
