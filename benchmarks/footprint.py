"""How soon `em-agent up` is ready, and how much memory all of it takes, at rest and after a load.

Without the embedding model, which comes and goes with the need for it: some 100 MB in each process that uses it.

Run: python -m benchmarks.footprint
"""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.product import running_up, settings, wait_idle
from benchmarks.stand import body, load, request, show
from benchmarks.usage import by_part, pss_mebibytes

DELIVERIES = 30_000
CONNECTIONS = 64


def main() -> None:
    """Print seconds and mebibytes."""
    with tempfile.TemporaryDirectory(prefix="em-agent-benchmark-") as name:
        environment = {**settings(Path(name) / "data"), "EM_AGENT_LOG_LEVEL": "warning"}
        log, port = Path(name) / "log", int(environment["EM_AGENT_PORT"])
        started = time.perf_counter()
        with running_up(environment, log):
            cold = time.perf_counter() - started
        started = time.perf_counter()
        with running_up(environment, log) as product:
            warm = time.perf_counter() - started
            wait_idle(port)
            at_rest = by_part(product, pss_mebibytes)
            requests = [request(body(number), port) for number in range(DELIVERIES)]
            asyncio.run(load(port, requests, CONNECTIONS))
            wait_idle(port)
            loaded = by_part(product, pss_mebibytes)
    show("em-agent up: seconds to ready", ["cold", "warm"], [[cold, warm]])
    rows = [[part, at_rest.get(part, 0.0), loaded.get(part, 0.0)] for part in sorted({*at_rest, *loaded})]
    rows.append(["all", sum(at_rest.values()), sum(loaded.values())])
    show(f"MiB (PSS) at rest and after {DELIVERIES} deliveries", ["part", "at rest", "loaded"], rows)


if __name__ == "__main__":
    main()
