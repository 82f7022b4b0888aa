"""Starts the whole tree as a user would, looks at its processes, and asks its database."""

import asyncio
import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any

import asyncpg
import psutil

from em_agent.embedded.data_directory import free_port

_PROGRAM = Path(__file__).with_name("standin_up.py")
_START_SECONDS = 30.0


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows that one statement gives."""

    async def ask() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            connection.terminate()

    return asyncio.run(ask())


def eventually(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Whether the database serves a client."""
    try:
        return query(url, "SELECT 1") == [(1,)]
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


class Stack:
    """One `up` on one data directory."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.environment = {
            name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "NATS_URL"}
        } | {
            "EM_AGENT_DATA_DIR": str(data_dir),
            "EM_AGENT_PORT": str(free_port()),
            "EM_AGENT_CONNECTORS_PORT": str(free_port()),
            **environment,
        }
        self.process: subprocess.Popen[str] | None = None
        self.endpoints: dict[str, str] = {}
        self.error_log = data_dir.with_name(f"{data_dir.name}.stderr")

    def launch(self) -> "subprocess.Popen[str]":
        """Start without waiting."""
        with self.error_log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(_PROGRAM)],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        return self.process

    def start(self) -> float:
        """Start, wait for the readiness line, and tell how long it took."""
        begun = time.monotonic()
        process = self.launch()
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
        line = process.stdout.readline() if readable else ""
        assert line, f"not ready: {self.errors()}"
        self.endpoints = json.loads(line)
        return time.monotonic() - begun

    def stop(self, signum: Signals = SIGTERM) -> int:
        """Ask it to stop and wait; its exit status."""
        assert self.process is not None
        self.process.send_signal(signum)
        return self.wait()

    def wait(self, seconds: float = 30.0) -> int:
        """Wait for its end; its exit status."""
        assert self.process is not None
        status = self.process.wait(timeout=seconds)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status

    def errors(self) -> str:
        """Everything that it wrote to standard error."""
        return self.error_log.read_text(encoding="utf-8")

    def child(self, text: str) -> psutil.Process | None:
        """The living child whose command contains `text`."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            try:
                if text in " ".join(child.cmdline()):  # a zombie has no command
                    return child
            except psutil.Error:
                continue
        return None

    def kill(self, text: str) -> int:
        """Kill the child whose command contains `text`; its process id."""
        child = self.child(text)
        assert child is not None
        child.kill()
        return child.pid

    def tree(self) -> list[psutil.Process]:
        """It and everything below it."""
        assert self.process is not None
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def kill_all(self) -> None:
        """Kill it and everything below it, the top first, so that nothing is started again."""
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def clean_up(self) -> None:
        """End whatever is left of it, so that nothing outlives a failed test."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.kill_all()
        self.wait()
