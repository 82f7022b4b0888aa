"""The product as the README starts it, on a directory of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from em_agent.embedded.data_directory import free_port

START_SECONDS = 90.0
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Product:
    """A running `em-agent up`, and where it is."""

    environment: dict[str, str]
    endpoints: dict[str, str]
    directory: Path

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The end of a command that is run beside it."""
        return _run(self.environment, self.directory, *arguments)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Everything, with no configuration but free ports."""
    directory = tmp_path_factory.mktemp("product")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("EM_AGENT_", "PAGERDUTY_"))},
        "EM_AGENT_DATA_DIR": str(directory / "data"),
        "EM_AGENT_PORT": str(free_port()),
        "EM_AGENT_CONNECTORS_PORT": str(free_port()),
    }
    environment["EM_AGENT_API_URL"] = f"http://127.0.0.1:{environment['EM_AGENT_PORT']}"
    errors = directory / "stderr"
    with errors.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "em_agent", "up"],
            env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        assert _first_line(process).startswith("EM Agent is ready"), errors.read_text()[-2000:]
        endpoints = json.loads(_run(environment, directory, "info", "--json").stdout)
        yield Product(environment, endpoints, directory)
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()
        process.communicate()


def _first_line(process: "subprocess.Popen[str]") -> str:
    """The line that says that it is ready; empty if it takes too long or ends before."""
    assert process.stdout is not None
    too_late = threading.Timer(START_SECONDS, process.terminate)
    too_late.start()
    try:
        return process.stdout.readline()
    finally:
        too_late.cancel()


def _run(environment: dict[str, str], directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "em_agent", *arguments],
        env=environment, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
