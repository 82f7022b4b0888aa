"""How long the marts of deliveries take: all of them anew, and when something is new.

Run: python -m benchmarks.delivery [--deployments 100000] [--incidents 10000]

A year of 50 services, each with a repository of its own, is written into `events_raw` of an empty database.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

import asyncpg

from benchmarks.stand import show
from em_agent.embedded.postgres import start_postgres
from em_agent.kit.postgres import migrate
from em_agent.workers.transformer import Summary, Transformer

SERVICES = 50
REMAP = "UPDATE delivery_settings SET version = version + 1"
# Seconds for the models of deliveries anew, and for a run with one new event.
GOAL_BUILD, GOAL_RUN = 30.0, 2.0

# Each push of a service has three commits, the tip named by its number; each deployment brings one push.
PUSHES = """
INSERT INTO events_raw (source, event_type, delivery_id, payload, received_at)
SELECT 'github', 'push', 'push-' || s || '-' || n, json_build_object(
    'ref', 'refs/heads/main', 'before', CASE n WHEN 1 THEN repeat('0', 40) ELSE tip(s, n - 1) END, 'after', tip(s, n),
    'created', n = 1, 'deleted', false, 'forced', false,
    'commits', json_build_array(
        json_build_object('id', md5('a' || s || '-' || n), 'timestamp', at - interval '3 hours', 'message', 'one'),
        json_build_object('id', md5('b' || s || '-' || n), 'timestamp', at - interval '2 hours', 'message', 'two'),
        json_build_object('id', tip(s, n), 'timestamp', at - interval '1 hours', 'message', 'three')
    ),
    'repository', json_build_object('full_name', 'acme/service-' || s, 'default_branch', 'main',
        'pushed_at', extract(epoch FROM at)::bigint)
), at
FROM generate_series(1, $1::integer) AS s, generate_series($2::integer, $3::integer) AS n,
    LATERAL (SELECT at(n, $4::double precision) - interval '10 minutes') AS times (at)
"""
DEPLOYMENTS = """
INSERT INTO events_raw (source, event_type, delivery_id, payload, received_at)
SELECT 'deployment', 'deployment.success', 'deployment-' || s || '-' || n, json_build_object(
    'id', 'd-' || s || '-' || n, 'service', 'service-' || s, 'environment', 'production', 'sha', tip(s, n),
    'repository', 'acme/service-' || s, 'status', 'success', 'finished_at', at,
    'kind', CASE WHEN n % 20 = 0 THEN 'rollback' ELSE 'planned' END
), at
FROM generate_series(1, $1::integer) AS s, generate_series($2::integer, $3::integer) AS n,
    LATERAL (SELECT at(n, $4::double precision)) AS times (at)
"""
INCIDENTS = """
INSERT INTO events_raw (source, event_type, delivery_id, payload, occurred_at, received_at)
SELECT 'pagerduty', 'incident.triggered', 'incident-' || n, json_build_object('event', json_build_object(
    'event_type', 'incident.triggered', 'data', json_build_object(
        'id', 'P' || n, 'type', 'incident', 'number', n,
        'service', json_build_object('id', 'S' || s, 'summary', 'Service-' || s),
        'title', CASE n % 4
            WHEN 0 THEN 'errors since d-' || s || '-' || (n % 2000 + 1) WHEN 1 THEN 'bad ' || left(tip(s, n % 2000 + 1), 9)
            ELSE 'The service answers slowly, for the queue behind it is long and grows' END
    )
)), at, at
FROM generate_series($1::integer, $2::integer) AS n, LATERAL (SELECT n % 50 + 1) AS services (s),
    LATERAL (SELECT timestamptz '2025-01-01' + ((n * 7919) % 8760) * interval '1 hours') AS times (at)
"""
FUNCTIONS = """
CREATE FUNCTION tip(s integer, n integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT md5('c' || s || '-' || n) || '01234567'
$$;
CREATE FUNCTION at(n integer, step double precision) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '2025-01-01' + n * step * interval '1 second'
$$;
"""
TELL = "INSERT INTO outbox (event_id, source) SELECT id, source FROM events_raw WHERE id > $1"


class Year:
    """What is written into the database, and what more is sent later."""

    def __init__(self, url: str, deployments: int, incidents: int) -> None:
        """So many of each, on the database at `url`."""
        self._url = url
        self._each = deployments // SERVICES
        self._step = 365 * 86_400 / (self._each + 1)
        self._incidents = incidents

    async def fill(self) -> None:
        """Write the year; nothing of it is in the outbox, as after a replay."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(FUNCTIONS)
            for statement in (PUSHES, DEPLOYMENTS):
                await connection.execute(statement, SERVICES, 1, self._each, self._step, timeout=900)
            await connection.execute(INCIDENTS, 1, self._incidents, timeout=900)
            await connection.execute("ANALYZE events_raw")
        finally:
            await connection.close()

    async def send(self, number: int, *, pushes: bool, deployments: bool, incidents: bool) -> None:
        """Send one more push, deployment or incident; those of before have left the outbox."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute("DELETE FROM outbox")
            newest = await connection.fetchval("SELECT max(id) FROM events_raw")
            n = self._each + number
            if pushes:
                await connection.execute(PUSHES, 1, n, n, self._step)
            if deployments:
                await connection.execute(DEPLOYMENTS, 1, n, n, self._step)
            if incidents:
                n = self._incidents + number
                await connection.execute(INCIDENTS, n, n)
            await connection.execute(TELL, newest)
        finally:
            await connection.close()


def _run(url: str, deployments: int, incidents: int) -> None:
    asyncio.run(migrate(url))
    year = Year(url, deployments, incidents)
    asyncio.run(year.fill())
    rows: list[tuple[object, ...]] = []

    def note(name: str, summary: Summary, goal: float | None) -> None:
        rows.append((name, summary.seconds, summary.seconds / goal if goal else None, sum(summary.rows.values())))

    with tempfile.TemporaryDirectory() as work_dir:
        transformer = Transformer(url, Path(work_dir))
        note("everything, from events_raw", asyncio.run(transformer.run()), None)
        asyncio.run(year.remap())
        note("the models of deliveries anew", asyncio.run(transformer.run()), GOAL_BUILD)
        for name, sent in (
            ("one push more", (True, False, False)),
            ("one deployment more", (False, True, False)),
            ("one incident more", (False, False, True)),
        ):
            for number in (1, 2):  # the first one loads what the next ones find in memory
                asyncio.run(year.send(number, pushes=sent[0], deployments=sent[1], incidents=sent[2]))
                summary = asyncio.run(transformer.run())
            note(name, summary, GOAL_RUN)
    show(
        f"{deployments:,} deployments of {SERVICES} services, and {incidents:,} incidents",
        ("run", "seconds", "/ goal", "rows written"),
        rows,
    )


def main() -> None:
    """Fill, transform and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=100_000)
    parser.add_argument("--incidents", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="em-agent-benchmark-") as directory:
        server = start_postgres(Path(directory))
        try:
            _run(server.url, options.deployments, options.incidents)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
