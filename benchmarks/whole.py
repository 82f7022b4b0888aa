"""Durable webhooks a second with everything that `em-agent up` runs, against the same server's no-op POST.

Both take turns in one run. CPU time is that of each process for each event: first while the events come in, then until
everything that follows from them is done.

Run: python -m benchmarks.whole
"""

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks.ingest import uvicorn
from benchmarks.product import running_up, settings, wait_idle
from benchmarks.stand import Load, body, free_port, load, process, request, show
from benchmarks.usage import by_part, cpu_seconds, own_cpu_seconds

REQUESTS = 20_000
ROUNDS = 5
CONNECTIONS = (64, 256)


def _send(port: int, first: int, connections: int) -> Load:
    requests = [request(body(number), port) for number in range(first, first + REQUESTS)]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(load(port, requests, connections))
    if set(result.statuses) != {200}:
        sys.exit(f"answered {result.statuses}")
    return result


def _spent(pid: int, before: dict[str, float]) -> dict[str, float]:
    """CPU microseconds for each request, by process, since `before`."""
    now = by_part(pid, own_cpu_seconds)
    return {part: (seconds - before.get(part, 0.0)) / REQUESTS * 1e6 for part, seconds in now.items()}


def _compare(noop: tuple[int, int], product: tuple[int, int], connections: int, first: int) -> None:
    """Print the rates, and what each process spent."""
    (noop_port, noop_pid), (port, pid) = noop, product
    rates, incoming, in_all = [], [], []
    for start in range(first, first + ROUNDS * REQUESTS, REQUESTS):
        noop_before = cpu_seconds(noop_pid)
        nothing = _send(noop_port, start, connections)
        nothing_cpu = (cpu_seconds(noop_pid) - noop_before) / REQUESTS * 1e6
        before = by_part(pid, own_cpu_seconds)
        durable = _send(port, start, connections)
        meanwhile = _spent(pid, before)
        wait_idle(port)
        incoming.append(meanwhile)
        in_all.append(_spent(pid, before))
        cpu = meanwhile["gateway"] + meanwhile["PostgreSQL"]
        rates.append(
            [nothing.per_second, durable.per_second, durable.per_second / nothing.per_second,
             nothing_cpu, cpu / nothing_cpu, durable.p50_ms, durable.p99_ms]
        )  # fmt: skip
    rates.append([statistics.median(column) for column in zip(*rates, strict=True)])
    show(
        f"{connections} connections, everything of `up`; the last row is the median",
        ["no-op/s", "durable/s", "÷ no-op", "no-op µs", "CPU ÷ no-op", "p50 ms", "p99 ms"],
        rates,
    )
    rows = [
        [part, *(statistics.median(each.get(part, 0.0) for each in taken) for taken in (incoming, in_all))]
        for part in sorted(in_all[-1])
    ]
    show(f"CPU µs an event at {connections} connections", ["part", "while they come", "until all is done"], rows)


def main() -> None:
    """Print the tables."""
    noop_port = free_port()
    with tempfile.TemporaryDirectory(prefix="em-agent-benchmark-") as name:
        environment = settings(Path(name) / "data")
        port = int(environment["EM_AGENT_PORT"])
        with (
            process(uvicorn("noop", noop_port), {}, f"http://127.0.0.1:{noop_port}/") as noop,
            running_up(environment, Path(name) / "log") as product,
        ):
            wait_idle(port)
            for turn, connections in enumerate(CONNECTIONS):
                _compare((noop_port, noop), (port, product), connections, turn * ROUNDS * REQUESTS)


if __name__ == "__main__":
    main()
