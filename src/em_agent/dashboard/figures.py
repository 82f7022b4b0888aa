"""The key figures of a window, each with what it was in the window before and with the incidents behind it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from em_agent.dashboard import formats
from em_agent.dashboard.filters import Filters
from em_agent.dashboard.timelines import ratio
from em_agent.errors import InvalidError
from em_agent.metrics.models import Duration, Group, IncidentMetrics
from em_agent.metrics.parameters import read_seconds
from em_agent.metrics.query import Query

ACKNOWLEDGE_WITHIN, RESOLVE_WITHIN = "5m", "1h"
# What the page offers; the URL may say anything else.
TARGETS = {
    "acknowledge_within": ("1m", "5m", "10m", "15m", "30m", "1h"),
    "resolve_within": ("30m", "1h", "2h", "4h", "8h", "24h"),
}
_OPEN = ("triggered", "acknowledged")
_NEARLY_NOTHING = 0.005
# Changes from which on a figure is shown as better or worse.
_TELLING, _TELLING_POINTS = 0.05, 2.0


@dataclass(frozen=True)
class Figure:
    """A number with its name; `kind` says how it is shown, `change` how it differs from the window before."""

    name: str
    metric: str
    kind: str
    value: float | None
    url: str
    note: str = ""
    change: str = ""
    is_better: bool | None = None


def targets(filters: Filters) -> dict[str, str]:
    """How soon incidents are to be acknowledged and resolved: what the URL says, or what is common."""
    return {
        "acknowledge_within": filters.value("acknowledge_within", ACKNOWLEDGE_WITHIN),
        "resolve_within": filters.value("resolve_within", RESOLVE_WITHIN),
    }


def with_targets(filters: Filters, *group_by: str) -> Query:
    """The page's query, which counts what met the targets too.

    Raises:
        InvalidError: a target is no duration.

    """
    asked = {name: (text,) for name, text in targets(filters).items()}
    seconds = {name: read_seconds(asked, name) for name in asked}
    if not all(seconds.values()):
        message = "A target must be longer than nothing."
        raise InvalidError(message)
    return replace(
        filters.grouped(*group_by),
        acknowledge_within_seconds=seconds["acknowledge_within"],
        resolve_within_seconds=seconds["resolve_within"],
    )


def key_figures(filters: Filters, metrics: IncidentMetrics) -> list[Figure]:
    """The figures of the one group of the window."""
    now = list(_figures(filters, metrics.groups[0]))
    if metrics.previous is None:
        return now
    before = {figure.metric: figure for figure in _figures(filters, metrics.previous.groups[0])}
    return [_compared(figure, before[figure.metric].value) for figure in now]


def _figures(filters: Filters, group: Group) -> Iterator[Figure]:
    asked = targets(filters)
    resolve, acknowledge = group.time_to_resolve_seconds, group.time_to_acknowledge_seconds
    slowest = filters.incidents_url(status=["resolved"], sort="-time_to_resolve_seconds")
    unseen = filters.incidents_url(sort="-time_to_acknowledge_seconds")
    yield Figure("Incidents", "incidents", "count", group.incidents, filters.incidents_url(), _high(group))
    yield Figure("Still open", "open", "count", group.open, filters.incidents_url(status=_OPEN), "of this window")
    yield Figure(
        "Time to acknowledge", "time_to_acknowledge_seconds.median", "seconds", acknowledge.median, unseen,
        _spread(acknowledge, "acknowledged"),
    )  # fmt: skip
    yield Figure(
        f"Acknowledged within {asked['acknowledge_within']}", "acknowledged_within", "share",
        ratio(group.acknowledged_within, acknowledge.count), unseen,
        f"{formats.number(group.acknowledged_within)} of {formats.number(acknowledge.count)} acknowledged",
    )  # fmt: skip
    yield Figure(
        "Time to resolve", "time_to_resolve_seconds.median", "seconds", resolve.median, slowest,
        _spread(resolve, "resolved"),
    )  # fmt: skip
    yield Figure(
        f"Resolved within {asked['resolve_within']}", "resolved_within", "share",
        ratio(group.resolved_within, resolve.count), slowest,
        f"{formats.number(group.resolved_within)} of {formats.number(resolve.count)} resolved",
    )  # fmt: skip


def _high(group: Group) -> str:
    return f"{formats.number(group.high_urgency)} of high urgency, {formats.number(group.reopened)} reopened"


def _spread(duration: Duration, word: str) -> str:
    """The band beside the median, and how many incidents both rest on."""
    ninth = f"90 % within {formats.duration(duration.p90)} · " if duration.p90 is not None else ""
    return f"median · {ninth}{formats.number(duration.count)} {word}"


def _compared(figure: Figure, before: float | None) -> Figure:
    """The figure with its change; of durations less is better, of shares more, and of counts neither."""
    value = figure.value
    if value is None or before is None:
        return replace(figure, change="nothing known before" if before is None else "")
    shown = {"count": formats.number, "seconds": formats.duration, "share": formats.percent}[figure.kind](before)
    if figure.kind == "share":
        points = (value - before) * 100
        if abs(points) < _NEARLY_NOTHING * 10:
            return replace(figure, change=f"as before ({shown})")
        arrow = "▲" if points > 0 else "▼"
        return replace(
            figure,
            change=f"{arrow} {abs(points):.1f} points, before {shown}",
            is_better=_telling(points, _TELLING_POINTS),
        )
    relative = (value - before) / before if before else None
    if value == before or (relative is not None and abs(relative) < _NEARLY_NOTHING):
        return replace(figure, change=f"as before ({shown})")
    arrow = "▲" if value > before else "▼"
    much = f"{abs(relative) * 100:.0f} %, " if relative is not None else ""
    return replace(
        figure,
        change=f"{arrow} {much}before {shown}",
        is_better=_telling(-(relative or 0), _TELLING) if figure.kind == "seconds" else None,
    )


def _telling(gain: float, least: float) -> bool | None:
    """Whether it became better, or None where it hardly changed."""
    return None if abs(gain) < least else gain > 0
