"""The charts of incidents over time, out of what the meter measures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from em_agent.dashboard import formats
from em_agent.dashboard.charts import bars, lines
from em_agent.dashboard.charts.chart import Cell, Chart, Row, Series
from em_agent.dashboard.charts.frame import Frame, label
from em_agent.dashboard.filters import Filters
from em_agent.metrics.incidents import IncidentMeter
from em_agent.metrics.models import Duration, Group, IncidentMetrics
from em_agent.metrics.query import Query

_TO_RESOLVE, _TO_ACKNOWLEDGE = "time_to_resolve_seconds", "time_to_acknowledge_seconds"
_NONE = "none"
MOST_PRIORITIES = 5


def mix(filters: Filters) -> Query:
    """What asks for the counts by urgency and priority over time, both at once."""
    return replace(filters.grouped("urgency", "priority", filters.unit), counts_only=True)


async def measure(meter: IncidentMeter, filters: Filters, query: Query) -> IncidentMetrics:
    """What the meter measures for a chart over time, where a chart can show the window.

    Raises:
        InvalidError: it would have too many days, weeks or months.
        RetriableError: the database does not answer.

    """
    filters.buckets()
    return await meter.measure(query)


def durations(filters: Filters, metrics: IncidentMetrics, field: str, title: str, kind: str) -> Chart:
    """Median and 90th percentile of a duration over time."""
    groups = _in_order(filters, metrics.groups)
    found = [_duration(group, field) for group in groups]
    frame = _frame(filters)
    svg = lines.band(frame, title, [one.median for one in found], [one.p90 for one in found], kind)
    cells = [(_seconds(one.median), _seconds(one.p90), Cell(formats.number(one.count), one.count)) for one in found]
    counted = "resolved" if field == _TO_RESOLVE else "acknowledged"
    return Chart(
        name=title.lower().replace(" ", "-"),
        svg=svg,
        series=(Series("median", kind, "line"), Series("90th percentile", kind, "band"), Series("n", "", "")),
        unit="duration",
        count=sum(one.count for one in found),
        counted=f"{counted} incidents",
        rows=rows_of(filters, cells),
        csv_url=filters.api_url(filters.unit),
    )


def volume(filters: Filters, metrics: IncidentMetrics, label_name: str, title: str) -> Chart:
    """Incidents over time by urgency or priority; of many priorities, the rarest together."""
    by_value: dict[str | None, dict[str | None, int]] = {}
    for group in metrics.groups:
        counts_of = by_value.setdefault(group.key[label_name], {})
        counts_of[group.key[filters.unit]] = counts_of.get(group.key[filters.unit], 0) + group.incidents
    keys = [stretch.key for stretch in filters.stretches()]
    series = _shown(label_name, by_value)
    counts = [[sum(by_value[value].get(key, 0) for value in values) for key in keys] for _, _, values in series]
    drawn = [(kind, numbers) for (_, kind, _), numbers in zip(series, counts, strict=True)]
    if not drawn:
        drawn = [("other", [0] * len(keys))]
    cells = [
        tuple(Cell(formats.number(numbers[number]), numbers[number]) for numbers in counts)
        for number in range(len(keys))
    ]
    return Chart(
        name=f"volume-by-{label_name}",
        svg=bars.stacked(_frame(filters), title, drawn),
        series=tuple(Series(name, kind, "bar") for name, kind, _ in series),
        unit="incidents",
        count=sum(map(sum, counts)),
        counted="incidents",
        rows=rows_of(filters, cells),
        csv_url=filters.api_url(label_name, filters.unit),
    )


def targets(filters: Filters, metrics: IncidentMetrics, title: str, **asked: str) -> Chart:
    """The shares of incidents that met a target, over time, of those resolved and of those acknowledged."""
    groups = _in_order(filters, metrics.groups)
    acknowledged = [ratio(group.acknowledged_within, group.time_to_acknowledge_seconds.count) for group in groups]
    resolved = [ratio(group.resolved_within, group.time_to_resolve_seconds.count) for group in groups]
    cells = [
        (Cell(formats.percent(one), one), Cell(formats.percent(other), other))
        for one, other in zip(acknowledged, resolved, strict=True)
    ]
    return Chart(
        name="targets",
        svg=lines.shares(_frame(filters), title, [("s2", acknowledged), ("s1", resolved)]),
        series=(
            Series(f"acknowledged within {asked['acknowledge_within']}", "s2", "line"),
            Series(f"resolved within {asked['resolve_within']}", "s1", "line"),
        ),
        unit="percent",
        count=sum(group.incidents for group in groups),
        counted="incidents",
        rows=rows_of(filters, cells),
        csv_url=filters.api_url(filters.unit, **asked),
    )


def ratio(part: int | None, whole: int) -> float | None:
    """The part of the whole; unknown where there is nothing to be a part of."""
    return None if part is None or not whole else part / whole


def _in_order(filters: Filters, groups: Sequence[Group]) -> list[Group]:
    """A group for each stretch."""
    by_key = {group.key[filters.unit]: group for group in groups}
    return [by_key.get(stretch.key) or Group(key={filters.unit: stretch.key}) for stretch in filters.stretches()]


def _duration(group: Group, field: str) -> Duration:
    return group.time_to_resolve_seconds if field == _TO_RESOLVE else group.time_to_acknowledge_seconds


def _seconds(value: float | None) -> Cell:
    return Cell(formats.duration(value), value)


def _frame(filters: Filters) -> Frame:
    return Frame(filters.stretches(), filters.unit, filters.query.zone)


def rows_of(
    filters: Filters, cells: Sequence[Sequence[Cell]], behind: Callable[[datetime, datetime], str] | None = None
) -> list[Row]:
    """A row of the table for each stretch, with the way to what is behind it: its incidents unless said otherwise."""
    zone, to = filters.query.zone, behind or filters.incidents_url
    return [
        Row(
            stretch.key,
            label(filters.unit, stretch.since, zone),
            to(stretch.since, stretch.until),
            stretch.is_whole,
            row,
        )
        for stretch, row in zip(filters.stretches(), cells, strict=True)
    ]


def _shown(
    name: str, by_value: Mapping[str | None, Mapping[str | None, int]]
) -> list[tuple[str, str, tuple[str | None, ...]]]:
    """Each part of the bars: its name, its class, and the values that it stands for."""
    if name == "urgency":
        known = [("high", "high", ("high",)), ("low", "low", ("low",))]
        rest = tuple(value for value in by_value if value not in {"high", "low"})
        shown: list[tuple[str, str, tuple[str | None, ...]]] = [part for part in known if part[0] in by_value]
        return [*shown, *([(_NONE, "other", rest)] if rest else [])]
    named = sorted(value for value in by_value if value is not None)
    often = set(sorted(named, key=lambda value: -sum(by_value[value].values()))[:MOST_PRIORITIES])
    parts: list[tuple[str, str, tuple[str | None, ...]]] = [
        (value, f"p{number}", (value,)) for number, value in enumerate((v for v in named if v in often), 1)
    ]
    rest = tuple(value for value in named if value not in often)
    if rest:
        parts.append(("others", "low", rest))
    return [*parts, *([(_NONE, "other", (None,))] if None in by_value else [])]
