"""DORA metrics out of the marts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from em_agent.errors import InvalidError
from em_agent.kit.postgres import Pool, reachable
from em_agent.kit.process import run_in_turn
from em_agent.metrics.buckets import Buckets, cut
from em_agent.metrics.dora.editions import editions
from em_agent.metrics.dora.figures import Figures, group_of
from em_agent.metrics.dora.models import DoraGroup, DoraMetrics, DoraWindow, PublishedMeans
from em_agent.metrics.dora.query import DoraQuery
from em_agent.metrics.dora.sql import (
    build_commits,
    build_deploy_days,
    build_deployments,
    build_links,
    build_names,
)
from em_agent.metrics.incidents import LARGE
from em_agent.metrics.layout import Place, lay_out
from em_agent.metrics.sql import Statement

# A plan made for any window would not go by the window's index.
SETTINGS = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"
AS_OF = """
SELECT greatest((SELECT as_of FROM warehouse.freshness), (SELECT as_of FROM warehouse.delivery_freshness))
"""

_Row = Mapping[str, Any]
_WEEK_DAYS = 7


@dataclass(slots=True)
class _Found:
    """What the marts have, by the place of its group."""

    deployments: dict[Place, _Row] = field(default_factory=dict)
    commits: dict[Place, _Row] = field(default_factory=dict)
    deploy_days: dict[Place, _Row] = field(default_factory=dict)
    links: dict[Place, list[_Row]] = field(default_factory=dict)


class DoraMeter:
    """Answers queries; one for each process."""

    def __init__(self, pool: Pool) -> None:
        """Read the marts through `pool`."""
        self._pool = pool

    async def measure(self, query: DoraQuery, *, compare_previous: bool = False) -> DoraMetrics:
        """The metrics of the query's window; where the marts were never built, those of no deployments.

        Raises:
            InvalidError: the query asks for too many groups.
            RetriableError: the database does not answer.

        """
        previous = query.previous() if compare_previous else None
        async with reachable(), self._pool.acquire() as connection:
            try:
                # Each statement sees the marts of its own time: one that is built anew meanwhile has no older state.
                async with connection.transaction(readonly=True):
                    await connection.execute(SETTINGS)
                    as_of = await connection.fetchval(AS_OF)
                    groups = await _groups(connection, query)
                    before = await _groups(connection, previous) if previous else None
            except asyncpg.UndefinedTableError:
                as_of, groups = None, _lay_out(query, _cut(query), _Found())
                before = _lay_out(previous, _cut(previous), _Found()) if previous else None
        means = editions()[query.edition].published_means
        return DoraMetrics(
            since=query.since,
            until=query.until,
            timezone=query.timezone,
            edition=query.edition,
            as_of=as_of,
            groups=groups,
            previous=DoraWindow(since=previous.since, until=previous.until, groups=before)
            if previous and before is not None
            else None,
            published_means=PublishedMeans(**means) if means else None,
        )


async def _groups(connection: Any, query: DoraQuery) -> list[DoraGroup]:  # noqa: ANN401 - one of the pool
    buckets = _cut(query)

    async def fetch(statement: Statement) -> Sequence[_Row]:
        rows: Sequence[_Row] = await connection.fetch(statement.text, *statement.arguments)
        return rows

    names = {row["service_key"]: row["service"] for row in await fetch(build_names(query))} if query.labels else {}

    def place(row: _Row) -> Place:
        return ((names.get(row["service_key"], row["service_key"]),) if query.labels else ()), row["bucket"] - 1

    found = _Found(
        deployments=_by_place(await fetch(build_deployments(query, buckets)), place),
        commits=_by_place(await fetch(build_commits(query, buckets)), place),
        deploy_days=_by_place(await fetch(build_deploy_days(query, buckets)), place),
    )
    for row in await fetch(build_links(query, buckets)):
        found.links.setdefault(place(row), []).append(row)
    most = max(len(found.deployments), 1) * (len(buckets.keys) if buckets else 1)
    if most > LARGE:  # putting them together would keep others waiting
        return await run_in_turn(partial(_lay_out, query, buckets, found))
    return _lay_out(query, buckets, found)


def _by_place(rows: Iterable[_Row], place: Any) -> dict[Place, _Row]:  # noqa: ANN401 - a function of a row
    return {place(row): row for row in rows}


def _cut(query: DoraQuery) -> Buckets | None:
    return cut(query.since, query.until, query.zone, query.units) if query.units else None


def _lay_out(query: DoraQuery, buckets: Buckets | None, found: _Found) -> list[DoraGroup]:
    edition = editions()[query.edition]
    groups = []
    for place, key in lay_out(query.group_by, query.labels, found.deployments, buckets):
        since, until = _span(query, buckets, place[1])
        figures = Figures(
            days=(until - since) / timedelta(days=1),
            weeks=_weeks(since, until, query.zone),
            deployments=found.deployments.get(place),
            commits=found.commits.get(place),
            deploy_days=found.deploy_days.get(place, {}).get("days") or (),
            links=found.links.get(place, ()),
        )
        groups.append(group_of(key, figures, edition))
    return groups


def _span(query: DoraQuery, buckets: Buckets | None, number: int) -> tuple[datetime, datetime]:
    """The part of the window that the bucket is."""
    if buckets is None:
        return query.since, query.until
    following = buckets.starts[number + 1] if number + 1 < len(buckets.starts) else query.until
    return max(buckets.starts[number], query.since), min(following, query.until)


def _weeks(since: datetime, until: datetime, zone: ZoneInfo) -> int:
    """How many ISO weeks of the zone [since, until) touches."""
    try:
        first = since.astimezone(zone).date()
        last = (until - timedelta(microseconds=1)).astimezone(zone).date()
    except OverflowError as error:
        message = "The window does not fit the calendar of that time zone."
        raise InvalidError(message) from error
    mondays = last.toordinal() - last.weekday() - (first.toordinal() - first.weekday())
    return mondays // _WEEK_DAYS + 1
