"""`mttr`: how fast incidents are acknowledged and resolved, with the window and the number of incidents behind it."""

from datetime import timedelta

from em_agent.metrics.models import Duration, Group, IncidentMetrics
from em_agent.metrics.query import Query
from em_agent.slack import blocks, text
from em_agent.slack.answers.answer import Answer, plain_answer
from em_agent.slack.answers.figures import counted, duration, moment, window
from em_agent.slack.answers.sources import Sources
from em_agent.slack.arguments import read_arguments

DEFAULT_DAYS = 30
_DAWN_YEARS = 50
_REST_ON = "A mean is of the incidents that have the time (n); open ones are counted apart."


async def mttr_answer(sources: Sources, given: str) -> Answer:
    """The times of a service, or of all of them, in a period: by default the last 30 days.

    Raises:
        InvalidError: the words name a service that there is none of.
        RetriableError: the database does not answer.

    """
    now = sources.now()
    wanted = await read_arguments(sources.pool, given, zone=sources.zone, now=now)
    until = wanted.until or now
    since = wanted.since or until - timedelta(days=DEFAULT_DAYS if wanted.until is None else 365 * _DAWN_YEARS)
    if since >= until:
        return plain_answer(f"Nothing has happened yet in {window(since, max(since, until), sources.zone)}.")
    query = Query(
        since=since,
        until=until,
        timezone=sources.zone.key,
        services=(wanted.service,) if wanted.service else (),
        urgencies=(wanted.urgency,) if wanted.urgency else (),
    )
    metrics = await sources.meter.measure(query, compare_previous=wanted.since is not None or wanted.until is None)
    return _answer(metrics, wanted.service, wanted.urgency, sources)


def _answer(metrics: IncidentMetrics, service: str | None, urgency: str | None, sources: Sources) -> Answer:
    group = metrics.groups[0]
    previous = metrics.previous.groups[0] if metrics.previous else None
    whose = text.line(service, 150) if service else "all services"
    about = f"{whose}, {urgency} urgency" if urgency else whose
    when = window(metrics.since, metrics.until, sources.zone)
    resolve = group.time_to_resolve_seconds
    said = (
        f"MTTR of {about}, {when}: {duration(resolve.mean)} "
        f"(median {duration(resolve.median)}, {counted(resolve.count, 'resolved incident')})"
    )
    shown = [
        blocks.rich(
            blocks.section(
                blocks.words(f"MTTR {duration(resolve.mean)}", "bold"),
                blocks.words(f"  {about}\n{when}, by time of trigger"),
            )
        ),
        blocks.fields(
            [
                ("Time to resolve", _spread(resolve)),
                ("Time to acknowledge", _spread(group.time_to_acknowledge_seconds)),
                ("Incidents", _counts(group)),
                ("The window before", _before(previous)),
            ]
        ),
        blocks.context(f"{_REST_ON} As of {moment(metrics.as_of, sources.zone)}."),
    ]
    return Answer(text.harmless(said, blocks.LONGEST_FALLBACK), (shown,))


def _spread(values: Duration) -> str:
    if not values.count:
        return "none has one (n = 0)"
    return (
        f"mean {duration(values.mean)}, median {duration(values.median)}, "
        f"p90 {duration(values.p90)} (n = {values.count:,})"
    )


def _counts(group: Group) -> str:
    parts = [counted(group.incidents, "incident"), f"{group.resolved:,} resolved", f"{group.open:,} open"]
    parts += [f"{group.reopened:,} reopened"] if group.reopened else []
    return ", ".join(parts)


def _before(previous: Group | None) -> str:
    if previous is None:
        return "\u2013"
    resolve = previous.time_to_resolve_seconds
    return f"MTTR {duration(resolve.mean)} (n = {resolve.count:,}), {counted(previous.incidents, 'incident')}"
