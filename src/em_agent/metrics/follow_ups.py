"""Follow-ups: issues that belong to incidents, whether they are done, and whether the trouble came back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import asyncpg
import orjson
from pydantic import BaseModel, Field

from em_agent.incidents.issues import RECURRED, RECURRENCE
from em_agent.kit.postgres import Pool
from em_agent.metrics.paging import behind, fetch_page
from em_agent.metrics.sql import Statement
from em_agent.metrics.table import Cell, as_text

# Those that issues are from: `trackers` of the dbt project.
Tracker = Literal["github", "jira", "linear", "shortcut"]

# An issue whose creation no webhook told of has the place in the list of when it was first heard of.
_AT = "coalesce(i.created_at, i.first_seen_at)"

_PAGE = f"""
WITH links AS MATERIALIZED (
    SELECT l.issue_key, l.how, f.incident_id, f.number, f.title, f.status, f.triggered_at, f.title_key, f.service_key,
        f.service_id, coalesce(s.service_name, f.service_name) AS service_name, {{is_asked}} AS is_asked
    FROM warehouse.fct_incident_issues AS l
    JOIN warehouse.fct_incidents AS f ON f.incident_id = l.incident_id
    LEFT JOIN warehouse.dim_services AS s ON s.service_id = f.service_id
),
page AS MATERIALIZED (
    SELECT i.*, {_AT} AS at FROM warehouse.fct_issues AS i
    WHERE i.issue_key IN (SELECT issue_key FROM links WHERE is_asked){{where}}
    ORDER BY at DESC, i.issue_key DESC LIMIT {{limit}}
),
page_links AS MATERIALIZED (
    SELECT links.*, page.done_at FROM links JOIN page ON page.issue_key = links.issue_key
),
of_page AS (
    SELECT issue_key, bool_or(title_key IS NOT NULL AND service_key IS NOT NULL) AS is_comparable,
        json_agg(json_build_object(
            'incident', incident_id, 'number', number, 'title', title, 'status', status, 'service', service_name,
            'triggered_at', triggered_at, 'how', how
        ) ORDER BY triggered_at, incident_id)::text AS incidents
    FROM page_links
    GROUP BY issue_key
),
recurred AS (
    SELECT page_links.issue_key, {RECURRENCE.format(done_at="page_links.done_at")}
    FROM page_links
    JOIN warehouse.fct_incidents AS again ON {RECURRED.format(own="page_links", done_at="page_links.done_at")}
    GROUP BY page_links.issue_key
)
SELECT page.*, of_page.incidents, mapped.service,
    CASE WHEN comparable.is_done THEN coalesce(recurred.recurred_within_30_days, 0) END AS recurred_within_30_days,
    CASE WHEN comparable.is_done THEN coalesce(recurred.recurred_within_90_days, 0) END AS recurred_within_90_days
