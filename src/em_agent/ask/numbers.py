"""Answers about numbers: out of the metrics, with what each rests on."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from em_agent.ask.answers import Citation, Draft, day_range, span
from em_agent.ask.measures import Measure
from em_agent.ask.questions import Question
from em_agent.metrics.incidents import IncidentMeter
from em_agent.metrics.models import Duration, Group, IncidentMetrics
from em_agent.metrics.query import Query

_DEFAULT_DAYS = 30
_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)  # of "before March": nothing is older
_MOST_GROUPS = 12
_STATISTICS = ("mean", "median", "p90")

# Words of the topic that ask for a figure, and name nothing.
_PLAIN = frozenset(
    (
        "high low urgency priority service services team teams total p50 p75 p90 p95 90th 95th percentile rate "
        "acknowledge acknowledged ack reopened escalated open merged day week month quick quickly fast trend better "
        "worse typical typically duration restore response respond alerts alert pages page paged paging busiest "
        "noisiest slowest fastest longest shortest fewest highest lowest best worst versus compared comparing "
        "improve improved improving calculate metrics statistics"
    ).split()
)
_NAMES = {
    "incidents": "Incidents", "open": "Open now", "resolved": "Resolved now", "acknowledged": "Acknowledged",
    "reopened": "Reopened at least once", "escalated": "Escalated at least once", "merged": "Closed by a merge",
    "auto_resolved": "Resolved by no person", "priority_raised": "Priority raised", "handed_over": "Handed over",
    "high_urgency": "High urgency", "time_to_acknowledge_seconds": "Time to acknowledge (MTTA)",
    "time_to_resolve_seconds": "Time to resolve (MTTR)", "active_seconds": "Active time",
}  # fmt: skip
_WITHOUT = {
    "time_to_acknowledge_seconds": ("acknowledged", "was acknowledged"),
    "time_to_resolve_seconds": ("resolved", "is resolved"),
    "active_seconds": ("resolved", "is resolved"),
}


async def answer_number(draft: Draft, meter: IncidentMeter, question: Question, now: datetime) -> None:
    """Write the figures that the question asks for, of its window and filters.

    Raises:
        RetriableError: the database does not answer.
        InvalidError: the window has too many groups.

    """
    query = _query(question, draft, now)
    compares_previous = question.is_compared and question.other_period is None
    if compares_previous:
        query = _until_now(query, now)
    metrics = await meter.measure(query, compare_previous=compares_previous)
    _tell_window(draft, question, metrics, query)
    _tell_groups(draft, question, metrics.groups, query)
    if metrics.previous:
        draft.say(
            f"The window of the same length before, "
            f"{day_range(metrics.previous.since, metrics.previous.until, draft.zone)}:"
        )
        _tell_groups(draft, question, metrics.previous.groups, query)
    if question.other_period:
        other = _query(question, draft, now, other=True)
        second = await meter.measure(other)
        draft.say(f"{day_range(question.other_period.since, question.other_period.until, draft.zone)}:")
        _tell_groups(draft, question, second.groups, other)
        _cite(draft, question, second, other)
    _tell_basis(draft, metrics)
    _cite(draft, question, metrics, query)
    total = sum(group.incidents for group in metrics.groups)
    if total == 0 and (metrics.as_of is None or any(measure.is_duration for measure in question.measures)):
        draft.abstained = True


def _query(question: Question, draft: Draft, now: datetime, *, other: bool = False) -> Query:
    period = question.other_period if other else question.period
    since = now - timedelta(days=_DEFAULT_DAYS) if period is None else period.since or _BEGIN
    filters = question.filters
    return Query(
        since=since,
        until=now if period is None else period.until,
        timezone=draft.zone.key,
        services=filters.services,
        teams=filters.teams,
        urgencies=filters.urgencies,
        priorities=filters.priorities,
        group_by=question.group_by,
    )


def _until_now(query: Query, now: datetime) -> Query:
    """A window that has only begun is compared with as much of the one before."""
    if query.since < now < query.until:
        return Query(
            query.since, now, query.timezone, query.clock, query.attribute_by, query.services, query.teams,
            query.urgencies, query.priorities, query.group_by, query.exclude_merged,
        )  # fmt: skip
    return query


def _tell_window(draft: Draft, question: Question, metrics: IncidentMetrics, query: Query) -> None:
    named = "" if question.period else ", the last 30 days"
    draft.say(f"{_scope(query)} triggered {day_range(metrics.since, metrics.until, draft.zone)}{named}:")
    words = _unused(question)
    if words:
        draft.say(f"These are not narrowed to {' '.join(words)}: I know no service, team or priority of that name.")


def _unused(question: Question) -> list[str]:
    """Words of the topic that were made into no filter."""
    filters = question.filters
    names = " ".join((*filters.services, *filters.teams, *filters.urgencies, *filters.priorities)).casefold()
    doubts = " ".join(question.notes).casefold()
    return [
        word
        for word in question.words
        if word not in _PLAIN and word not in names and word not in doubts and not word[:1].isdigit() and len(word) > 2  # noqa: PLR2004
    ]


def _scope(query: Query) -> str:
    parts = [
        f"{name} {' or '.join(values)}"
        for name, values in (
            ("service", query.services), ("team", query.teams),
            ("urgency", query.urgencies), ("priority", query.priorities),
        )
        if values
    ]  # fmt: skip
    return f"Incidents of {', '.join(parts)}" if parts else "Incidents"


def _tell_groups(draft: Draft, question: Question, groups: list[Group], query: Query) -> None:
    if not query.group_by:
        for measure in question.measures:
            draft.say(f"  {_figure(measure, groups[0] if groups else Group(key={}))}")
        return
    first = question.measures[0]
    counted = [group for group in groups if group.incidents]
    ranked = counted if query.units else sorted(counted, key=lambda group: -(_value(first, group) or -1.0))
    for group in ranked[:_MOST_GROUPS]:
        name = ", ".join(value or "none" for value in group.key.values())
        draft.say(f"  {name}: {'; '.join(_figure(measure, group) for measure in question.measures)}")
    if len(ranked) > _MOST_GROUPS:
        draft.say(f"  and {len(ranked) - _MOST_GROUPS} more groups.")
    if not ranked:
        draft.say("  no incidents.")


def _value(measure: Measure, group: Group) -> float | None:
    value = getattr(group, measure.field)
    number: float | None = getattr(value, measure.statistic or "mean") if isinstance(value, Duration) else value
    return number


def _figure(measure: Measure, group: Group) -> str:
    value, name = getattr(group, measure.field), _NAMES[measure.field]
    if not isinstance(value, Duration):
        of = f" of {group.incidents}" if measure.field != "incidents" else ""
        extra = (
            f" ({group.resolved} resolved, {group.open} open)"
            if measure.field == "incidents" and group.incidents
            else ""
        )
        return f"{name}: {value}{of}{extra}"
    counted, verb = _WITHOUT[measure.field]
    if not value.count:
        return f"{name}: unknown, for none of {group.incidents} incidents {verb}"
    asked = (measure.statistic,) if measure.statistic else ()
    others = [statistic for statistic in _STATISTICS if statistic not in asked]
    figures = [f"{statistic} {span(getattr(value, statistic))}" for statistic in (*asked, *others)]
    return f"{name}: {', '.join(figures)}; over {value.count} {counted} of {group.incidents} incidents"


def _tell_basis(draft: Draft, metrics: IncidentMetrics) -> None:
    newest = (
        f"the newest event included was received {draft.time(metrics.as_of)}"
        if metrics.as_of
        else "no event is included yet"
    )
    draft.say(
        f"By the senders' clock ({metrics.clock}), in the window by when they were {metrics.attribute_by}; {newest}."
    )


def _cite(draft: Draft, question: Question, metrics: IncidentMetrics, query: Query) -> None:
    """The metric itself, and the list of the incidents behind it."""
    given = [
        ("since", _iso(metrics.since)), ("until", _iso(metrics.until)), ("timezone", query.timezone),
        *(("service", name) for name in query.services), *(("team", name) for name in query.teams),
        *(("urgency", name) for name in query.urgencies), *(("priority", name) for name in query.priorities),
    ]  # fmt: skip
    grouped = [*given, ("group_by", ",".join(query.group_by))] if query.group_by else given
    window = day_range(metrics.since, metrics.until, draft.zone)
    names = ", ".join(_NAMES[measure.field] for measure in question.measures)
    for id_, path, title, parameters in (
        ("metrics:incidents", "/v1/metrics/incidents", f"{names}, {window}", grouped),
        ("incidents", "/v1/incidents", f"The incidents behind it, {window}", given),
    ):
        url = f"{path}?{urlencode(parameters)}"
        draft.citations.append(Citation(id_, title, url, _quoted(question, metrics), "metric", None, metrics.as_of))


def _quoted(question: Question, metrics: IncidentMetrics) -> str:
    group = metrics.groups[0] if len(metrics.groups) == 1 else None
    if group is None:
        return f"{sum(each.incidents for each in metrics.groups)} incidents in {len(metrics.groups)} groups"
    return "; ".join(_figure(measure, group) for measure in question.measures)


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
