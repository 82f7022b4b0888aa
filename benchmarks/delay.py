"""How long after its webhook an event is in the metrics, with a million incidents of history.

Run: python -m benchmarks.delay [--incidents 1000000]

The history is written straight into the tables of the dbt project. Then every role runs, and deliveries arrive at a
steady rate: new incidents, and resolutions of old ones.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

import asyncpg
import httpx2

from benchmarks.metrics import FILL_DIMENSIONS, fill_incidents
from benchmarks.stand import Servers, body, free_port, request, role, servers, show
from em_agent.api.metrics import PATH
from em_agent.workers.transformer import Transformer

PER_SECOND = 5
SECONDS = 60
GOAL_SECONDS = 15.0
_LONGEST_SECONDS = 120
_READY_SECONDS = 300
_PARTS = ("relay", "worker incidents", "worker warehouse")

# Each incident of the mart with its trigger and its resolution, from which the other tables follow.
HISTORY = """
INSERT INTO warehouse.stg_pagerduty__incident_events (
    event_id, origin, delivery_id, incident_id, document_id, kind, at, reading_rank, occurred_at, received_at,
    is_clock_suspect, is_by_person, is_snapshot, number, title, urgency, service_id, service_name, states_priority,
    priority_id, priority_name, teams, created_at, is_merge, transformed_at
)
SELECT -2 * number - n, 'webhook', kind || number, incident_id, incident_id, kind, at, n * 5, at, at, false, true, true,
    number, title, urgency, service_id, service_name, true, priority_id, priority_name,
    jsonb_build_array(jsonb_build_object('id', team_ids[1], 'name', team_names[1])), triggered_at, false, '2026-01-01'
FROM warehouse.fct_incidents
CROSS JOIN LATERAL (VALUES (0, 'triggered', triggered_at), (1, 'resolved', resolved_at)) AS told (n, kind, at);
INSERT INTO warehouse.fct_incident_episodes
    (incident_id, ordinal, started_at, started_by, resolved_at, last_resolved_at, reopen_count, active_seconds, transformed_at)
SELECT incident_id, 1, triggered_at, 'triggered', resolved_at, resolved_at, 0, active_seconds, '2026-01-01'
FROM warehouse.fct_incidents;
INSERT INTO warehouse.fct_incidents_received (document_key, document_id, triggered_at, resolved_at, transformed_at)
SELECT md5(incident_id), incident_id, triggered_at, resolved_at, '2026-01-01' FROM warehouse.fct_incidents;
UPDATE warehouse.freshness SET as_of = '2026-01-01';
VACUUM ANALYZE warehouse.stg_pagerduty__incident_events; VACUUM ANALYZE warehouse.fct_incident_episodes;
VACUUM ANALYZE warehouse.fct_incidents_received
"""


async def _fill(url: str, incidents: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await fill_incidents(connection, incidents)
        for statement in f"{FILL_DIMENSIONS};{HISTORY}".split(";"):
            await connection.execute(statement, timeout=900)
    finally:
        await connection.close()


async def _measure(port: int, incidents: int) -> list[float]:
    """Seconds from each request to the first answer of the metrics that includes it."""
    waiting: dict[float, float] = {}  # when each was sent, by a time of day after its receipt
    delays: list[float] = []

    async def look(client: httpx2.AsyncClient) -> None:
        while True:
            as_of = (await client.get(PATH)).json()["as_of"]
            included = datetime.fromisoformat(as_of).timestamp()
            for sent in [each for each in waiting if each <= included]:
                delays.append(time.perf_counter() - waiting.pop(sent))
            await asyncio.sleep(0.1)

    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        async with asyncio.timeout(_READY_SECONDS):
            while not _is_ready((await client.get("/readyz")).json()["checks"]):
                await asyncio.sleep(0.5)
        looking = asyncio.create_task(look(client))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        started = time.perf_counter()
        for place in range(PER_SECOND * SECONDS):
            await asyncio.sleep(max(0.0, started + place / PER_SECOND - time.perf_counter()))
            number, kind = (incidents + place, "triggered") if place % 2 else (1 + place * 7919 % incidents, "resolved")
            sent = time.perf_counter()
            writer.write(request(body(number, kind=kind), port))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            waiting[time.time()] = sent  # it was received before
        writer.write(request(body(2 * incidents), port))
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(_LONGEST_SECONDS):
            while waiting:
                await asyncio.sleep(0.1)
        looking.cancel()
    return delays


def _is_ready(checks: dict[str, str]) -> bool:
    return all(checks.get(part) == "ok" for part in _PARTS)


def _run(at: Servers, incidents: int) -> None:
    with tempfile.TemporaryDirectory() as work_dir:
        asyncio.run(Transformer(at.database_url, Path(work_dir)).run())
    asyncio.run(_fill(at.database_url, incidents))
    port = free_port()
    load = os.getloadavg()[0]
    with role(at, "gateway", port=port), role(at, "relay"), role(at, "worker", "incidents", "warehouse"):
        delays = asyncio.run(_measure(port, incidents))
    cuts = statistics.quantiles(delays, n=100)
    rows = [[name, cuts[place], cuts[place] / GOAL_SECONDS] for name, place in (("p50", 49), ("p95", 94), ("p99", 98))]
    show(
        f"From webhook to {PATH}, {PER_SECOND} a second, {incidents:,} incidents of history, machine's load {load:.1f}",
        ["", "seconds", f"/ {GOAL_SECONDS:.0f} s"],
        rows,
    )


def main() -> None:
    """Fill, send and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=1_000_000)
    options, _ = parser.parse_known_args()
    with servers() as at:
        _run(at, options.incidents)


if __name__ == "__main__":
    main()
