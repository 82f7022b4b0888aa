"""Reads what happened to the incidents: of the whole account at once, or of each incident, whichever costs less."""

from datetime import datetime

from em_agent.connectors import incidents
from em_agent.connectors.intake import take_in
from em_agent.connectors.job import Job
from em_agent.connectors.spans import spans_between
from em_agent.connectors.walk import plan, walk
from em_agent.integrations.pagerduty.paging import PAGE, Listing, Page, Place, next_page
from em_agent.integrations.pagerduty.rows import Row, incident_of, log_entry_row

PATH, MEMBER = "/log_entries", "log_entries"


async def read_log(job: Job) -> None:
    """Read the log entries of the run's incidents; where one by one costs less, leave it to their finishing."""
    begin = await incidents.earliest(job)
    if job.access != "account" or begin is None:
        return
    plan(job, spans_between(begin, job.run.started_at))
    one_by_one = await incidents.count(job) if job.run.mode == "selection" else None

    async def take(page: Page) -> bool:
        if one_by_one is not None and _requests_left(job, page) > one_by_one:
            job.place["one_by_one"] = True
            return False
        await _take_known(job, page)
        return True

    if job.place["spans"] and not job.place.get("one_by_one"):
        await walk(job, PATH, MEMBER, [], take)


def _requests_left(job: Job, page: Page) -> float:
    """How many questions the rest of the walk may take, by what the span at hand holds."""
    if page.total is None or job.place["offset"]:
        return 0
    return page.total / PAGE * len(job.place["spans"])


async def _take_known(job: Job, page: Page) -> None:
    """Take in the entries of incidents that the run has; others will come with theirs."""
    by_incident = [(incident_of(row), row) for row in page.rows]
    known = await incidents.known(job, {incident_id for incident_id, _ in by_incident if incident_id})
    rows = job.rows_of(log_entry_row, *((row,) for incident_id, row in by_incident if incident_id in known))
    taken = await take_in(job.connection, rows)
    job.refuse(taken.refused)
    await incidents.note_changed(job, taken.changed)


async def read_changes(job: Job, since: datetime) -> None:
    """Read what happened since then, and have the run take care of the incidents to which something new did."""
    plan(job, spans_between(since, job.run.started_at))

    async def take(page: Page) -> bool:
        rows = job.rows_of(log_entry_row, *((row,) for row in page.rows if incident_of(row)))
        taken = await take_in(job.connection, rows)
        job.refuse(taken.refused)
        await incidents.add(job, dict.fromkeys(sorted(taken.changed), None), is_fetched=False)
        await incidents.note_changed(job, taken.changed)
        return True

    await walk(job, PATH, MEMBER, [], take)


async def log_of(job: Job, incident_id: str) -> list[Row]:
    """Every log entry of one incident."""
    listing, place = Listing(f"/incidents/{incident_id}/log_entries", MEMBER), Place()
    entries: list[Row] = []
    while True:
        page = await next_page(job.api, listing, place)
        entries += page.rows
        if not page.has_more:
            return entries
        place = page.place
