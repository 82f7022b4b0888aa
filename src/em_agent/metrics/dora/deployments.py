"""Deployments, each with what it is linked to and what it brought."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg
import orjson
from pydantic import BaseModel, Field

from em_agent.kit.postgres import Pool
from em_agent.metrics.dora.models import Method
from em_agent.metrics.dora.query import PRODUCTION
from em_agent.metrics.dora.sql import linked, lowered, of_services, rollbacks
from em_agent.metrics.paging import behind, fetch_page
from em_agent.metrics.sql import Statement
from em_agent.metrics.table import Cell, as_text

Status = Literal["success", "failure", "in_progress"]
_SUCCESS: tuple[Status, ...] = ("success",)

_PAGE = """
WITH page AS MATERIALIZED (
    SELECT d.*, {at} AS at FROM warehouse.fct_deployments AS d WHERE {where}
    ORDER BY at DESC, d.deployment_key DESC LIMIT {limit}
),
links AS MATERIALIZED ({links}),
first_rollbacks AS ({rollbacks}),
of_page AS (
    SELECT links.deployment_key,
        CASE WHEN count(*) = count(links.resolved_at) THEN max(links.resolved_at) END AS mended_at,
        json_agg(json_build_object(
            'incident', links.incident_id, 'number', i.number, 'title', i.title, 'status', i.status,
            'method', links.method, 'confidence', links.confidence
        ) ORDER BY i.triggered_at, links.incident_id)::text AS incidents
    FROM page
    JOIN links ON links.deployment_key = page.deployment_key
    LEFT JOIN warehouse.fct_incidents AS i ON i.incident_id = links.incident_id
    GROUP BY links.deployment_key
)
SELECT page.*, of_page.incidents, brought.commits, brought.median_lead_time_seconds,
    first_rollbacks.deployment_ids AS rolled_back_by,
    of_page.deployment_key IS NOT NULL OR first_rollbacks.deployment_key IS NOT NULL AS is_failed,
    extract(epoch FROM
        CASE WHEN of_page.deployment_key IS NOT NULL THEN of_page.mended_at ELSE first_rollbacks.finished_at END
        - page.finished_at
    )::double precision AS span
FROM page
LEFT JOIN of_page ON of_page.deployment_key = page.deployment_key
LEFT JOIN first_rollbacks ON first_rollbacks.deployment_key = page.deployment_key
CROSS JOIN LATERAL (
    SELECT count(*) AS commits, percentile_cont(0.5) WITHIN GROUP (ORDER BY c.lead_seconds) AS median_lead_time_seconds
    FROM warehouse.fct_deployed_commits AS c WHERE c.deployment_key = page.deployment_key
) AS brought
ORDER BY page.at DESC, page.deployment_key DESC
"""


class LinkedIncident(BaseModel):
    """An incident that is linked to a deployment; what the marts do not have of it yet is null."""

    incident: str
    number: int | None
    title: str | None
    status: str | None
    method: Method
    confidence: float


class Deployment(BaseModel):
    """A deployment in its last state."""

    id: str
    key: str = Field(description="Unique among all sources: `<source>:<id>`.")
    source: str
    service: str | None
    repository: str | None
    environment: str | None
    sha: str | None
    status: Status
    kind: str
    started_at: datetime | None
    finished_at: datetime | None = Field(description="Null unless it finished with success.")
    rollback_of: str | None = Field(description="The deployment that it names as rolled back.")
    url: str | None
    commits: int = Field(description="Commits that it was the first to bring.")
    median_lead_time_seconds: float | None
    failed: bool = Field(description="Whether an incident is linked to it, or a rollback names it.")
    recovery_seconds: float | None = Field(
        description="Finish to the last resolution of its incidents, else to the first rollback; null until then."
    )
    incidents: list[LinkedIncident]
    rolled_back_by: list[str]


class DeploymentPage(BaseModel):
    """A page of deployments; `next_cursor` is null on the last one."""

    deployments: list[Deployment]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentQuery:
    """The deployments to list, newest first; all of history where no window is given.

    Urgencies and priorities restrict which incidents may be linked.
    """

    since: datetime | None = None
    until: datetime | None = None
    services: Sequence[str] = ()
    environments: Sequence[str] = (PRODUCTION,)
    statuses: Sequence[Status] = _SUCCESS
    urgencies: Sequence[str] = ()
    priorities: Sequence[str] = ()
    limit: int = 50
    cursor: str | None = None


async def find_deployments(pool: Pool, query: DeploymentQuery) -> DeploymentPage:
    """The page that the query asks for.

    Raises:
        InvalidError: the cursor is none of ours.
        RetriableError: the database does not answer.

    """
    rows, next_cursor = await fetch_page(
        pool, _build(query), key="deployment_key", limit=query.limit, cursor=query.cursor
    )
    return DeploymentPage(deployments=[_deployment(row) for row in rows], next_cursor=next_cursor)


def table(page: DeploymentPage) -> tuple[list[str], Iterator[list[Cell]]]:
    """The page as columns and rows; incidents as `id method`, several with semicolons."""
    names = [name for name in Deployment.model_fields if name != "incidents"]
    return [*names, "incidents"], (_line(deployment, names) for deployment in page.deployments)


def _line(deployment: Deployment, names: Sequence[str]) -> list[Cell]:
    cells: list[Cell] = []
    for name in names:
        value = getattr(deployment, name)
        if isinstance(value, datetime):
            value = as_text(value)
        cells.append("; ".join(value) if isinstance(value, list) else value)
    return [*cells, "; ".join(f"{link.incident} {link.method}" for link in deployment.incidents)]


def _build(query: DeploymentQuery) -> Statement:
    statement = Statement()
    is_finished = tuple(query.statuses) == _SUCCESS
    at = "d.finished_at" if is_finished else "coalesce(d.finished_at, d.started_at, '0001-01-01 00:00:00+00')"
    where = [
        f"d.environment_key = ANY ({lowered(statement, query.environments)})",
        f"d.status = ANY ({statement.place(list(query.statuses))}::text[])",
    ]
    if is_finished:
        where.append("d.finished_at IS NOT NULL")
    if query.since is not None:
        where.append(f"{at} >= {statement.place(query.since)}")
    if query.until is not None:
        where.append(f"{at} < {statement.place(query.until)}")
    if query.services:
        where.append(of_services(statement, query.services, "d"))
    if query.cursor is not None:
        where.append(behind(statement, query.cursor, at, "d.deployment_key"))
    statement.text = _PAGE.format(
        at=at,
        where=" AND ".join(where),
        limit=statement.place(query.limit + 1),
        links=linked(statement, query.environments, query.urgencies, query.priorities),
        rollbacks=rollbacks(statement, query.environments),
    )
    return statement


def _deployment(row: asyncpg.Record) -> Deployment:
    span: float | None = row["span"]
    rollback_of: str | None = row["rollback_of_key"]
    is_success = row["status"] == "success"
    return Deployment(
        id=row["deployment_id"],
        key=row["deployment_key"],
        **{name: row[name] for name in _SAME},
        rollback_of=rollback_of.partition(":")[2] if rollback_of else None,
        failed=is_success and row["is_failed"],
        recovery_seconds=span if span is not None and span >= 0 else None,
        incidents=orjson.loads(row["incidents"]) if row["incidents"] else [],
        rolled_back_by=row["rolled_back_by"] or [],
    )


_SAME = (
    "source", "service", "repository", "environment", "sha", "status", "kind", "started_at", "finished_at", "url",
    "commits", "median_lead_time_seconds",
)  # fmt: skip
