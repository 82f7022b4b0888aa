"""Reads the incidents of a run that are known by their log alone: in pages or one by one, whichever costs less."""

from em_agent.connectors import incidents
from em_agent.connectors.failures import Failures
from em_agent.connectors.job import Job
from em_agent.connectors.listing import MEMBER, NEWEST_FIRST, PATH, look_up, take_incidents
from em_agent.connectors.spans import Span, spans_between
from em_agent.connectors.walk import plan, walk
from em_agent.integrations.pagerduty.paging import PAGE, Listing, Page, Place, next_page
from em_agent.integrations.pagerduty.rows import Row

_AT_ONCE = 20
# Where more than this part of what is known is not listed, it is another account rather than deleted.
_MOST_UNLISTED = 0.1


async def fetch_unlisted(job: Job) -> None:
    """Look for the incidents that are known, but stood in no list: they were deleted, or passed over."""
    if "spans" not in job.place:
        ids = await incidents.unlisted(job)
        if len(ids) > max(_AT_ONCE, _MOST_UNLISTED * await incidents.count(job)):
            job.run.note(f"{len(ids)} incidents that were read before are not listed: is it another account's token?")
            return
        async with job.connection.transaction():
            await incidents.add(job, dict.fromkeys(ids, None), is_fetched=False)
            await job.keep()
    await fetch_rest(job)


async def fetch_rest(job: Job) -> None:
    """Read the incidents that have not been read."""
    if "spans" not in job.place:
        plan(job, await _cheaper_spans(job))
    wanted: list[Row] = []

    async def choose(page: Page) -> None:
        missing = await incidents.missing(job, [str(row.get("id")) for row in page.rows])
        wanted[:] = [row for row in page.rows if row.get("id") in missing]
        await look_up(job, wanted)

    async def take(_: Page) -> bool:
        await take_incidents(job, wanted)
        return bool(await incidents.unfetched(job, 1))

    await walk(job, PATH, MEMBER, [NEWEST_FIRST], take, prepare=choose)
    failures = Failures(job)
    while ids := await incidents.unfetched(job, _AT_ONCE):
        await _fetch(job, failures, ids)


async def _cheaper_spans(job: Job) -> list[Span]:
    """The time in which all of them were created, if it takes fewer pages to list it; else none."""
    count, begin = await incidents.unfetched_since(job)
    if begin is None or count <= _AT_ONCE:
        return []
    spans = spans_between(begin, job.run.started_at)
    first = await next_page(job.api, Listing(PATH, MEMBER, spans[-1].parameters), Place(), size=1)
    pages = len(spans) * (1 + (first.total or 0) / PAGE)
    return spans if first.total is not None and pages < count else []


async def _fetch(job: Job, failures: Failures, ids: list[str]) -> None:
    """Read these one by one."""
    found: list[Row] = []

    async def read(incident_id: str) -> Row:
        answer = (await job.api.get(f"{PATH}/{incident_id}")).get("incident")
        return answer if isinstance(answer, dict) else {}

    for incident_id in ids:
        answer = await failures.read(incident_id, read)
        if answer is None:
            continue
        if answer.get("id") == incident_id:
            found.append(answer)
        else:
            job.run.failed += 1
            job.run.note(f"PagerDuty answers something else than incident {incident_id}.")
    await look_up(job, found)
    async with job.connection.transaction():
        await take_incidents(job, found)
        await incidents.done(job, sorted(await incidents.missing(job, ids)))  # gone, or not to be stored
        await failures.keep()
        await job.keep()
    await failures.finish()
    await job.pause()
