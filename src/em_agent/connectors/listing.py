"""Reads the incidents themselves: in pages, newest first, or one by one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from em_agent.connectors import incidents
from em_agent.connectors.failures import Failures
from em_agent.connectors.intake import take_in
from em_agent.connectors.job import Job
from em_agent.connectors.rights import find_access
from em_agent.connectors.spans import Span, spans_between
from em_agent.connectors.walk import Prepare, Take, plan, walk
from em_agent.domain.times import parse_time
from em_agent.integrations.pagerduty import paging
from em_agent.integrations.pagerduty.failures import NotPermittedError
from em_agent.integrations.pagerduty.paging import PAGE, Listing, Page, Place, next_page
from em_agent.integrations.pagerduty.rows import Row, incident_of_look, incident_row

PATH, MEMBER = "/incidents", "incidents"
NEWEST_FIRST = ("sort_by", "created_at:desc")
# What is created while we list must not push the end beyond what can be listed.
_ROOM = 500
_SHORT = timedelta(days=90)


async def list_selected(job: Job) -> None:
    """Read every incident of the selection, newest first."""
    wanted: list[Row] = []

    async def choose(page: Page) -> None:
        wanted[:] = await _selected(job, page.rows)
        await look_up(job, wanted)

    async def take(_: Page) -> bool:
        await take_incidents(job, wanted)
        return job.selection.limit is None or job.run.fetched < job.selection.limit

    if "spans" not in job.place:
        plan(job, await _spans(job))
    # A span is asked for with more than the selection holds: of its first page all may be beside it.
    size = PAGE if job.selection.has_dates else min(PAGE, job.selection.limit or PAGE)
    await walk(job, PATH, MEMBER, [NEWEST_FIRST, *job.selection.filters], take, prepare=choose, size=size)


async def _selected(job: Job, rows: Sequence[Row]) -> list[Row]:
    """Those of the rows that are selected, and that the run does not have yet."""
    found = [row for row in rows if job.selection.holds(row)]
    known = await incidents.known(job, [str(row.get("id")) for row in found])
    found = [row for row in found if row.get("id") not in known]
    return found if job.selection.limit is None else found[: job.selection.limit - job.run.fetched]


async def _spans(job: Job) -> list[Span]:
    """The time to be listed, in as few questions as can be."""
    selection = job.selection
    if not selection.has_dates and (selection.limit or paging.CAP) <= paging.CAP - _ROOM:
        return [Span()]
    first = await next_page(
        job.api,
        Listing(PATH, MEMBER, [("date_range", "all"), ("sort_by", "created_at:asc"), *selection.filters]),
        Place(),
        size=1,
    )
    created = [at for row in first.rows if (at := parse_time(row.get("created_at"))) is not None]
    if not created:
        return [Span()]
    job.place["oldest"] = created[0].isoformat()
    since = max(created[0], selection.since) if selection.since else created[0]
    until = min(selection.until or job.run.started_at, job.run.started_at)
    is_long = until - since >= _SHORT
    if not selection.has_dates and is_long and (first.total or paging.CAP) <= paging.CAP - _ROOM:
        return [Span()]
    return spans_between(since, until) if since <= until else []


async def look_up(job: Job, found: Sequence[Row]) -> None:
    """Ask for what else is needed of the incidents: how their log can be read, and their alerts."""
    ids = [str(row.get("id")) for row in found]
    if ids and not job.access:
        await find_access(job, ids)
    if job.selection.alerts:
        await _look_up_alerts(job, ids)


async def take_incidents(job: Job, found: Sequence[Row], *, only_new: bool = False) -> None:
    """Take the incidents in, and have the run finish them; with `only_new` those that look as before are left alone."""
    rows = []
    created: dict[str, datetime | None] = {}
    for incident in found:
        incident_id = str(incident.get("id"))
        row = job.rows_of(incident_row, (incident,), has_log=job.access != "none", alerts=job.alerts.get(incident_id))
        if row:
            rows += row
            created[incident_id] = parse_time(incident.get("created_at"))
    taken = await take_in(job.connection, rows)
    job.refuse(taken.refused)
    taken.changed |= await incidents.note_there(job, created)
    for refused, _ in taken.refused:
        created.pop(incident_of_look(refused.delivery_id), None)
    if only_new:
        wanted = taken.changed | await incidents.known(job, created)
        created = {incident_id: at for incident_id, at in created.items() if incident_id in wanted}
    job.run.fetched += await incidents.add_fetched(job, created)
    await incidents.note_changed(job, taken.changed)


async def list_recent(job: Job, since: datetime) -> None:
    """Read the incidents that were created since then."""
    plan(job, spans_between(since, job.run.started_at))

    await walk(job, PATH, MEMBER, [NEWEST_FIRST], _take_new(job), prepare=_look_up_page(job))


async def list_open(job: Job) -> None:
    """Read the incidents that are open, and have those read that were: without a log nothing else tells of an end."""
    if "spans" not in job.place:
        ids = await incidents.open_ones(job)
        async with job.connection.transaction():
            await incidents.add(job, dict.fromkeys(ids, None), is_fetched=False)
            plan(job, [Span()])
            await job.keep()

    statuses = [("statuses[]", "triggered"), ("statuses[]", "acknowledged")]
    await walk(job, PATH, MEMBER, [NEWEST_FIRST, *statuses], _take_new(job), prepare=_look_up_page(job))


def _take_new(job: Job) -> Take:
    async def take(page: Page) -> bool:
        await take_incidents(job, page.rows, only_new=True)
        return True

    return take


def _look_up_page(job: Job) -> Prepare:
    return lambda page: look_up(job, page.rows)


async def _look_up_alerts(job: Job, ids: Sequence[str]) -> None:
    failures = Failures(job)
    job.alerts.clear()
    for incident_id in ids:
        alerts = await failures.read(incident_id, lambda one: _alerts(job, one))
        if alerts is not None:
            job.alerts[incident_id] = alerts
    job.run.failed += len(failures.reasons)
    for reason in failures.reasons.values():
        job.run.note(reason)


async def _alerts(job: Job, incident_id: str) -> list[Row]:
    """Every alert of the incident."""
    listing, place = Listing(f"/incidents/{incident_id}/alerts", "alerts"), Place()
    alerts: list[Row] = []
    if job.place.get("alerts") == "none":
        return alerts
    try:
        while True:
            page = await next_page(job.api, listing, place)
            alerts += page.rows
            place = page.place
            if not page.has_more:
                job.place["alerts"] = "some"
                return alerts
    except NotPermittedError as error:
        if job.place.get("alerts") == "some":
            raise
        job.run.note(str(error))
        job.place["alerts"] = "none"
        return alerts
