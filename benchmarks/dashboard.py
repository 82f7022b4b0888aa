"""How fast pages come, and how long they are: asked first, and again.

Run: python -m benchmarks.dashboard [--incidents 1000000] [--database-url postgresql://...]

The incidents are written straight into the marts of an empty database, by default on a server of its own.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx2
import uvicorn

from benchmarks.metrics import END, FILL, FILL_DIMENSIONS, YEARS
from benchmarks.stand import free_port, running, show
from em_agent.app import build_gateway
from em_agent.embedded.postgres import start_postgres
from em_agent.kit.logging import configure_logging
from em_agent.kit.postgres import migrate
from em_agent.services import open_gateway
from em_agent.settings import load_settings
from em_agent.workers.transformer import Transformer

FORGETS, REPEATS = 3, 10
LARGEST_KB = 300
FILL_STATES = """
INSERT INTO incidents (
    id, number, title, status, urgency, service_id, service, priority_id, priority, team_ids, teams, triggered_at,
    acknowledged_at, resolved_at, time_to_acknowledge_seconds, time_to_resolve_seconds, active_seconds, reopen_count,
    escalation_count, is_merged, is_auto_resolved, last_event_at
)
SELECT incident_id, number, title, CASE WHEN number % 50000 = 0 THEN 'triggered' ELSE 'resolved' END, urgency,
    service_id, service_name, priority_id, priority_name, team_ids, team_names, triggered_at, acknowledged_at,
    resolved_at, time_to_acknowledge_seconds, time_to_resolve_seconds, active_seconds, reopen_count, escalation_count,
    is_merged, is_auto_resolved, last_event_at
FROM warehouse.fct_incidents;
ANALYZE incidents
"""
PAGES = ("/", "/services", "/services/S1", "/incidents", "/dora")


async def _fill(url: str, incidents: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(FILL, incidents, END, timedelta(days=365 * YEARS), timeout=900)
        for statement in (FILL_DIMENSIONS + ";" + FILL_STATES).split(";"):
            await connection.execute(statement, timeout=900)
    finally:
        await connection.close()


async def _measure(url: str, days: int, goal: float) -> list[tuple[object, ...]]:
    port = free_port()
    settings = load_settings({"DATABASE_URL": url, "NATS_URL": "nats://127.0.0.1:1", "EMBEDDINGS_URL": "none"})
    rows: list[tuple[object, ...]] = []
    async with open_gateway(settings) as services:
        config = uvicorn.Config(build_gateway(services), port=port, log_level="warning", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        async with running(serving), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while not server.started:
                await asyncio.sleep(0.02)
            started = time.perf_counter()
            await client.get("/login")
            rows.append(("the first page, imports included", "", (time.perf_counter() - started) * 1000, "", "", ""))
            for page in PAGES:
                size, first, again = await _ask(client, page, days)
                rows.append((page, size / 1000, first, first / goal, again, again / goal))
            server.should_exit = True
    return rows


async def _ask(client: httpx2.AsyncClient, page: str, days: int) -> tuple[int, float, float]:
    """Bytes of the page, and milliseconds until it is there: asked for another window each time, and for the same."""
    size, first, again = 0, [], []
    for number in range(FORGETS + REPEATS):
        until = END - timedelta(minutes=min(number, FORGETS))
        asked = {"since": (until - timedelta(days=days)).isoformat(), "until": until.isoformat(), "window": "custom"}
        started = time.perf_counter()
        answer = await client.get(page, params=asked)
        answer.raise_for_status()
        (first if number < FORGETS else again).append((time.perf_counter() - started) * 1000)
        size = len(answer.content)
    return size, statistics.median(first), statistics.median(again[1:])


def _run(url: str, incidents: int) -> None:
    asyncio.run(migrate(url))
    with tempfile.TemporaryDirectory() as work_dir:
        asyncio.run(Transformer(url, Path(work_dir)).run())
    asyncio.run(_fill(url, incidents))
    goal = 1000 if incidents <= 100_000 else 2000
    for days in (30, 365):
        show(
            f"Pages over {days} days of {incidents:,} incidents in {YEARS} years (goal: {LARGEST_KB} kB, {goal} ms)",
            ("page", "kB", "first, ms", f"/ {goal} ms", "again, ms", f"/ {goal} ms"),
            asyncio.run(_measure(url, days, goal)),
        )


def main() -> None:
    """Fill, ask and print the tables."""
    configure_logging("error", "benchmark")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=1_000_000)
    parser.add_argument("--database-url", help="an empty database, which is filled")
    options = parser.parse_args()
    if options.database_url:
        _run(options.database_url, options.incidents)
        return
    with tempfile.TemporaryDirectory(prefix="em-agent-benchmark-") as directory:
        server = start_postgres(Path(directory))
        try:
            _run(server.url, options.incidents)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
