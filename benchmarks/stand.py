"""What the benchmarks stand on: real servers in a temporary directory, roles as processes, signed bodies, a table."""

import asyncio
import contextlib
import hashlib
import hmac
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson

from em_agent.embedded.nats import start_nats
from em_agent.embedded.postgres import start_postgres
from em_agent.embedded.roles import status_of
from em_agent.kit.postgres import migrate

SECRET = "benchmark"
_PADDING = "the disk of the primary database fills up, writes are refused, and the queue behind it grows; " * 12


@dataclass(frozen=True)
class Servers:
    """A PostgreSQL with the newest schema and a NATS."""

    directory: Path
    database_url: str
    nats_url: str

    @property
    def postgres_pid(self) -> int:
        """The postmaster."""
        return int(next(self.directory.rglob("postmaster.pid")).read_text().split()[0])


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    """Servers of their own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="em-agent-benchmark-") as name:
        directory = Path(name)
        postgres, nats = start_postgres(directory / "postgres"), start_nats(directory / "nats")
        try:
            asyncio.run(migrate(postgres.url))
            yield Servers(directory, postgres.url, nats.url)
        finally:
            nats.stop()
            postgres.stop()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def process(command: Sequence[str], environment: Mapping[str, str], ready_url: str | None = None) -> Iterator[int]:
    """The pid of a running program, once `ready_url` answers with 200."""
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as child:
        try:
            if ready_url:
                asyncio.run(_wait_ready(ready_url))
            yield child.pid
        finally:
            child.send_signal(signal.SIGTERM)


async def _wait_ready(url: str) -> None:
    async with asyncio.timeout(30):
        while await status_of(url) != 200:
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def role(servers: Servers, *words: str, port: int | None = None, **environment: str) -> Iterator[int]:
    """The pid of one role of the product."""
    settings = {
        "DATABASE_URL": servers.database_url,
        "NATS_URL": servers.nats_url,
        "PAGERDUTY_WEBHOOK_SECRET": SECRET,
        **({"EM_AGENT_PORT": str(port)} if port else {}),
        **environment,
    }
    ready_url = f"http://127.0.0.1:{port}/readyz/ingest" if port else None
    with process([sys.executable, "-m", "em_agent", *words], settings, ready_url) as pid:
        yield pid


def body(number: int, *, kind: str = "triggered") -> bytes:
    """A webhook of about 2 KB, like PagerDuty's."""
    reference = {"id": f"S{number % 12}", "type": "service_reference", "summary": f"service {number % 12}"}
    data = {
        "id": f"P{number}",
        "type": "incident",
        "number": number,
        "title": f"Incident {number}: {_PADDING}",
        "service": reference,
        "urgency": "high",
        "assignees": [],
        "teams": [],
        "priority": None,
    }
    event = {
        "id": f"{kind[0]}{number:025d}",
        "event_type": f"incident.{kind}",
        "resource_type": "incident",
        "occurred_at": "2026-03-01T10:00:00.123Z",
        "agent": {"id": "U1", "type": "user_reference", "summary": "Ann"},
        "client": None,
        "data": data,
    }
    return orjson.dumps({"event": event})


def request(content: bytes, port: int) -> bytes:
    """A signed delivery as it goes over the wire."""
    signature = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    head = (
        f"POST /webhooks/pagerduty HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"User-Agent: PagerDuty-Webhook/V3.0\r\nX-PagerDuty-Signature: v1={signature}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Client(asyncio.Protocol):
    """A keep-alive connection that sends the next request when the answer to the last one is there."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float], statuses: dict[int, int]) -> None:
        self._requests = requests
        self._latencies = latencies
        self._statuses = statuses
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._sent_at = 0.0
        self._answer = b""
        self.done: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without being a subclass
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, rest = self._answer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(rest) < length:
            return
        status = int(head[9:12])
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._latencies.append(self._loop.time() - self._sent_at)
        self._answer = b""
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        following = next(self._requests, None)
        if following is None:
            self._transport.close()
            return
        self._sent_at = self._loop.time()
        self._transport.write(following)


@dataclass(frozen=True)
class Load:
    """What a load came to."""

    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]


async def load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send every request once over so many connections."""
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    shared = iter(requests)
    loop = asyncio.get_running_loop()
    started = loop.time()
    made = [
        await loop.create_connection(lambda: Client(shared, latencies, statuses), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.done for _, client in made))
    seconds = loop.time() - started
    cuts = statistics.quantiles(latencies, n=100)
    return Load(len(latencies) / seconds, cuts[49] * 1000, cuts[98] * 1000, statuses)


def show(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    cells = [list(headings), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    sys.stdout.write(f"\n{title}\n")
    for row in cells:
        sys.stdout.write("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + "\n")
    sys.stdout.flush()


def _text(cell: object) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


@contextlib.asynccontextmanager
async def running(coroutine: asyncio.Task[None]) -> AsyncIterator[None]:
    """A task that is cancelled on exit."""
    try:
        yield
    finally:
        coroutine.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await coroutine
