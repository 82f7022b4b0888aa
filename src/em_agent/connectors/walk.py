"""Walks a list of PagerDuty's through all its spans of time, page by page, each page in a transaction of its own."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from em_agent.connectors.job import Job
from em_agent.connectors.spans import Span, spans_between
from em_agent.integrations.pagerduty import paging
from em_agent.integrations.pagerduty.api import Parameters
from em_agent.integrations.pagerduty.paging import PAGE, CapReachedError, Listing, Page, Place, next_page

log = structlog.get_logger()

# There was no PagerDuty before.
_BEGINNING = "2009-01-01T00:00:00+00:00"

# Takes a page in, and says whether to go on.
Take = Callable[[Page], Awaitable[bool]]
# Asks for what else is needed of a page before its transaction begins.
Prepare = Callable[[Page], Awaitable[None]]


def plan(job: Job, spans: list[Span]) -> None:
    """Walk these spans, unless the walk was begun already."""
    if "spans" not in job.place:
        _set(job, spans, Place())


async def walk(  # noqa: PLR0913 - what is walked, and what is done with it
    job: Job,
    path: str,
    member: str,
    parameters: Parameters,
    take: Take,
    *,
    prepare: Prepare | None = None,
    size: int = PAGE,
) -> None:
    """Take in every page of the spans; after an interruption, from where it was."""
    while spans := [Span.from_json(ends) for ends in job.place["spans"]]:
        place = Place(job.place["offset"], tuple(job.place["tail"]))
        listing = Listing(path, member, [*spans[0].parameters, *parameters])
        try:
            page = await next_page(job.api, listing, place, size)
        except CapReachedError:
            await _split(job, spans, None)
            continue
        if place.offset == 0 and spans[0].since and (page.total or 0) > paging.CAP and not job.place.get("is_whole"):
            await _split(job, spans, page.total)
            continue
        if prepare is not None:
            await prepare(page)
        async with job.connection.transaction():
            goes_on = await take(page)
            if not goes_on:
                _set(job, [], Place())
            elif page.has_more:
                _set(job, spans, page.place)
            else:
                _set(job, spans[1:], Place())
                job.place["is_whole"] = False
            await job.keep()
        log.debug("crawl.page", **job.fields, rows=len(page.rows))
        await job.pause()


async def _split(job: Job, spans: list[Span], total: int | None) -> None:
    """Ask for less at once: what is longer than can be listed, in halves."""
    span, *others = spans
    parts = [] if job.place.get("is_whole") else span.halves()
    is_whole = False
    if span.since is None:
        parts = spans_between(datetime.fromisoformat(job.place.get("oldest", _BEGINNING)), job.run.started_at)
    elif total is not None and total == job.place.get("split_total") and span.is_of_a_day:
        # The half holds as much as the whole: the ends count for days. What can be listed of that one is read.
        others = [other for other in others if other.day != span.day]
        parts, is_whole = [span.whole_day()], True
    elif not parts:
        job.run.note(f"Only {paging.CAP} rows of {span.since:%Y-%m-%d} can be listed: others are missing.")
    _set(job, [*parts, *others], Place())
    job.place["split_total"], job.place["is_whole"] = total, is_whole
    await job.keep()


def _set(job: Job, spans: list[Span], place: Place) -> None:
    job.place["spans"] = [span.to_json() for span in spans]
    job.place["offset"], job.place["tail"] = place.offset, list(place.tail)