FROM page
JOIN of_page ON of_page.issue_key = page.issue_key
CROSS JOIN LATERAL (SELECT page.done_at IS NOT NULL AND of_page.is_comparable AS is_done) AS comparable
LEFT JOIN recurred ON recurred.issue_key = page.issue_key
CROSS JOIN LATERAL (
    SELECT CASE WHEN count(*) = 1 THEN min(m.service) END AS service FROM service_mapping AS m
    WHERE m.kind IN (page.source, CASE page.source WHEN 'github' THEN 'repository' END)
        AND m.name = lower(page.project)
) AS mapped
ORDER BY page.at DESC, page.issue_key DESC
"""  # noqa: S608 - texts of ours


class FollowUpIncident(BaseModel):
    """An incident that an issue belongs to."""

    incident: str
    number: int | None
    title: str | None
    status: str
    service: str | None
    triggered_at: datetime | None
    how: Literal["url", "key", "named_by_issue"]


class FollowUp(BaseModel):
    """An issue that belongs to incidents."""

    source: str
    key: str
    url: str | None
    title: str | None
    status: str | None = Field(description="The tracker's own word for it.")
    done: bool
    created_at: datetime | None
    done_at: datetime | None
    age_seconds: float | None = Field(description="From its creation until it was done, or until now.")
    reopen_count: int
    labels: list[str]
    project: str | None
    service: str | None = Field(description="The service that the mapping names for the project.")
    incidents: list[FollowUpIncident]
    recurred_within_30_days: int | None = Field(
        description="Other incidents with the service and title of any of its incidents after it was done; null while "
        "it is open."
    )
    recurred_within_90_days: int | None


class FollowUpPage(BaseModel):
    """A page of follow-ups; `next_cursor` is null on the last one."""

    follow_ups: list[FollowUp]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpQuery:
    """The follow-ups to list, newest first: those of incidents of these services, triggered in [since, until)."""

    since: datetime | None = None
    until: datetime | None = None
    services: Sequence[str] = ()
    sources: Sequence[Tracker] = ()
    is_done: bool | None = None
    limit: int = 50
    cursor: str | None = None


async def find_follow_ups(pool: Pool, query: FollowUpQuery) -> FollowUpPage:
    """The page that the query asks for.

    Raises:
        InvalidError: the cursor is none of ours.
        RetriableError: the database does not answer.

    """
    rows, next_cursor = await fetch_page(pool, _build(query), key="issue_key", limit=query.limit, cursor=query.cursor)
    now = datetime.now(UTC)
    return FollowUpPage(follow_ups=[_follow_up(row, now) for row in rows], next_cursor=next_cursor)


def table(page: FollowUpPage) -> tuple[list[str], Iterator[list[Cell]]]:
    """The page as columns and rows; labels and incidents with semicolons."""
    return list(FollowUp.model_fields), (_line(follow_up) for follow_up in page.follow_ups)


def _line(follow_up: FollowUp) -> list[Cell]:
    cells: list[Cell] = []
    for name, value in follow_up:
        if name == "incidents":
            cells.append("; ".join(f"{link.incident} {link.how}" for link in follow_up.incidents))
        elif isinstance(value, list):
            cells.append("; ".join(value))
        else:
            cells.append(as_text(value) if isinstance(value, datetime) else value)
    return cells


def _build(query: FollowUpQuery) -> Statement:
    statement = Statement()
    asked, where = ["true"], ""
    if query.since is not None:
        asked.append(f"f.triggered_at >= {statement.place(query.since)}")
    if query.until is not None:
        asked.append(f"f.triggered_at < {statement.place(query.until)}")
    if query.services:
        given = f"{statement.place(list(query.services))}::text[]"
        asked.append(
            f"(f.service_key = ANY ({given}) OR f.service_key = ANY (ARRAY("  # noqa: S608
            f"SELECT service_id FROM warehouse.dim_services WHERE service_name = ANY ({given}))))"
        )
    if query.sources:
        where += f" AND i.source = ANY ({statement.place(list(query.sources))}::text[])"
    if query.is_done is not None:
        where += f" AND i.is_done = {statement.place(query.is_done)}"
    if query.cursor is not None:
        where += f" AND {behind(statement, query.cursor, _AT, 'i.issue_key')}"
    statement.text = _PAGE.format(
        is_asked=f"coalesce({' AND '.join(asked)}, false)", where=where, limit=statement.place(query.limit + 1)
    )
    return statement


def _follow_up(row: asyncpg.Record, now: datetime) -> FollowUp:
    created_at: datetime | None = row["created_at"]
    age = ((row["done_at"] or now) - created_at).total_seconds() if created_at else None
    return FollowUp(
        **{name: row[name] for name in _SAME},
        key=row["key"] or row["issue_key"],
        done=row["is_done"],
        age_seconds=age if age is not None and age >= 0 else None,
        incidents=orjson.loads(row["incidents"]),
    )


_SAME = (
    "source", "url", "title", "status", "created_at", "done_at", "reopen_count", "labels", "project", "service",
    "recurred_within_30_days", "recurred_within_90_days",
)  # fmt: skip
