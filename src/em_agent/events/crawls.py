"""The runs of crawls: what each was asked, how far it got, what it brought and cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from em_agent.errors import NotFoundError
from em_agent.kit import json
from em_agent.kit.postgres import Connection, Pool

MOST_REASONS = 50
COUNTS = ("fetched", "indexed", "unchanged", "failed", "gone", "requests")

_COLUMNS = (
    "id, source, mode, parameters::text, state, started_at, touched_at, finished_at, fetched, indexed, unchanged, "
    "failed, gone, requests, reasons::text, place::text"
)

_RESUMABLE = f"""
SELECT {_COLUMNS} FROM crawl_runs
WHERE source = $1 AND mode = $2 AND parameters = $3::jsonb AND place IS NOT NULL AND state <> 'done'
    AND touched_at > clock_timestamp() - $4::interval
ORDER BY id DESC LIMIT 1
"""  # noqa: S608 - names of ours

# Whoever holds the lock of the source knows that no other run goes on.
_LEAVE = """
UPDATE crawl_runs SET state = 'interrupted', finished_at = touched_at WHERE source = $1 AND state = 'running'
"""

_SAVE = """
UPDATE crawl_runs
SET fetched = $2, indexed = $3, unchanged = $4, failed = $5, gone = $6, requests = $7, reasons = $8::jsonb,
    place = $9::jsonb, touched_at = clock_timestamp()
WHERE id = $1
"""

_FINISH = """
UPDATE crawl_runs
SET state = $2, requests = $3, reasons = $4::jsonb, finished_at = clock_timestamp(), touched_at = clock_timestamp(),
    place = CASE WHEN $2 = 'done' THEN NULL ELSE place END
WHERE id = $1
"""

_LEAVE_UNFINISHED = """
INSERT INTO crawl_failures (source, incident_id, reason)
SELECT r.source, i.incident_id, 'Crawl ' || max(r.id) || ' was not finished.'
FROM crawl_incidents AS i JOIN crawl_runs AS r ON r.id = i.run_id
WHERE r.source = $1 AND r.place IS NULL AND r.state <> 'running' AND i.is_changed AND NOT i.is_done
GROUP BY r.source, i.incident_id
ON CONFLICT (source, incident_id) DO NOTHING
"""


@dataclass
class CrawlRun:
    """One run; `place` is where it is to go on, None when there is nothing to resume."""

    id: int
    source: str
    mode: str
    parameters: Mapping[str, Any]
    state: str
    started_at: datetime
    touched_at: datetime
    finished_at: datetime | None = None
    fetched: int = 0
    indexed: int = 0
    unchanged: int = 0
    failed: int = 0
    gone: int = 0
    requests: int = 0
    reasons: list[str] = field(default_factory=list)
    place: dict[str, Any] | None = None

    def note(self, reason: str) -> None:
        """Keep the reason, unless it is known or there are enough."""
        if reason not in self.reasons and len(self.reasons) < MOST_REASONS:
            self.reasons.append(reason)

    def fail(self, reason: str) -> None:
        """Keep the reason why the run ended as the last; when it goes on, it is none any more."""
        self.reasons = [*(other for other in self.reasons if other != reason), reason]


@dataclass(frozen=True)
class Mark:
    """The moment up to which the whole history is here, except what the token could not read of it."""

    until: datetime
    lacking: Sequence[str]


async def begin(connection: Connection, source: str, mode: str, parameters: Mapping[str, Any]) -> CrawlRun:
    """A new run."""
    row = await connection.fetchrow(
        f"INSERT INTO crawl_runs (source, mode, parameters, state) "  # noqa: S608 - names of ours
        f"VALUES ($1, $2, $3::jsonb, 'running') RETURNING {_COLUMNS}",
        source,
        mode,
        json.dumps_any(parameters).decode(),
    )
    if row is None:
        message = "an insertion gave no row"
        raise RuntimeError(message)
    return _run(row)


async def resume(
    connection: Connection, source: str, mode: str, parameters: Mapping[str, Any], *, within_seconds: float
) -> CrawlRun | None:
    """The newest unfinished run of that kind, which goes on; None where there is none."""
    await connection.execute(_LEAVE, source)
    text = json.dumps_any(parameters).decode()
    row = await connection.fetchrow(_RESUMABLE, source, mode, text, timedelta(seconds=within_seconds))
    if row is None:
        return None
    resumed = _run(row)
    if resumed.state == "failed":
        resumed.reasons = resumed.reasons[:-1]
    resumed.state = "running"
    await connection.execute(
        "UPDATE crawl_runs SET state = 'running', finished_at = NULL, touched_at = clock_timestamp(), "
        "reasons = $2::jsonb WHERE id = $1",
        resumed.id,
        json.dumps_any(resumed.reasons).decode(),
    )
    return resumed


async def save(connection: Connection, run: CrawlRun) -> None:
    """Keep the run's counts, reasons and place."""
    place = None if run.place is None else json.dumps_any(run.place).decode()
    counts = [getattr(run, name) for name in COUNTS]
    await connection.execute(_SAVE, run.id, *counts, json.dumps_any(run.reasons).decode(), place)


