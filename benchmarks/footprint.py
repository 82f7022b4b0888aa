"""How soon `em-agent up` is ready, and how much memory all of it takes, at rest and after a load.

Without the embedding model, which comes and goes with the need for it: some 100 MB in each process that uses it.

Run: python benchmarks/footprint.py
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2

from benchmarks import stand

DELIVERIES = 30_000
CONNECTIONS = 64


def main() -> None:
    """Print seconds and mebibytes."""
    with tempfile.TemporaryDirectory(prefix="em-agent-benchmark-") as name:
        environment = {
            "EM_AGENT_DATA_DIR": f"{name}/data",
            "EM_AGENT_PORT": str(stand.free_port()),
            "EM_AGENT_CONNECTORS_PORT": str(stand.free_port()),
            "EM_AGENT_LOG_LEVEL": "warning",
            "EMBEDDINGS_URL": "none",
            "PAGERDUTY_WEBHOOK_SECRET": stand.SECRET,
        }
        cold, product = _start(environment)
        _stop(product)
        warm, product = _start(environment)
        try:
            port = int(environment["EM_AGENT_PORT"])
            _wait_idle(port)
            at_rest = _memory(product.pid)
            requests = [stand.request(stand.body(number), port) for number in range(DELIVERIES)]
            asyncio.run(stand.load(port, requests, CONNECTIONS))
            _wait_idle(port)
            loaded = _memory(product.pid)
        finally:
            _stop(product)
    stand.show("em-agent up: seconds to ready", ["cold", "warm"], [[cold, warm]])
    rows = [[part, at_rest.get(part, 0.0), loaded.get(part, 0.0)] for part in sorted({*at_rest, *loaded})]
    rows.append(["all", sum(at_rest.values()), sum(loaded.values())])
    stand.show(f"MiB (PSS) at rest and after {DELIVERIES} deliveries", ["part", "at rest", "loaded"], rows)


def _start(environment: dict[str, str]) -> tuple[float, "subprocess.Popen[str]"]:
    started = time.perf_counter()
    product = subprocess.Popen(
        [sys.executable, "-m", "em_agent", "up"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert product.stdout is not None
    while "ready" not in product.stdout.readline():
        if product.poll() is not None:
            sys.exit("em-agent up did not start")
    return time.perf_counter() - started, product


def _stop(product: "subprocess.Popen[str]") -> None:
    product.send_signal(signal.SIGINT)
    product.wait(60)


def _wait_idle(port: int) -> None:
    """Wait until everything that was sent is in the marts."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
            text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
            depths = [float(line.split()[1]) for line in text.splitlines() if line.startswith("em_agent_outbox_depth")]
            if sum(depths) == 0:
                return
        time.sleep(0.5)
    sys.exit("the outbox did not empty")


def _memory(pid: int) -> dict[str, float]:
    parts: dict[str, float] = {}
    for each in stand.processes_below(pid):
        command = Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        words = command.split()
        name = "postgres" if command.startswith("postgres:") or "/postgres" in words[0] else " ".join(words[-2:])
        parts[name] = parts.get(name, 0.0) + stand.pss_mebibytes(each)
    return parts


if __name__ == "__main__":
    main()
