"""The services: a table of all, and a page for each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from em_agent.dashboard import timelines
from em_agent.dashboard.charts.sparks import spark
from em_agent.dashboard.figures import TARGETS, key_figures, targets, with_targets
from em_agent.dashboard.filters import Filters
from em_agent.dashboard.page import Page, Visit, panels
from em_agent.dashboard.pages.overview import open_query
from em_agent.errors import InvalidError, NotFoundError
from em_agent.incidents.query import IncidentQuery
from em_agent.incidents.read import Page as IncidentPage
from em_agent.incidents.read import find_page
from em_agent.metrics.models import Group, IncidentMetrics
from em_agent.metrics.names import find_service

PAGE_SIZE = 50
_LISTED = 8
_MOST_PAGES = 100_000
Rank = tuple[bool, float, str]


@dataclass(frozen=True)
class Column:
    """A column of the table: its heading, and the link that sorts by it."""

    name: str
    heading: str
    url: str
    order: str | None


@dataclass(frozen=True)
class Table:
    """A page of services in their order, their lines over time, and where the other pages are."""

    groups: list[Group]
    total: int
    page: int
    before_url: str | None
    after_url: str | None
    sparks: Mapping[str | None, IncidentMetrics]


_HEADINGS = {
    "name": "Service",
    "incidents": "Incidents",
    "open": "Open",
    "high_urgency": "High urgency",
    "acknowledge": "Median to acknowledge",
    "resolve": "Median to resolve",
    "p90": "90 % resolved within",
    "within": "Within target",
    "reopened": "Reopened",
}


async def show(visit: Visit) -> Page:
    """All services of the window, the one with most incidents first unless sorted otherwise."""
    filters = visit.filters
    sort = filters.value("sort", "-incidents")
    if sort.removeprefix("-") not in _HEADINGS:
        message = f"sort must be one of {', '.join(_HEADINGS)}, with - before it for the reverse order."
        raise InvalidError(message)
    shown = await panels(table=_table(visit, sort))
    values = {
        "shown": shown,
        "columns": [_column(filters, name, sort) for name in _HEADINGS],
        "targets": targets(filters),
        "offered": TARGETS,
        "ratio": timelines.ratio,
        "spark_of": _spark_of,
    }
    return Page("services.html", "Services", values)


async def _table(visit: Visit, sort: str) -> tuple[Table, IncidentMetrics]:
    filters, meter = visit.filters, visit.backend.meter
    metrics = await meter.measure(with_targets(filters, "service"))
    ranked = sorted(metrics.groups, key=lambda group: _rank(group, sort.removeprefix("-"), sort.startswith("-")))
    number = _page_number(filters)
    shown = ranked[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    by_service = await _over_time(visit, shown)
    has_more = number * PAGE_SIZE < len(ranked)
    before = filters.url(page=str(number - 1)) if number > 1 else None
    after = filters.url(page=str(number + 1)) if has_more else None
    return Table(shown, len(ranked), number, before, after, by_service), metrics


async def _over_time(visit: Visit, shown: list[Group]) -> dict[str | None, IncidentMetrics]:
    """What the services' lines show; nothing where the window is longer than a line can show."""
    filters = visit.filters
    names = tuple(group.key["service"] for group in shown if group.key["service"] is not None)
    if not names or not filters.is_drawable:
        return {}
    asked = replace(filters.grouped("service", filters.unit), services=names)
    over_time = await visit.backend.meter.measure(asked)
    found: dict[str | None, list[Group]] = {}
    for group in over_time.groups:
        found.setdefault(group.key["service"], []).append(group)
    return {name: over_time.model_copy(update={"groups": groups}) for name, groups in found.items()}


def _page_number(filters: Filters) -> int:
    text = filters.value("page", "1")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0  # noqa: PLR2004
    if not 0 < number <= _MOST_PAGES:
        message = "page must be a number from 1 on."
        raise InvalidError(message)
    return number


def _rank(group: Group, column: str, is_descending: bool) -> Rank:  # noqa: FBT001
    """Where the service stands; those of which the value is unknown stand last, whatever the order."""
    resolve = group.time_to_resolve_seconds
    name = group.key["service"] or ""
    if column == "name":
        return (
            not name,
            0.0,
            name.lower() if not is_descending else "".join(chr(0x10FFFF - ord(c)) for c in name.lower()),
        )
    values: Mapping[str, float | None] = {
        "incidents": group.incidents,
        "open": group.open,
        "high_urgency": group.high_urgency,
        "acknowledge": group.time_to_acknowledge_seconds.median,
        "resolve": resolve.median,
        "p90": resolve.p90,
        "within": timelines.ratio(group.resolved_within, resolve.count),
        "reopened": group.reopened,
    }
    value = values[column]
    return (value is None, (-1 if is_descending else 1) * (value or 0), name)


def _column(filters: Filters, name: str, sort: str) -> Column:
    """The heading; if the table is sorted by it, it turns the order round, else it puts the most first."""
    is_sorted = sort.removeprefix("-") == name
    is_descending = sort.startswith("-")
    first = name if name == "name" else f"-{name}"
    wanted = (name if is_descending else f"-{name}") if is_sorted else first
    order = ("descending" if is_descending else "ascending") if is_sorted else None
    return Column(name, _HEADINGS[name], filters.url(sort=wanted, page=None), order)


def _spark_of(metrics: IncidentMetrics | None, field: str, unit: str) -> object:
    groups = metrics.groups if metrics else []
    if field == "incidents":
        return spark(f"Incidents by {unit}", [group.incidents for group in groups], "s1")
    return spark(f"Median time to resolve by {unit}", [group.time_to_resolve_seconds.median for group in groups], "s1")


async def show_one(visit: Visit) -> Page:
    """One service: its figures, how they went, its open incidents and those that took longest.

    Raises:
        NotFoundError: no incident has named it.

    """
    given = visit.parameter("service")
    found = await find_service(visit.backend.pool, given)
    if found is None:
        message = f"There is no service {given[:100]!r} among the incidents that have arrived."
        raise NotFoundError(message)
    service_id, name = found
    filters = of_service(visit.filters, service_id)
    meter, unit = visit.backend.meter, filters.unit
    shown = await panels(
        totals=meter.measure(with_targets(filters), compare_previous=filters.is_compared),
        over_time=timelines.measure(meter, filters, with_targets(filters, unit)),
        mix=timelines.measure(meter, filters, timelines.mix(filters)),
        open=find_page(visit.backend.pool, open_query(filters, _LISTED)),
        longest=_longest(visit, filters),
    )
    values = {
        "shown": shown,
        "name": name,
        "service_id": service_id,
        "of_service": filters,
        "key_figures": key_figures,
        "timelines": timelines,
        "targets": targets(filters),
        "offered": TARGETS,
    }
    return Page("service.html", name, values)


def of_service(filters: Filters, service_id: str) -> Filters:
    """The filters of the page, for this service whatever else is chosen."""
    return replace(
        filters,
        given={**filters.given, "service": (service_id,)},
        query=replace(filters.query, services=(service_id,)),
    )


async def _longest(visit: Visit, filters: Filters) -> IncidentPage:
    query = filters.query
    return await find_page(
        visit.backend.pool,
        IncidentQuery(
            since=query.since,
            until=query.until,
            window_column=f"{query.attribute_by}_at",
            service=query.services,
            team=query.teams,
            urgency=query.urgencies,
            priority=query.priorities,
            status=("resolved",),
            exclude_merged=query.exclude_merged,
            sort="-time_to_resolve_seconds",
            limit=_LISTED,
        ),
    )