async def finish(connection: Connection, run: CrawlRun, state: str) -> None:
    """End the run as done, failed or interrupted; one that is done has nothing to resume.

    The place and the counts of what was taken in stay as they were saved: what came after may not be committed.
    """
    run.state = state
    await connection.execute(_FINISH, run.id, state, run.requests, json.dumps_any(run.reasons).decode())
    if state == "done":
        await connection.execute("DELETE FROM crawl_incidents WHERE run_id = $1", run.id)


async def forget_old(connection: Connection, source: str, *, within_seconds: float) -> None:
    """Drop what unfinished selections still had to do once nobody will resume them.

    What they recorded something new of, and did not finish, is left to the next run of the changes: it would find
    nothing new there.
    """
    await connection.execute(
        "UPDATE crawl_runs SET place = NULL WHERE source = $1 AND mode = 'selection' AND state <> 'running' "
        "AND place IS NOT NULL AND touched_at < clock_timestamp() - $2::interval",
        source,
        timedelta(seconds=within_seconds),
    )
    await connection.execute(_LEAVE_UNFINISHED, source)
    await connection.execute(
        "DELETE FROM crawl_incidents AS i USING crawl_runs AS r "
        "WHERE r.id = i.run_id AND r.place IS NULL AND r.state <> 'running'"
    )


async def newest(pool: Pool | Connection, *, limit: int, before: int | None = None) -> Sequence[CrawlRun]:
    """The newest runs, those with an id below `before` if it is given."""
    rows = await pool.fetch(
        f"SELECT {_COLUMNS} FROM crawl_runs WHERE $2::bigint IS NULL OR id < $2 ORDER BY id DESC LIMIT $1",  # noqa: S608
        limit,
        before,
    )
    return [_run(row) for row in rows]


async def find(pool: Pool, run_id: int) -> CrawlRun:
    """The run of that id.

    Raises:
        NotFoundError: there is none.

    """
    row = await pool.fetchrow(f"SELECT {_COLUMNS} FROM crawl_runs WHERE id = $1", run_id)  # noqa: S608
    if row is None:
        message = f"There is no crawl {run_id}."
        raise NotFoundError(message)
    return _run(row)


async def read_mark(connection: Connection, source: str) -> Mark | None:
    """How far the whole history is here; None where it was never read as a whole."""
    row = await connection.fetchrow("SELECT complete_until, lacking FROM crawl_marks WHERE source = $1", source)
    return Mark(row["complete_until"], tuple(row["lacking"])) if row else None


async def mark_complete(connection: Connection, source: str, until: datetime, lacking: Sequence[str]) -> None:
    """Note that the whole history up to `until` is here, except what is `lacking`."""
    await connection.execute(
        "INSERT INTO crawl_marks (source, complete_until, lacking) VALUES ($1, $2, $3) ON CONFLICT (source) DO UPDATE "
        "SET complete_until = greatest(crawl_marks.complete_until, excluded.complete_until), "
        "lacking = excluded.lacking",
        source,
        until,
        lacking,
    )


def _run(row: asyncpg.Record) -> CrawlRun:
    fields = dict(row)
    for name in ("parameters", "reasons", "place"):
        fields[name] = json.loads(fields[name]) if fields[name] is not None else None
    return CrawlRun(**fields)
