"""The first page: how incidents go, why, and what to look at next."""

from dataclasses import dataclass
from typing import Any

from em_agent.dashboard import timelines
from em_agent.dashboard.figures import TARGETS, key_figures, targets, with_targets
from em_agent.dashboard.filters import Filters
from em_agent.dashboard.page import Page, Visit, panels
from em_agent.incidents.query import OPEN, IncidentQuery
from em_agent.incidents.read import count, find_page
from em_agent.metrics.models import Group, IncidentMetrics

_OPEN_SHOWN = 6
_SERVICES_SHOWN = 5
ENOUGH = 3  # resolved incidents, from which on a service's median says something


@dataclass(frozen=True)
class OpenNow:
    """The incidents that are open, whenever they were triggered: how many, and the newest."""

    count: int
    newest: list[Any]
    url: str


async def show(visit: Visit) -> Page:
    """The overview of the window."""
    meter, filters = visit.backend.meter, visit.filters
    unit = filters.unit
    shown = await panels(
        totals=meter.measure(with_targets(filters), compare_previous=filters.is_compared),
        over_time=timelines.measure(meter, filters, with_targets(filters, unit)),
        mix=timelines.measure(meter, filters, timelines.mix(filters)),
        by_service=meter.measure(filters.grouped("service")),
        open=_find_open(visit),
    )
    return Page(
        "overview.html",
        "Overview",
        {
            "shown": shown,
            "key_figures": key_figures,
            "timelines": timelines,
            "targets": targets(filters),
            "offered": TARGETS,
            "extremes": extremes,
        },
    )


def extremes(metrics: IncidentMetrics) -> tuple[list[Group], list[Group]]:
    """The services that take longest to resolve incidents, and those that are quickest, longest and quickest first."""
    known = [
        group
        for group in metrics.groups
        if group.time_to_resolve_seconds.count >= ENOUGH and group.key["service"] is not None
    ]
    ranked = sorted(known, key=lambda group: -(group.time_to_resolve_seconds.median or 0))
    most = min(_SERVICES_SHOWN, (len(ranked) + 1) // 2)
    return ranked[:most], ranked[most:][::-1][:most]


async def _find_open(visit: Visit) -> OpenNow:
    query = open_query(visit.filters, _OPEN_SHOWN)
    page = await find_page(visit.backend.pool, query)
    total = await count(visit.backend.pool, query) if page.next_cursor else len(page.rows)
    return OpenNow(total, list(page.rows), visit.filters.open_incidents_url())


def open_query(filters: Filters, limit: int) -> IncidentQuery:
    """The open incidents that the filters leave, of any time."""
    query = filters.query
    return IncidentQuery(
        service=query.services,
        team=query.teams,
        urgency=query.urgencies,
        priority=query.priorities,
        status=sorted(OPEN),
        limit=limit,
    )
