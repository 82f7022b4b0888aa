"""Runs roles as processes of their own, as an installation does, and kills them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from em_agent.embedded.data_directory import free_port
from tests.deliveries import SECRET
from tests.waiting import eventually


class Roles:
    """The processes of one installation, each by a name of ours."""

    def __init__(self, database_url: str, nats_url: str, folder: Path) -> None:
        self._urls = {"DATABASE_URL": database_url, "NATS_URL": nats_url}
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[list[str], dict[str, str]]] = {}

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Run `em-agent <command>`; without a command the one that the name had."""
        if command:
            self._commands[name] = [*command], environment
        arguments, extra = self._commands[name]
        variables = {**os.environ, "PAGERDUTY_WEBHOOK_SECRET": SECRET, **self._urls, **extra}
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "em_agent", *arguments], env=variables, cwd=self._folder, stdout=log, stderr=log
            )

    def start_gateway(self, name: str, **environment: str) -> str:
        """Run a gateway on a free port; its address."""
        port = free_port()
        self.start(name, "gateway", EM_AGENT_PORT=str(port), **environment)
        return f"http://127.0.0.1:{port}"

    def kill(self, name: str) -> None:
        """End it without a word."""
        self._processes[name].kill()
        self._processes[name].wait()

    def stop(self, name: str, seconds: float = 15.0) -> int:
        """Ask it to stop; its exit status."""
        self._processes[name].terminate()
        return self._processes[name].wait(seconds)

    def is_running(self, name: str) -> bool:
        """Whether it has not ended."""
        return self._processes[name].poll() is None

    def log(self, name: str) -> str:
        """What it wrote."""
        return (self._folder / f"{name}.log").read_text(encoding="utf-8")

    def end(self) -> None:
        """End whatever still runs."""
        for process in self._processes.values():
            process.kill()
            process.wait()


@asynccontextmanager
async def roles_on(database_url: str, nats_url: str, folder: Path) -> AsyncIterator[Roles]:
    """An installation without any process yet."""
    roles = Roles(database_url, nats_url, folder)
    try:
        yield roles
    finally:
        await asyncio.to_thread(roles.end)


async def ready(client: httpx2.AsyncClient, url: str, path: str = "/readyz/ingest", seconds: float = 30.0) -> None:
    """Return when the gateway says that it is ready."""

    async def is_ready() -> bool:
        try:
            return (await client.get(f"{url}{path}")).status_code == 200
        except httpx2.HTTPError as error:
            raise OSError from error

    await eventually(is_ready, seconds)
