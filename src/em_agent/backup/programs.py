"""Runs PostgreSQL's own `pg_dump`, `pg_restore` and `psql`, those of the wheel."""

import asyncio
import os
import re
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from signal import SIGKILL
from typing import cast

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from em_agent.embedded.binaries import postgres_programs
from em_agent.embedded.processes import follow_parent
from em_agent.errors import ConfigurationError, EmAgentError, PermanentError, RetriableError

_LINE_LIMIT = 1024 * 1024
_TOLD = re.compile(r"error|fatal", re.IGNORECASE)
_PLACE = re.compile(r"^(psql:<stdin>:\d+|pg_\w+|psql): ")
_AWAY = re.compile(r"connection to server|server closed the connection|terminating connection|shutting down")
_FULL = re.compile(r"no space left|could not (write|extend)|disk full|quota", re.IGNORECASE)


class Program:
    """One running program."""

    def __init__(self, name: str, process: Process) -> None:
        """Listen to a process that was started with its standard error piped."""
        self._name = name
        self._process = process
        self._errors: list[str] = []
        self._listening = asyncio.create_task(self._listen(cast("StreamReader", process.stderr)))

    @property
    def output(self) -> StreamReader:
        """What it writes, where that is piped."""
        return cast("StreamReader", self._process.stdout)

    @property
    def input(self) -> StreamWriter:
        """Where it reads, where that is piped."""
        return cast("StreamWriter", self._process.stdin)

    async def _listen(self, stream: StreamReader) -> None:
        while line := await stream.readline():
            text = line.decode("utf-8", "replace").strip()
            if _TOLD.search(text):
                self._errors.append(_PLACE.sub("", text))

    async def wait(self) -> None:
        """Return when it has ended well.

        Raises:
            RetriableError: the server is away.
            ConfigurationError: there is no room.
            PermanentError: it failed otherwise; the text is the first error that it told.

        """
        await self._listening
        if await self._process.wait():
            raise self._failure()

    def _failure(self) -> EmAgentError:
        nothing = f"it ended with status {self._process.returncode} and said nothing"
        text = (self._errors or [nothing])[0].rstrip(".")
        if _AWAY.search(text):
            return RetriableError(f"PostgreSQL does not answer: {text}.")
        if _FULL.search(text):
            return ConfigurationError(f"There is no room: {text}. Make some, and run the command again.")
        return PermanentError(f"{self._name} failed: {text}.")

    async def end(self) -> None:
        """End it at once, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
        self._listening.cancel()
        await self._process.wait()


async def start(
    name: str,
    arguments: Sequence[str],
    *,
    url: str | None = None,
    stdin: int = DEVNULL,
    stdout: int = DEVNULL,
) -> Program:
    """The program, which works on the database at `url` where one is given. It does not outlive us.

    Raises:
        ConfigurationError: it is not there, or the URL is wrong.

    """
    connection, password = _connection(url) if url is not None else ((), {})
    process = await asyncio.create_subprocess_exec(
        postgres_programs(None) / name,
        *connection,
        *arguments,
        env={**os.environ, **password, "LC_ALL": "C", "PGAPPNAME": f"em-agent {name}"},
        stdin=stdin,
        stdout=stdout,
        stderr=PIPE,
        limit=_LINE_LIMIT,
        start_new_session=True,  # the terminal's Ctrl-C reaches us alone
        preexec_fn=follow_parent(SIGKILL),
    )
    return Program(name, process)


def _connection(url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The arguments that name the database, and the password apart: everybody can read arguments."""
    try:
        parts = parse_dsn(url)
        password = {"PGPASSWORD": parts.pop("password")} if "password" in parts else {}
        return (f"--dbname={make_dsn(**parts)}",), password
    except psycopg2.Error as error:
        message = f"DATABASE_URL is wrong: {str(error).strip()}."
        raise ConfigurationError(message) from error
