"""The five DORA metrics, how they went, and the deployments with the incidents that are linked to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from em_agent.dashboard import formats
from em_agent.dashboard.charts import bars, lines
from em_agent.dashboard.charts.chart import Cell, Chart, Row, Series
from em_agent.dashboard.charts.frame import Frame
from em_agent.dashboard.filters import Filters
from em_agent.dashboard.page import Page, Visit, panels
from em_agent.dashboard.timelines import rows_of
from em_agent.metrics.dora.deployments import DeploymentQuery, find_deployments
from em_agent.metrics.dora.editions import editions
from em_agent.metrics.dora.meter import DoraMeter
from em_agent.metrics.dora.models import DoraGroup, DoraMetrics
from em_agent.metrics.dora.query import DoraQuery, read_dora_query

PATH = "/v1/metrics/dora"
_LISTED = 25
_OF_DORA = ("environment", "edition")


@dataclass(frozen=True)
class Measure:
    """One of the five: its figure, the band or score of the edition, and what it rests on."""

    name: str
    metric: str
    kind: str
    value: float | None
    rests_on: str
    band: str | None
    score: float | None
    before: str


async def show(visit: Visit) -> Page:
    """The metrics of the deployments that finished in the window."""
    filters = visit.filters
    query = _query(filters)
    meter = DoraMeter(visit.backend.pool)
    shown = await panels(
        totals=meter.measure(query, compare_previous=filters.is_compared),
        over_time=_over_time(meter, filters, query),
        by_service=meter.measure(replace(query, group_by=("service",))),
        deployments=find_deployments(visit.backend.pool, _deployments(query, filters.value("cursor") or None)),
    )
    values = {
        "shown": shown,
        "edition": editions()[query.edition],
        "offered_editions": tuple(editions()),
        "environment": query.environments[0],
        "measures": measures,
        "charts": lambda metrics: list(charts(filters, metrics)),
        "csv_url": lambda *group_by: _api_url(filters, *group_by),
        "deployments_csv_url": filters.api_url(path="/v1/deployments", **_asked(filters)),
    }
    return Page("dora.html", "DORA", values)


async def _over_time(meter: DoraMeter, filters: Filters, query: DoraQuery) -> DoraMetrics:
    filters.buckets()
    return await meter.measure(replace(query, group_by=(filters.unit,)))


def measures(metrics: DoraMetrics) -> list[Measure]:
    """The five of the window's one group, with what they were in the window before."""
    before: list[Measure] = []
    if metrics.previous is not None and metrics.previous.groups:
        before = list(_measures(metrics.previous.groups[0]))
    now = list(_measures(metrics.groups[0]))
    if not before:
        return now
    return [replace(one, before=shown(other)) for one, other in zip(now, before, strict=True)]


def shown(measure: Measure) -> str:
    """The figure as text."""
    if measure.kind == "per_day":
        return formats.UNKNOWN if measure.value is None else f"{formats.number(round(measure.value, 2))} a day"
    return formats.percent(measure.value) if measure.kind == "share" else formats.duration(measure.value)


def _measures(group: DoraGroup) -> Iterator[Measure]:
    often, lead = group.deployment_frequency, group.lead_time_for_changes_seconds
    failure, recovery = group.change_failure_rate, group.failed_deployment_recovery_time_seconds
    rework = group.deployment_rework_rate
    days = formats.number(often.median_deploy_days_per_week)
    yield Measure(
        "Deployment frequency", "deployment_frequency.per_day", "per_day", often.per_day,
        f"{formats.number(often.deployments)} deployments, on a median of {days} days a week",
        often.band, often.score, "",
    )  # fmt: skip
    yield Measure(
        "Lead time for changes", "lead_time_for_changes_seconds.median", "seconds", lead.median,
        f"median of {formats.number(lead.count)} commits, 90 % within {formats.duration(lead.p90)}",
        lead.band, lead.score, "",
    )  # fmt: skip
    yield Measure(
        "Change failure rate", "change_failure_rate.ratio", "share", failure.ratio,
        f"{formats.number(failure.failed)} of {formats.number(failure.deployments)} deployments failed",
        failure.band, failure.score, "",
    )  # fmt: skip
    yield Measure(
        "Failed deployment recovery time", "failed_deployment_recovery_time_seconds.median", "seconds", recovery.median,
        f"median of {formats.number(recovery.count)} that recovered, 90 % within {formats.duration(recovery.p90)}",
        recovery.band, recovery.score, "",
    )  # fmt: skip
    yield Measure(
        "Deployment rework rate", "deployment_rework_rate.ratio", "share", rework.ratio,
        f"{formats.number(rework.rework)} of {formats.number(rework.deployments)} were rollbacks or hotfixes",
        None, rework.score, "",
    )  # fmt: skip


