"""The list of incidents: those of the window and filters, or those that a search finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from em_agent.dashboard.filters import Filters
from em_agent.dashboard.page import Page, Visit, panels
from em_agent.errors import InvalidError
from em_agent.incidents.query import SORT_COLUMNS, IncidentQuery
from em_agent.incidents.read import count_by_status, find_page
from em_agent.kit.postgres import reachable
from em_agent.search.filters import Filters as SearchFilters
from em_agent.search.query import Outcome

STATUSES = {
    "open": ("triggered", "acknowledged"),
    "triggered": ("triggered",),
    "acknowledged": ("acknowledged",),
    "resolved": ("resolved",),
}
DEFAULT_SORT = "-triggered_at"
PAGE_SIZE = 50
MOST_FOUND = 50
_LONGEST_QUESTION = 1_000


@dataclass(frozen=True)
class Listed:
    """A page of the list, and how many incidents there are by status."""

    rows: Sequence[asyncpg.Record]
    next_cursor: str | None
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All incidents of the list, whatever the page."""
        return sum(self.counts.values())


async def show(visit: Visit) -> Page:
    """The list, or what the words in `q` find.

    Raises:
        InvalidError: a parameter is wrong.

    """
    filters = visit.filters
    q = filters.value("q").strip()
    if len(q) > _LONGEST_QUESTION:
        message = f"q is longer than {_LONGEST_QUESTION} characters: search for fewer words."
        raise InvalidError(message)
    is_windowed = any(filters.values(name) for name in ("window", "since", "until"))
    query = _query(filters)
    shown = await (panels(found=_find(visit, q, is_windowed=is_windowed)) if q else panels(listed=_list(visit, query)))
    values = {
        "shown": shown,
        "q": q,
        "is_windowed": is_windowed,
        "sort": query.sort,
        "columns": {column: _sort_url(filters, query.sort, column) for column in SORT_COLUMNS},
        "statuses": STATUSES,
    }
    return Page("incidents.html", f"{q[:60]}: incidents" if q else "Incidents", values)


def _query(filters: Filters) -> IncidentQuery:
    asked = filters.query
    query = IncidentQuery(
        since=asked.since,
        until=asked.until,
        window_column=f"{asked.attribute_by}_at",
        service=asked.services,
        team=asked.teams,
        urgency=asked.urgencies,
        priority=asked.priorities,
        status=_statuses(filters),
        exclude_merged=asked.exclude_merged,
        sort=filters.value("sort", DEFAULT_SORT),
        limit=PAGE_SIZE,
        cursor=filters.value("cursor") or None,
    )
    _ = query.sort_column  # a wrong one is said before anything is asked
    return query


def _statuses(filters: Filters) -> tuple[str, ...]:
    given = filters.values("status")
    for text in given:
        if text not in STATUSES:
            message = f"status must be one of {', '.join(STATUSES)}."
            raise InvalidError(message)
    return tuple(dict.fromkeys(status for text in given for status in STATUSES[text]))


async def _list(visit: Visit, query: IncidentQuery) -> Listed:
    async with reachable():
        page = await find_page(visit.backend.pool, query)
        return Listed(page.rows, page.next_cursor, await count_by_status(visit.backend.pool, query))


async def _find(visit: Visit, q: str, *, is_windowed: bool) -> Outcome:
    asked = visit.filters.query
    where = SearchFilters(
        service=asked.services,
        team=asked.teams,
        urgency=asked.urgencies,
        priority=asked.priorities,
        status=_statuses(visit.filters),
        since=asked.since if is_windowed else None,
        until=asked.until if is_windowed else None,
    )
    async with reachable():
        return await visit.backend.search.search(q.replace("\x00", " "), MOST_FOUND, where)


def _sort_url(filters: Filters, sort: str, column: str) -> str:
    """The same list by the column; the other way round if it is by that column now."""
    is_descending = sort == f"-{column}"
    return filters.url(sort=column if is_descending else f"-{column}")
