"""Servers of a test's own, which it may kill, wipe and start again at the same address."""

import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL

from em_agent.embedded.data_directory import DataDirectory
from em_agent.embedded.nats import NatsServer
from em_agent.embedded.postgres import PostgresServer
from em_agent.embedded.server import Server


class OwnServer:
    """A server with its files in a folder."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self.folder = folder

    @property
    def url(self) -> str:
        """Where it serves, always the same."""
        return self._server.url

    @property
    def pid(self) -> int:
        """Its process, or the last one that it had."""
        assert self._server.process is not None
        return self._server.process.pid

    def kill(self) -> None:
        """End it without a word."""
        process = self._server.process
        assert process is not None
        process.send_signal(SIGKILL)
        while process.poll() is None:
            time.sleep(0.01)

    async def start(self) -> None:
        """Start it, at the address that it had, and wait until it serves."""
        self._server.start()
        await self._server.wait_ready()

    def wipe(self) -> None:
        """Kill it and delete all that it stored; it is to be started again."""
        self.kill()
        shutil.rmtree(self.folder / "nats" / "store")

    def copy_store(self, to: Path) -> None:
        """Keep what it has stored; it must not run."""
        shutil.copytree(self.folder / "nats" / "store", to, copy_function=_copy)

    def put_store_back(self, kept: Path) -> None:
        """Have it store what it had stored then; it must not run."""
        shutil.rmtree(self.folder / "nats" / "store")
        shutil.copytree(kept, self.folder / "nats" / "store", copy_function=_copy)
        shutil.copystat(self.folder / "nats", self.folder / "nats" / "store")
        _give_like(self.folder / "nats", self.folder / "nats" / "store")

    async def stop(self) -> None:
        """End it for good."""
        await self._server.stop()


def _copy(source: str, target: str) -> str:
    return str(shutil.copy2(source, target))


def _give_like(model: Path, root: Path) -> None:
    owner = model.stat()
    for path in (root, *root.rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)


@asynccontextmanager
async def own_nats(folder: Path) -> AsyncIterator[OwnServer]:
    """A NATS."""
    home = DataDirectory(folder)
    home.create()
    async with _running(OwnServer(NatsServer(home), folder)) as server:
        yield server


@asynccontextmanager
async def own_postgres(folder: Path) -> AsyncIterator[OwnServer]:
    """A PostgreSQL."""
    home = DataDirectory(folder)
    home.create()
    async with _running(OwnServer(PostgresServer(home), folder)) as server:
        yield server


@asynccontextmanager
async def _running(server: OwnServer) -> AsyncIterator[OwnServer]:
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