def charts(filters: Filters, metrics: DoraMetrics) -> Iterator[tuple[str, str, Chart]]:
    """What went how over time: heading, note and chart."""
    by_key = {group.key[filters.unit]: group for group in metrics.groups}
    groups = [by_key.get(stretch.key) or DoraGroup(key={filters.unit: stretch.key}) for stretch in filters.stretches()]
    frame = Frame(filters.stretches(), filters.unit, filters.query.zone)
    failed = [group.change_failure_rate.failed for group in groups]
    deployed = [group.deployment_frequency.deployments for group in groups]
    well = [max(all_ - bad, 0) for all_, bad in zip(deployed, failed, strict=True)]
    yield (
        "Deployments",
        "that finished with success; failed ones are linked to an incident, or rolled back",
        Chart(
            name="deployments-over-time",
            svg=bars.stacked(frame, "Deployments", [("high", failed), ("low", well)]),
            series=(Series("failed", "high", "bar"), Series("others", "low", "bar")),
            unit="deployments",
            count=sum(deployed),
            counted="deployments",
            rows=_rows(filters, [_counts(bad, good) for bad, good in zip(failed, well, strict=True)]),
            csv_url=_api_url(filters, filters.unit),
        ),
    )
    ratios = [group.change_failure_rate.ratio for group in groups]
    yield (
        "Change failure rate",
        "share of the deployments that failed",
        Chart(
            name="change-failure-rate",
            svg=lines.shares(frame, "Change failure rate", [("s2", ratios)]),
            series=(Series("failed", "s2", "line"),),
            unit="percent",
            count=sum(deployed),
            counted="deployments",
            rows=_rows(filters, [[Cell(formats.percent(one), one)] for one in ratios]),
            csv_url=_api_url(filters, filters.unit),
        ),
    )
    for field, title, kind, counted in (
        ("lead_time_for_changes_seconds", "Lead time for changes", "s1", "commits"),
        ("failed_deployment_recovery_time_seconds", "Recovery time", "s2", "failed deployments that recovered"),
    ):
        found = [getattr(group, field) for group in groups]
        cells = [
            (
                Cell(formats.duration(one.median), one.median),
                Cell(formats.duration(one.p90), one.p90),
                Cell(formats.number(one.count), one.count),
            )
            for one in found
        ]
        chart = Chart(
            name=field.replace("_", "-"),
            svg=lines.band(frame, title, [one.median for one in found], [one.p90 for one in found], kind),
            series=(Series("median", kind, "line"), Series("90th percentile", kind, "band"), Series("n", "", "")),
            unit="duration",
            count=sum(one.count for one in found),
            counted=counted,
            rows=_rows(filters, cells),
            csv_url=_api_url(filters, filters.unit),
        )
        yield title, "median, and up to the 90th percentile", chart


def _rows(filters: Filters, cells: Sequence[Sequence[Cell]]) -> list[Row]:
    return rows_of(filters, cells, lambda since, until: f"{filters.part_url(since, until)}#deployments")


def _counts(*values: int) -> list[Cell]:
    return [Cell(formats.number(value), value) for value in values]


def _query(filters: Filters) -> DoraQuery:
    given: dict[str, Any] = {name: filters.values(name) for name in ("service", "urgency", "priority", *_OF_DORA)}
    query = filters.query
    given["timezone"] = (query.timezone,)
    asked = read_dora_query(given, now=query.until, timezone=query.timezone)
    return replace(asked, since=query.since, until=query.until)


def _deployments(query: DoraQuery, cursor: str | None) -> DeploymentQuery:
    return DeploymentQuery(
        since=query.since,
        until=query.until,
        services=query.services,
        environments=query.environments,
        urgencies=query.urgencies,
        priorities=query.priorities,
        limit=_LISTED,
        cursor=cursor,
    )


def _asked(filters: Filters) -> dict[str, Any]:
    """What the DORA routes are asked, less what only the incidents' metrics know."""
    nothing = dict.fromkeys(("team", "clock", "attribute_by", "exclude_merged"))
    return {**nothing, "environment": filters.values("environment")}


def _api_url(filters: Filters, *group_by: str) -> str:
    return filters.api_url(*group_by, path=PATH, **_asked(filters), edition=filters.values("edition"))
