"""The marts of deployments as the API reads them, made by hand for tests that need no dbt run."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

_TABLES = """
CREATE TABLE warehouse.fct_deployments (
    deployment_key text PRIMARY KEY, source text, deployment_id text, service text, service_key text, repository text,
    environment text, environment_key text, sha text, status text, kind text, started_at timestamptz,
    finished_at timestamptz, rollback_of_key text, incident_id text, url text, transformed_at timestamptz
);
CREATE INDEX ON warehouse.fct_deployments (finished_at);
CREATE TABLE warehouse.fct_deployed_commits (
    deployment_key text, service_key text, environment_key text, repository text, sha text, committed_at timestamptz,
    finished_at timestamptz, lead_seconds double precision, transformed_at timestamptz
);
CREATE INDEX ON warehouse.fct_deployed_commits (finished_at);
CREATE INDEX ON warehouse.fct_deployed_commits (deployment_key);
CREATE TABLE warehouse.int_links (
    incident_id text, environment_key text, deployment_key text, method text, confidence double precision
);
CREATE VIEW warehouse.fct_incident_deployments AS
SELECT h.incident_id, d.environment_key, h.deployment_key, 'manual'::text AS method, 1::double precision AS confidence
FROM incident_deployments_by_hand AS h
JOIN warehouse.fct_deployments AS d ON d.deployment_key = h.deployment_key
UNION ALL
SELECT l.* FROM warehouse.int_links AS l
WHERE NOT EXISTS (SELECT FROM incident_deployments_by_hand AS h WHERE h.incident_id = l.incident_id);
CREATE TABLE warehouse.fct_incidents (
    incident_id text PRIMARY KEY, number bigint, title text, status text, urgency text, priority_key text,
    triggered_at timestamptz, resolved_at timestamptz
);
CREATE TABLE warehouse.dim_services (service_id text, service_name text);
CREATE TABLE warehouse.dim_priorities (priority_id text, priority_name text);
CREATE TABLE warehouse.freshness (id integer, as_of timestamptz, built_at timestamptz);
CREATE TABLE warehouse.delivery_freshness (id integer, as_of timestamptz, built_at timestamptz);
"""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A deployment, and the lead times of the commits that it brought."""

    id: str
    service: str = "checkout"
    environment: str = "production"
    finished_at: datetime | None
    status: str = "success"
    kind: str = "planned"
    rollback_of: str | None = None
    leads: tuple[float, ...] = ()
    started_at: datetime | None = None

    @property
    def key(self) -> str:
        """Its key, as one of the generic source."""
        return f"deployment:{self.id}"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """An incident, and the deployment that a rule found."""

    id: str
    deployment: str | None = None
    method: str = "window"
    environment: str = "production"
    confidence: float = 0.5
    number: int = 1
    urgency: str | None = "high"
    priority: str | None = "P1"
    triggered_at: datetime | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True)
class World:
    """What the marts hold."""

    deployments: Sequence[Deployed] = ()
    incidents: Sequence[Broken] = ()
    services: Sequence[tuple[str, str]] = ()
    as_of: datetime | None = None
    priorities: Sequence[tuple[str, str]] = field(default=(("PR1", "P1"), ("PR2", "P2")))


async def build(connection: Any, world: World) -> None:
    """Make the marts."""
    await connection.execute(_TABLES)
    await connection.executemany(
        "INSERT INTO warehouse.fct_deployments (deployment_key, source, deployment_id, service, service_key, environment, "
        "environment_key, status, kind, started_at, finished_at, rollback_of_key, url) VALUES "
        "($1, 'deployment', $2, $3, lower($3), $4, lower($4), $5, $6, $7, $8, $9, 'https://ci.example.com/' || $2)",
        [
            (
                d.key, d.id, d.service, d.environment, d.status, d.kind, d.started_at, d.finished_at,
                f"deployment:{d.rollback_of}" if d.rollback_of else None,
            )
            for d in world.deployments
        ],
    )  # fmt: skip
    await connection.executemany(
        "INSERT INTO warehouse.fct_deployed_commits (deployment_key, service_key, environment_key, finished_at, lead_seconds) "
        "VALUES ($1, lower($2), lower($3), $4, $5)",
        [(d.key, d.service, d.environment, d.finished_at, lead) for d in world.deployments for lead in d.leads],
    )
    await connection.executemany(
        "INSERT INTO warehouse.fct_incidents VALUES ($1, $2, 'It broke', $3, $4, $5, $6, $7)",
        [
            (
                i.id, i.number, "resolved" if i.resolved_at else "triggered", i.urgency,
                {name: key for key, name in world.priorities}.get(i.priority or ""), i.triggered_at, i.resolved_at,
            )
            for i in world.incidents
        ],
    )  # fmt: skip
    await connection.executemany(
        "INSERT INTO warehouse.int_links VALUES ($1, lower($2), $3, $4, $5)",
        [
            (i.id, i.environment, f"deployment:{i.deployment}", i.method, i.confidence)
            for i in world.incidents
            if i.deployment
        ],
    )
    await connection.executemany("INSERT INTO warehouse.dim_services VALUES ($1, $2)", world.services)
    await connection.executemany("INSERT INTO warehouse.dim_priorities VALUES ($1, $2)", world.priorities)
    await connection.execute("INSERT INTO warehouse.delivery_freshness VALUES (1, $1, now())", world.as_of)


def build_in(url: str, world: World) -> None:
    """Make the marts, for tests that have no event loop."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await build(connection, world)
        finally:
            await connection.close()

    asyncio.run(run())
