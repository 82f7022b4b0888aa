"""The embedded NATS server."""

import asyncio
import json
import shutil
import stat
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from nats.js.api import StreamConfig

from em_agent.embedded.nats import start_nats
from em_agent.embedded.server import RunningServer, close, run_apart
from em_agent.kit.nats import ensure_stream, jetstream, open_client

_STREAM = StreamConfig(name="KEPT", subjects=["kept.>"])


def _publish(url: str) -> int:
    """The sequence that the stream, made where it is missing, gives to a message."""

    async def publish() -> int:
        async with asyncio.timeout(5), open_client(url, name="test") as client:
            js = jetstream(client)
            await ensure_stream(js, _STREAM)
            return (await js.publish("kept.one", b"x")).seq

    return asyncio.run(publish())


async def _greeting(url: str, password: str) -> bytes:
    """What the server says to a client with this password."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    await reader.readline()
    login = json.dumps({"user": "em_agent", "pass": password, "verbose": False})
    writer.write(f"CONNECT {login}\r\nPING\r\n".encode())
    answer = await reader.readline()
    await close(writer)
    return answer


def _process(server: RunningServer) -> psutil.Process:
    assert server.server.process is not None
    return psutil.Process(server.server.process.pid)


def test_serves_safely(data_dir: Path) -> None:
    """It asks for its generated password, listens on loopback alone, is not root's, and its files are closed."""
    server = start_nats(data_dir)
    try:
        assert _publish(server.url) == 1
        assert _process(server).uids().real != 0
        assert {connection.laddr.ip for connection in _process(server).net_connections()} == {"127.0.0.1"}
        assert asyncio.run(_greeting(server.url, "wrong")) == b"-ERR 'Authorization Violation'\r\n"
    finally:
        server.stop()
    assert stat.S_IMODE((data_dir / "nats").stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "nats" / "nats.conf").stat().st_mode) == 0o600


def test_keeps_its_streams_and_its_address(data_dir: Path) -> None:
    """After a clean stop it goes on where it was, at the same URL."""
    server = start_nats(data_dir)
    assert _publish(server.url) == 1
    server.stop()
    again = start_nats(data_dir)
    assert again.url == server.url
    assert _publish(again.url) == 2
    again.stop()


def test_starts_after_kill_and_wiped_storage(data_dir: Path) -> None:
    """A kill -9 and the loss of its whole directory leave a server that starts, empty."""
    server = start_nats(data_dir)
    assert _publish(server.url) == 1
    _process(server).kill()
    server.stop()
    shutil.rmtree(data_dir / "nats")
    again = start_nats(data_dir)
    assert _publish(again.url) == 1
    again.stop()


def test_an_orphan_is_ended(data_dir: Path) -> None:
    """A server that nobody looks after any more makes way for the next start."""
    orphan = start_nats(data_dir)
    process = _process(orphan)
    server = start_nats(data_dir)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert server.url == orphan.url
    server.stop()
    orphan.stop()


def test_a_stream_that_met_a_full_disk(tmp_path: Path) -> None:
    """A server that says that it stores nothing any more is ended, to be started anew, and once for each time."""
    running = start_nats(tmp_path)
    server = running.server
    log = tmp_path / "nats" / "nats.log"
    try:
        server.tidy()
        assert server.process is not None
        assert server.process.poll() is None
        with log.open("a", encoding="utf-8") as written:
            written.write("[1] [ERR] JetStream failed to store a msg on stream 'EVENTS': no space left on device\n")
        server.tidy()
        deadline = time.monotonic() + 30
        while server.process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.start()
        run_apart(server.wait_ready())
        server.tidy()
        assert _publish(running.url) == 1
    finally:
        running.stop()
