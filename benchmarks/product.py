"""Everything that `em-agent up` runs, as a process tree to measure."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2

from benchmarks.stand import SECRET, free_port

_IDLE_SECONDS = 180.0


def settings(data_directory: Path) -> dict[str, str]:
    """The environment of an `up` with these files, on free ports, without the embedding model."""
    return {
        "EM_AGENT_DATA_DIR": str(data_directory),
        "EM_AGENT_PORT": str(free_port()),
        "EM_AGENT_CONNECTORS_PORT": str(free_port()),
        "EMBEDDINGS_URL": "none",
        "PAGERDUTY_WEBHOOK_SECRET": SECRET,
    }


@contextlib.contextmanager
def running_up(environment: dict[str, str], log: Path) -> Iterator[int]:
    """The pid of `em-agent up`, once it says that it is ready; what it logs goes into the file, as usual."""
    with log.open("ab") as errors:
        product = subprocess.Popen(
            [sys.executable, "-m", "em_agent", "up"],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert product.stdout is not None
    try:
        while "ready" not in product.stdout.readline():
            if product.poll() is not None:
                sys.exit(f"em-agent up did not start: {log.read_text()[-2000:]}")
        yield product.pid
    finally:
        product.send_signal(signal.SIGINT)
        product.wait(60)


def wait_idle(port: int) -> None:
    """Wait until everything that was sent is in the marts."""
    deadline = time.monotonic() + _IDLE_SECONDS
    while time.monotonic() < deadline:
        if httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
            text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
            depths = [float(line.split()[1]) for line in text.splitlines() if line.startswith("em_agent_outbox_depth")]
            if sum(depths) == 0:
                return
        time.sleep(0.5)
    sys.exit("the outbox did not empty")
