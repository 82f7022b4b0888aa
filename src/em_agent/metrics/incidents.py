"""Incident metrics out of the marts."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg

from em_agent.kit.postgres import Pool, reachable
from em_agent.kit.process import run_in_turn
from em_agent.metrics.buckets import Buckets, cut
from em_agent.metrics.completeness import count_known
from em_agent.metrics.layout import lay_out
from em_agent.metrics.models import Completeness, Group, IncidentMetrics, Window, read_duration
from em_agent.metrics.query import Query
from em_agent.metrics.sql import DURATIONS, build

MOST_REMEMBERED = 5_000  # groups of all answers together, of some 2 KB each
_LEAST = 20  # groups that an answer counts as: its key takes room, too
LARGE = 500  # groups, from which on putting them together would keep others waiting

# The marks by which an answer is known to be as new as the marts: any run that changes a mart changes one of them.
_VERSION = """
SELECT as_of, built_at, (SELECT max(transformed_at) FROM warehouse.fct_incidents) AS incidents,
    (SELECT max(transformed_at) FROM warehouse.fct_incidents_received) AS received
FROM warehouse.freshness
"""
# A plan made for any window would not go by the window's index.
_SETTINGS = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"

_COUNTS = tuple(name for name, field in Group.model_fields.items() if field.annotation in {int, int | None})


@dataclass(frozen=True, slots=True)
class _Version:
    as_of: datetime | None
    marks: tuple[datetime | None, ...]


class IncidentMeter:
    """Answers queries, and remembers the newest answers until the marts change; one for each process."""

    def __init__(self, pool: Pool) -> None:
        """Read the marts through `pool`."""
        self._pool = pool
        self._answers: OrderedDict[tuple[Query, _Version], list[Group]] = OrderedDict()  # the one used last behind

    async def measure(self, query: Query, *, compare_previous: bool = False) -> IncidentMetrics:
        """The metrics of the query's window; where the marts were never built, those of no incidents.

        Raises:
            InvalidError: the query asks for too many groups.
            RetriableError: the database does not answer.

        """
        previous = query.previous() if compare_previous else None
        async with reachable(), self._pool.acquire() as connection:
            version = await _read_version(connection)
            groups = await self._groups(connection, query, version)
            before = await self._groups(connection, previous, version) if previous else None
        return IncidentMetrics(
            since=query.since,
            until=query.until,
            timezone=query.timezone,
            clock=query.clock,
            attribute_by=query.attribute_by,
            as_of=version.as_of if version else None,
            groups=groups,
            previous=Window(since=previous.since, until=previous.until, groups=before)
            if previous and before is not None
            else None,
        )

    async def completeness(self, query: Query) -> Completeness:
        """Who told of the incidents of the query's window.

        Raises:
            RetriableError: the database does not answer.

        """
        async with reachable(), self._pool.acquire() as connection:
            version = await _read_version(connection)
            counts = await count_known(connection, query) if version else {}
        return Completeness(
            since=query.since,
            until=query.until,
            timezone=query.timezone,
            as_of=version.as_of if version else None,
            **counts,
        )

    async def _groups(
        self,
        connection: Any,  # noqa: ANN401 - one of the pool
        query: Query,
        version: _Version | None,
    ) -> list[Group]:
        buckets = cut(query.since, query.until, query.zone, query.units) if query.units else None
        if version is None:
            return _fill(query, buckets, [])
        known = self._answers.get((query, version))
        if known is None:
            statement = build(query, buckets)
            async with connection.transaction(readonly=True):
                await connection.execute(_SETTINGS)
                rows = await connection.fetch(statement.text, *statement.arguments)
            most = max(len(rows), 1) * (len(buckets.keys) if buckets else 1)
            if most > LARGE:
                known = await run_in_turn(partial(_fill, query, buckets, rows))
            else:
                known = _fill(query, buckets, rows)
        self._remember((query, version), known)
        return known

    def _remember(self, key: tuple[Query, _Version], groups: list[Group]) -> None:
        """Keep the answer, and as many of those used before it as there is room for; one that is too long never."""
        self._answers[key] = groups
        self._answers.move_to_end(key)
        if len(groups) > MOST_REMEMBERED:
            del self._answers[key]
        while sum(max(len(kept), _LEAST) for kept in self._answers.values()) > MOST_REMEMBERED:
            self._answers.popitem(last=False)


async def _read_version(connection: Any) -> _Version | None:  # noqa: ANN401 - one of the pool
    """The state of the marts, or None before they are built."""
    try:
        row = await connection.fetchrow(_VERSION)
    except asyncpg.UndefinedTableError:
        return None
    return _Version(row["as_of"], tuple(row.values())) if row else _Version(None, ())


def _fill(query: Query, buckets: Buckets | None, rows: Sequence[Mapping[str, Any]]) -> list[Group]:
    """The groups in the order of their keys, null last, with one for each bucket that has no incidents."""
    found = {(_labels(query, row), row["bucket"] - 1 if buckets else 0): row for row in rows}
    groups = []
    for place, key in lay_out(query.group_by, query.labels, found, buckets):
        group = _group(query, found.get(place), key)
        if buckets:
            group.incomplete = None
        groups.append(group)
    return groups


def _labels(query: Query, row: Mapping[str, Any]) -> tuple[str | None, ...]:
    return tuple(row[f"label_{n}"] for n in range(len(query.labels)))


def _group(query: Query, row: Mapping[str, Any] | None, key: dict[str, str | None]) -> Group:
    if row is None:
        nothing: dict[str, Any] = {name: 0 for name, seconds in query.targets.items() if seconds is not None}
        return Group(key=key, **nothing)
    values: dict[str, Any] = {name: row[name] for name in _COUNTS}
    values.update({name: read_duration(row, name) for name in DURATIONS})
    return Group(key=key, **values)
