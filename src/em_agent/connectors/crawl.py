"""Crawls PagerDuty: one run at a time, which goes on where it was interrupted.

A run of everything (`full`) or of a selection lists incidents, then reads the log of the time since the first of them,
then finishes each. A run of the `changes` begins with the log since the last run, which tells what changed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from em_agent.connectors import incidents
from em_agent.connectors.fetching import fetch_rest, fetch_unlisted
from em_agent.connectors.finishing import finish_all, index_what_is_here
from em_agent.connectors.job import SOURCE, GaveWayError, IndexIncidents, Job, Report
from em_agent.connectors.listing import list_open, list_recent, list_selected
from em_agent.connectors.log import read_changes, read_log
from em_agent.connectors.rights import find_access, has_gained, lacking
from em_agent.connectors.selection import Selection
from em_agent.connectors.telemetry import count_run
from em_agent.errors import ConflictError, EmAgentError
from em_agent.events import crawls
from em_agent.events.crawls import CrawlRun, Mark
from em_agent.integrations.pagerduty.api import PagerDutyApi
from em_agent.kit import locks, postgres
from em_agent.kit.postgres import Connection
from em_agent.search.incident_documents import index_incidents

LOCK_SECONDS = 30.0
COMMAND_SECONDS = 120.0
# PagerDuty's clock may differ from ours, and an entry may be listed some time after it was made.
OVERLAP = timedelta(hours=1)
# Later, "the newest hundred" are others.
_SELECTION_RESUMES_SECONDS = 3600.0
_ALL_RESUMES_SECONDS = 90 * 86_400.0

log = structlog.get_logger()

Phase = Callable[[Job], Awaitable[None]]


@dataclass(frozen=True)
class Crawler:
    """What every run works with; `open_api` gives it a client of its own."""

    database_url: str
    open_api: Callable[[], PagerDutyApi]
    index: IndexIncidents = index_incidents
    lock_seconds: float = LOCK_SECONDS

    async def crawl(
        self,
        selection: Selection,
        *,
        again: bool = False,
        gives_way: bool = False,
        report: Report = lambda _: None,
    ) -> CrawlRun:
        """The finished run. Of everything, only what changed is read once it was read as a whole, unless `again`.

        It is read as a whole once more when the token may read what it could not: the log or the notes. With alerts it
        always is: no log tells of them.

        Raises:
            ConflictError: another crawl is at work, and did not end in time.
            UnauthenticError: PagerDuty refuses the token.
            RetriableError: PagerDuty or the database does not answer; the next such crawl goes on from here.
            GaveWayError: somebody else wants to crawl.

        """
        async with self._locked() as connection, postgres.reachable(), self.open_api() as api:
            mark = await crawls.read_mark(connection, SOURCE)
            mode = await _mode(api, selection, None if again or selection.alerts else mark)
            run = await _take_up(connection, mode, selection)
            fetched_before = run.fetched
            job = Job(connection, api, run, selection, self.index, report, gives_way)
            log.info("crawl.started", run=run.id, mode=mode, resumes=bool(run.place), parameters=run.parameters)
            try:
                await _work(job, _phases(mode, mark.until if mark else None))
            finally:
                count_run(run, fetched_before)
            return run

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[Connection]:
        """A connection that holds the lock of the source."""
        connection = await postgres.connect(self.database_url, name="em-agent crawl", command_seconds=COMMAND_SECONDS)
        try:
            async with postgres.reachable():
                await connection.execute(f"SET lock_timeout = {int(self.lock_seconds * 1000)}")
                try:
                    await connection.execute("SELECT pg_advisory_lock($1, hashtext($2))", locks.CRAWLS, SOURCE)
                except asyncpg.LockNotAvailableError as error:
                    raise ConflictError(await _at_work(connection)) from error
                await connection.execute("RESET lock_timeout")
            yield connection
        finally:
            connection.terminate()


async def _at_work(connection: Connection) -> str:
    for run in await crawls.newest(connection, limit=1):
        if run.state == "running":
            since = f"{run.started_at:%Y-%m-%d %H:%M} UTC"
            return f"Crawl {run.id} of PagerDuty is at work since {since}: try again when it has ended."
    return "Another crawl of PagerDuty is at work: try again when it has ended."


async def _mode(api: PagerDutyApi, selection: Selection, mark: Mark | None) -> str:
    """What the crawl reads; all of history again where the token now may read what it could not."""
    if not selection.is_all:
        return "selection"
    if mark is None or (mark.lacking and await has_gained(api, mark.lacking)):
        return "full"
    return "changes"


async def _take_up(connection: Connection, mode: str, selection: Selection) -> CrawlRun:
    """The run to go on with, else a new one."""
    resumes = _SELECTION_RESUMES_SECONDS if mode == "selection" else _ALL_RESUMES_SECONDS
    async with connection.transaction():
        run = await crawls.resume(connection, SOURCE, mode, selection.parameters, within_seconds=resumes)
        await crawls.forget_old(connection, SOURCE, within_seconds=_SELECTION_RESUMES_SECONDS)
        return run or await crawls.begin(connection, SOURCE, mode, selection.parameters)


def _phases(mode: str, since: datetime | None) -> Mapping[str, Phase]:
    if mode == "selection":
        return {"list": list_selected, "log": read_log, "finish": finish_all}
    if mode == "full" or since is None:
        return {"list": list_selected, "fetch": fetch_unlisted, "log": read_log, "finish": finish_all}
    begin = since - OVERLAP
    return {
        "changes": lambda job: _read_changes(job, begin),
        "list": lambda job: list_recent(job, begin),
        "fetch": fetch_rest,
        "finish": finish_all,
    }


async def _read_changes(job: Job, since: datetime) -> None:
    """Find out which incidents changed: by the log, else by looking at those that are or were open."""
    if not job.access:
        await find_access(job)
    if "spans" not in job.place:
        await incidents.add_failed(job)
    if job.access == "account":
        await read_changes(job, since)
    else:
        await list_open(job)


async def _work(job: Job, phases: Mapping[str, Phase]) -> None:
    run = job.run
    names = list(phases)
    try:
        for name in names[names.index(job.phase) if job.phase in names else 0 :]:
            if job.phase != name:
                job.enter(name)
                await job.keep()
            await phases[name](job)
        await _complete(job)
    except (asyncio.CancelledError, GaveWayError):
        await _leave(job, "interrupted")
        raise
    except (EmAgentError, *postgres.UNREACHABLE) as error:
        run.fail(str(error) or type(error).__name__)
        log.warning("crawl.failed", **job.fields, error=str(error))
        if isinstance(error, EmAgentError):
            with contextlib.suppress(*postgres.UNREACHABLE, asyncpg.PostgresError):
                await index_what_is_here(job)
        await _leave(job, "failed")
        raise
    except BaseException as error:
        run.fail(f"{type(error).__name__}: {error}"[:300])
        await _leave(job, "failed")
        raise


async def _complete(job: Job) -> None:
    run = job.run
    async with job.connection.transaction():
        await job.keep()
        await crawls.finish(job.connection, run, "done")
        if run.mode != "selection":
            before = await crawls.read_mark(job.connection, SOURCE) if run.mode == "changes" else None
            missing = lacking(job).union(before.lacking if before else ())
            await crawls.mark_complete(job.connection, SOURCE, run.started_at, sorted(missing))
    line = f"indexed {run.indexed} documents"
    counts = {name: getattr(run, name) for name in crawls.COUNTS}
    log.info(line, run=run.id, mode=run.mode, **counts)


async def _leave(job: Job, state: str) -> None:
    """Note how the run ended, also when the crawl is asked to end meanwhile, as it is again and again."""
    job.count_requests()
    writing = asyncio.create_task(_write_end(job, state))
    while not writing.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([writing])
    await writing


async def _write_end(job: Job, state: str) -> None:
    """Write how the run ended; if the database does not take that in seconds, the next run will."""
    with contextlib.suppress(*postgres.UNREACHABLE, asyncpg.PostgresError):
        async with asyncio.timeout(5):
            await job.connection.execute("ROLLBACK")  # of a transaction whose BEGIN was cut off, and came about
            await crawls.finish(job.connection, job.run, state)
