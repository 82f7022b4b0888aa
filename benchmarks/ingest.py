"""Durable webhooks a second, against the same server's no-op POST and one INSERT a request.

Run: python -m benchmarks.ingest
"""

import asyncio
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import uvloop

from benchmarks.stand import Load, Servers, body, free_port, load, process, request, role, servers, show
from benchmarks.usage import cpu_seconds

REQUESTS = 20_000
ROUNDS = 3
CONNECTIONS = (64, 256)


@dataclass(frozen=True)
class Target:
    """A server to send to, and the processes whose CPU time counts."""

    name: str
    port: int
    pids: Sequence[int]


def uvicorn(app: str, port: int) -> list[str]:
    """The command that serves one of the apps as the gateway is served."""
    options = [
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--log-level",
        "error",
        "--lifespan",
        "off",
    ]
    return [sys.executable, "-m", "uvicorn", f"benchmarks.apps:{app}", "--port", str(port), *options]


def _send(target: Target, bodies: Sequence[bytes], connections: int) -> tuple[Load, float]:
    """The load's result, and CPU microseconds for each request."""
    requests = [request(content, target.port) for content in bodies]
    before = sum(cpu_seconds(pid) for pid in target.pids)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(load(target.port, requests, connections))
    cpu = sum(cpu_seconds(pid) for pid in target.pids) - before
    if set(result.statuses) != {200}:
        sys.exit(f"{target.name} answered {result.statuses}")
    return result, cpu / len(bodies) * 1e6


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE events_raw, outbox")
    await connection.close()


def _fresh(at: Servers, round_number: int) -> list[bytes]:
    asyncio.run(_empty(at.database_url))
    return [body(round_number * REQUESTS + number) for number in range(REQUESTS)]


def _compare(at: Servers, noop: Target, insert: Target, gateway: Target) -> None:
    for connections in CONNECTIONS:
        rows = []
        for round_number in range(ROUNDS):
            bodies = _fresh(at, round_number)
            nothing, nothing_cpu = _send(noop, bodies, connections)
            single, _ = _send(insert, bodies[: REQUESTS // 4], connections)
            durable, durable_cpu = _send(gateway, bodies, connections)
            rows.append(
                [nothing.per_second, single.per_second, durable.per_second, durable.per_second / nothing.per_second,
                 durable.per_second / single.per_second, durable_cpu / nothing_cpu, durable.p50_ms, durable.p99_ms]
            )  # fmt: skip
        rows.append([statistics.median(column) for column in zip(*rows, strict=True)])
        show(
            f"{connections} connections, the last row is the median",
            ["no-op/s", "one INSERT/s", "gateway/s", "÷ no-op", "÷ INSERT", "CPU ÷ no-op", "p50 ms", "p99 ms"],
            rows,
        )


def _compare_resends(at: Servers, gateway: Target) -> None:
    rows = []
    for round_number in range(ROUNDS):
        bodies = _fresh(at, round_number)
        none, _ = _send(gateway, bodies, 64)
        half = [*bodies[: REQUESTS // 2], *(body(10**9 + number) for number in range(REQUESTS // 2))]
        random.Random(round_number).shuffle(half)
        mixed, _ = _send(gateway, half, 64)
        only, _ = _send(gateway, bodies, 64)
        rows.append([none.per_second, mixed.per_second / none.per_second, only.per_second / none.per_second])
    show("Resends, 64 connections", ["none/s", "half ÷ none", "only ÷ none"], rows)


def main() -> None:
    """Print the tables."""
    ports = [free_port() for _ in range(3)]
    with (
        servers() as at,
        process(uvicorn("noop", ports[0]), {}, f"http://127.0.0.1:{ports[0]}/") as noop,
        process(
            uvicorn("one_insert", ports[1]), {"DATABASE_URL": at.database_url}, f"http://127.0.0.1:{ports[1]}/"
        ) as insert,
        role(at, "gateway", port=ports[2]) as gateway,
    ):
        target = Target("the gateway", ports[2], [gateway, at.postgres_pid])
        _compare(at, Target("the no-op", ports[0], [noop]), Target("one INSERT", ports[1], [insert]), target)
        _compare_resends(at, target)


if __name__ == "__main__":
    main()
