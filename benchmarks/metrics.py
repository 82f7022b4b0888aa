"""How fast `GET /v1/metrics/incidents` answers at a million incidents: asked first, and again.

Run: python -m benchmarks.metrics [--incidents 1000000] [--database-url postgresql://...]

The incidents are written straight into the marts of an empty database, by default on a server of its own.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx2
import uvicorn
from fastapi import FastAPI

from benchmarks.stand import free_port, running, show
from em_agent.api.metrics import PATH, router
from em_agent.embedded.postgres import start_postgres
from em_agent.kit.postgres import migrate, open_pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.workers.transformer import Transformer

YEARS = 4
END = datetime(2026, 7, 1, tzinfo=UTC)
WINDOW = {"since": (END - timedelta(days=90)).isoformat(), "until": END.isoformat()}
FORGETS, REPEATS = 5, 20
# Milliseconds for the first and for a repeated call.
GOAL_FIRST, GOAL_REPEATED = 100, 20

FILL = """
INSERT INTO warehouse.fct_incidents (
    incident_id, number, title, status, urgency, service_id, service_name, priority_id, priority_name,
    escalation_policy_id, escalation_policy_name, service_key, priority_key, escalation_policy_key,
    team_ids, team_names, triggered_at, acknowledged_at, resolved_at,
    time_to_acknowledge_seconds, time_to_resolve_seconds, active_seconds, reopen_count, escalation_count,
    is_handed_over, is_priority_raised, is_merged, is_auto_resolved, is_incomplete, is_impossible, is_clock_suspect,
    event_count, last_event_at, last_received_at, transformed_at
)
SELECT 'P' || n, n, 'Checkout answers slowly in zone ' || n % 7, 'resolved', CASE n % 3 WHEN 0 THEN 'high' ELSE 'low' END,
    'S' || s, 'Service ' || s, 'P' || n % 5, 'P' || n % 5, 'E' || s % 20, 'Policy ' || s % 20,
    'S' || s, 'P' || n % 5, 'E' || s % 20,
    ARRAY['T' || s % 12], ARRAY['Team ' || s % 12], t, t + a * interval '1 s', t + r * interval '1 s',
    a, r, r, n % 20 / 19, n % 9 / 8, n % 30 = 0, n % 50 = 0, n % 40 = 0, n % 15 = 0, false, false, false,
    4, t + r * interval '1 s', t + r * interval '1 s', clock_timestamp()
FROM (
    SELECT n, (n % 1009 % 80) AS s, $2::timestamptz - random() * $3::interval AS t,
        30 + 600 * random() AS a, 700 + 20000 * random() ^ 4 AS r
    FROM generate_series(1, $1::integer) AS n
) AS incidents
ORDER BY t
"""
FILL_DIMENSIONS = """
INSERT INTO warehouse.dim_services (service_id, service_name)
    SELECT DISTINCT service_id, service_name FROM warehouse.fct_incidents;
INSERT INTO warehouse.dim_teams (team_id, team_name)
    SELECT DISTINCT team_ids[1], team_names[1] FROM warehouse.fct_incidents;
INSERT INTO warehouse.dim_priorities (priority_id, priority_name)
    SELECT DISTINCT priority_id, priority_name FROM warehouse.fct_incidents;
INSERT INTO warehouse.freshness (id, as_of, built_at) SELECT 1, now(), now()
    ON CONFLICT (id) DO UPDATE SET as_of = excluded.as_of;
VACUUM ANALYZE warehouse.fct_incidents; ANALYZE warehouse.dim_services; ANALYZE warehouse.dim_teams
"""
QUESTIONS: tuple[dict[str, str], ...] = (
    {"group_by": "service"},
    {},
    {"group_by": "team"},
    {"group_by": "day", "timezone": "Europe/Berlin"},
    {"group_by": "service", "service": "Service 1", "urgency": "high"},
    {"group_by": "service", "compare": "previous"},
)


async def fill_incidents(connection: asyncpg.Connection, incidents: int) -> None:
    """Write so many incidents of the last years."""
    await connection.execute(FILL, incidents, END, timedelta(days=365 * YEARS), timeout=900)


async def _fill(url: str, incidents: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await fill_incidents(connection, incidents)
        for statement in FILL_DIMENSIONS.split(";"):
            await connection.execute(statement, timeout=300)
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _serving(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application with the route alone."""
    async with open_pool(url, name="benchmark", size=4) as pool:
        app = FastAPI()
        app.include_router(router(IncidentMeter(pool), timezone="UTC"))
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
        async with running(asyncio.create_task(server.serve())):
            while not server.started:
                await asyncio.sleep(0.02)
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield client
            server.should_exit = True


async def _ask(client: httpx2.AsyncClient, question: dict[str, str]) -> float:
    """Milliseconds until the answer is there."""
    started = time.perf_counter()
    answer = await client.get(PATH, params={**WINDOW, **question})
    answer.raise_for_status()
    return (time.perf_counter() - started) * 1000


async def _measure(url: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    async with _serving(url) as client:
        await _ask(client, {"group_by": "priority"})  # connects
        for question in QUESTIONS:
            first = []
            for number in range(1, FORGETS + 1):  # each another window: no answer is remembered
                until = (END - timedelta(seconds=number)).isoformat()
                first.append(await _ask(client, {**question, "until": until}))
            again = [await _ask(client, question) for _ in range(REPEATS)]
            name = " ".join(f"{key}={value}" for key, value in question.items()) or "one group"
            one, other = statistics.median(first), statistics.median(again)
            rows.append((name, one, one / GOAL_FIRST, other, other / GOAL_REPEATED))
    return rows


def _run(url: str, incidents: int) -> None:
    asyncio.run(migrate(url))
    with tempfile.TemporaryDirectory() as work_dir:
        asyncio.run(Transformer(url, Path(work_dir)).run())
    asyncio.run(_fill(url, incidents))
    show(
        f"GET {PATH}, 90 days of {incidents:,} incidents in {YEARS} years",
        ("asked", "first, ms", f"/ {GOAL_FIRST} ms", "again, ms", f"/ {GOAL_REPEATED} ms"),
        asyncio.run(_measure(url)),
    )


def main() -> None:
    """Fill, ask and print the table."""
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
