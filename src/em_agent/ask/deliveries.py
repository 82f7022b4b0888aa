"""Answers about deployments: the DORA metrics, with what each rests on."""

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from em_agent.ask.answers import Citation, Draft, day_range, span
from em_agent.ask.delivery_metrics import Metric
from em_agent.ask.names import mentioned
from em_agent.ask.questions import Question
from em_agent.kit.postgres import Pool
from em_agent.metrics.dora.meter import DoraMeter
from em_agent.metrics.dora.models import BandedDuration, DoraGroup, DoraMetrics
from em_agent.metrics.dora.names import deployed_services
from em_agent.metrics.dora.query import GROUPINGS, DoraQuery

_DEFAULT_DAYS = 30
_MOST_GROUPS = 12
_STATISTICS = ("median", "mean", "p90")
_NAMES: dict[Metric, str] = {
    "frequency": "Deployment frequency", "lead_time": "Lead time for changes", "failure_rate": "Change failure rate",
    "recovery": "Failed deployment recovery time", "rework": "Deployment rework rate",
}  # fmt: skip


async def answer_deliveries(draft: Draft, pool: Pool, question: Question, now: datetime) -> None:
    """Write the metrics that the question asks for, of the deployments of its window and service.

    Raises:
        RetriableError: the database does not answer.
        InvalidError: the window has too many groups.

    """
    metrics = question.deliveries
    query = await _query(draft, pool, question, now)
    measured = await DoraMeter(pool).measure(query, compare_previous=question.is_compared)
    _tell(draft, question, query, measured, metrics)
    if measured.previous:
        window = day_range(measured.previous.since, measured.previous.until, draft.zone)
        draft.say(f"The window of the same length before, {window}:")
        _tell_groups(draft, measured.previous.groups, query, metrics)
    newest = draft.time(measured.as_of) if measured.as_of else None
    basis = f"the newest event included was received {newest}" if newest else "no event is included yet"
    draft.say(
        f"Of production, in the window by when deployments finished; {basis}. Bands are those of DORA {query.edition}."
    )
    _cite(draft, query, measured, metrics)
    draft.abstained = not any(group.deployment_frequency.deployments for group in measured.groups)


async def _query(draft: Draft, pool: Pool, question: Question, now: datetime) -> DoraQuery:
    period, filters = question.period, question.filters
    services = filters.services or mentioned(question.topic, await deployed_services(pool), kind="service").names
    query = DoraQuery(
        since=now - timedelta(days=_DEFAULT_DAYS)
        if period is None
        else period.since or period.until - timedelta(days=365),
        until=now if period is None else period.until,
        timezone=draft.zone.key,
        services=tuple(services),
        urgencies=filters.urgencies,
        priorities=filters.priorities,
        group_by=tuple(name for name in question.group_by if name in GROUPINGS),
    )
    # A window that has only begun is compared with as much of the one before.
    return replace(query, until=now) if question.is_compared and query.since < now < query.until else query


def _tell(
    draft: Draft, question: Question, query: DoraQuery, measured: DoraMetrics, metrics: tuple[Metric, ...]
) -> None:
    named = "" if question.period else ", the last 30 days"
    of = f" of service {' or '.join(query.services)}" if query.services else ""
    draft.say(f"Deployments{of}, {day_range(measured.since, measured.until, draft.zone)}{named}:")
    if question.filters.teams:
        draft.say(f"These are not narrowed to team {' or '.join(question.filters.teams)}: deployments have none.")
    _tell_groups(draft, measured.groups, query, metrics)


def _tell_groups(draft: Draft, groups: list[DoraGroup], query: DoraQuery, metrics: tuple[Metric, ...]) -> None:
    shown = groups[:_MOST_GROUPS]
    for group in shown:
        name = ", ".join(value or "none" for value in group.key.values())
        for metric in metrics:
            draft.say(f"  {f'{name}: ' if query.group_by else ''}{_NAMES[metric]}: {_figure(metric, group)}")
    if len(groups) > len(shown):
        draft.say(f"  and {len(groups) - len(shown)} more groups.")
    if not groups:
        draft.say("  no deployments.")


def _figure(metric: Metric, group: DoraGroup) -> str:
    """The figure, how many it rests on, and its band."""
    rate, rework = group.change_failure_rate, group.deployment_rework_rate
    if metric == "lead_time":
        return _duration(group.lead_time_for_changes_seconds, "commits that were deployed")
    if metric == "recovery":
        return _duration(group.failed_deployment_recovery_time_seconds, "failed deployments that recovered")
    if metric == "failure_rate":
        return _share(rate.ratio, rate.failed, rate.deployments, "failed") + _band(rate.band)
    if metric == "rework":
        return _share(rework.ratio, rework.rework, rework.deployments, "were rollbacks or hotfixes")
    frequency = group.deployment_frequency
    if frequency.per_day is None:
        return "none"
    return f"{_counted(frequency.deployments)}, {frequency.per_day:.2g} a day{_band(frequency.band)}"


def _duration(value: BandedDuration, of: str) -> str:
    if not value.count:
        return f"unknown, for there were no {of}"
    figures = ", ".join(f"{statistic} {span(getattr(value, statistic))}" for statistic in _STATISTICS)
    return f"{figures}; over {value.count} {of}{_band(value.band)}"


def _share(ratio: float | None, part: int, whole: int, what: str) -> str:
    return (
        "unknown, for there were no deployments"
        if ratio is None
        else f"{ratio:.1%} ({part} of {_counted(whole)} {what})"
    )


def _counted(deployments: int) -> str:
    return f"{deployments} deployment{'' if deployments == 1 else 's'}"


def _band(band: str | None) -> str:
    return f"; {band}" if band else ""


def _cite(draft: Draft, query: DoraQuery, measured: DoraMetrics, metrics: tuple[Metric, ...]) -> None:
    """The metric itself, and the list of the deployments behind it."""
    window = day_range(measured.since, measured.until, draft.zone)
    given = [
        ("since", _iso(measured.since)),
        ("until", _iso(measured.until)),
        *(("service", name) for name in query.services),
    ]
    restricted = [*(("urgency", name) for name in query.urgencies), *(("priority", name) for name in query.priorities)]
    grouped = [("group_by", ",".join(query.group_by))] if query.group_by else []
    names = ", ".join(_NAMES[metric] for metric in metrics)
    total = sum(group.deployment_frequency.deployments for group in measured.groups)
    one = measured.groups[0] if len(measured.groups) == 1 else None
    quote = "; ".join(f"{_NAMES[metric]}: {_figure(metric, one)}" for metric in metrics) if one else _counted(total)
    for id_, path, title, parameters in (
        ("metrics:dora", "/v1/metrics/dora", f"{names}, {window}",
         [*given, ("timezone", query.timezone), ("edition", query.edition), *restricted, *grouped]),
        ("deployments", "/v1/deployments", f"The deployments behind it, {window}", [*given, *restricted]),
    ):  # fmt: skip
        url = f"{path}?{urlencode(parameters)}"
        draft.citations.append(Citation(id_, title, url, quote, "metric", None, measured.as_of))


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
