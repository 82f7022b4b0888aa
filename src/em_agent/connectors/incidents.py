"""Which incidents a run has, and what of each is still to be done."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from em_agent.connectors.job import SOURCE, Job
from em_agent.integrations.pagerduty.rows import LOG, SNAPSHOT

_ADD = """
INSERT INTO crawl_incidents (run_id, incident_id, created_at, is_fetched)
SELECT $1, i.id, i.created_at, $4 FROM unnest($2::text[], $3::timestamptz[]) AS i (id, created_at)
ON CONFLICT (run_id, incident_id) DO UPDATE
SET is_fetched = crawl_incidents.is_fetched OR excluded.is_fetched,
    created_at = coalesce(excluded.created_at, crawl_incidents.created_at)
"""

_NEXT = """
SELECT incident_id FROM crawl_incidents
WHERE run_id = $1 AND NOT is_done ORDER BY created_at DESC NULLS LAST, incident_id LIMIT $2
"""

_FAILED = """
INSERT INTO crawl_failures (source, incident_id, reason) SELECT $1, f.id, f.reason
FROM unnest($2::text[], $3::text[]) AS f (id, reason)
ON CONFLICT (source, incident_id) DO UPDATE
SET reason = excluded.reason, attempts = crawl_failures.attempts + 1, failed_at = clock_timestamp()
"""

_TAKE_OVER = """
UPDATE crawl_incidents AS i SET is_changed = FALSE FROM crawl_runs AS r
WHERE r.id = i.run_id AND r.source = $1 AND r.id <> $2 AND i.is_changed AND NOT i.is_done
RETURNING i.incident_id
"""

# Another account's, of which webhooks tell, was never there.
_GONE = """
INSERT INTO search.gone_incidents (incident_id)
SELECT id FROM unnest($1::text[]) AS id
WHERE EXISTS (SELECT FROM incident_events WHERE incident_id = id AND source = ANY($2))
ON CONFLICT (incident_id) DO NOTHING
"""

_UNLISTED = """
SELECT i.id FROM incidents AS i
WHERE i.triggered_at < $2 AND EXISTS (SELECT FROM incident_events WHERE incident_id = i.id AND source = $3)
    AND NOT EXISTS (SELECT FROM crawl_incidents WHERE run_id = $1 AND incident_id = i.id)
    AND NOT EXISTS (SELECT FROM search.gone_incidents WHERE incident_id = i.id)
"""

# An incident that failed so often has something that only people can mend.
_MOST_ATTEMPTS = 8


async def add(job: Job, created: Mapping[str, datetime | None], *, is_fetched: bool) -> None:
    """Have the run take care of the incidents with these times of creation."""
    if created:
        await job.connection.execute(_ADD, job.run.id, list(created), list(created.values()), is_fetched)


async def add_fetched(job: Job, created: Mapping[str, datetime | None]) -> int:
    """Have the run finish these incidents, which it has read; how many of them it had not read before."""
    before = await job.connection.fetchval(
        "SELECT count(*) FROM crawl_incidents WHERE run_id = $1 AND incident_id = ANY($2) AND is_fetched",
        job.run.id,
        list(created),
    )
    await add(job, created, is_fetched=True)
    return len(created) - int(before)


async def add_failed(job: Job) -> None:
    """Have it take care of those that an earlier run could not read, or recorded something new of and never finished.

    Of the latter the log has no more news to tell.
    """
    async with job.connection.transaction():
        rows = await job.connection.fetch(
            "SELECT incident_id FROM crawl_failures WHERE source = $1 AND attempts < $2", SOURCE, _MOST_ATTEMPTS
        )
        rows += await job.connection.fetch(_TAKE_OVER, SOURCE, job.run.id)
        await add(job, dict.fromkeys((row["incident_id"] for row in rows), None), is_fetched=False)


async def known(job: Job, ids: Iterable[str]) -> set[str]:
    """Those of the incidents that the run has."""
    rows = await job.connection.fetch(
        "SELECT incident_id FROM crawl_incidents WHERE run_id = $1 AND incident_id = ANY($2)", job.run.id, list(ids)
    )
    return {row["incident_id"] for row in rows}


async def count(job: Job) -> int:
    """How many incidents the run has."""
    found: int = await job.connection.fetchval("SELECT count(*) FROM crawl_incidents WHERE run_id = $1", job.run.id)
    return found


async def earliest(job: Job) -> datetime | None:
    """When the first of them was created."""
    found: datetime | None = await job.connection.fetchval(
        "SELECT min(created_at) FROM crawl_incidents WHERE run_id = $1", job.run.id
    )
    return found


async def unfetched(job: Job, limit: int) -> list[str]:
    """Those that are known by their log alone."""
    rows = await job.connection.fetch(
        "SELECT incident_id FROM crawl_incidents WHERE run_id = $1 AND NOT is_fetched AND NOT is_done "
        "ORDER BY incident_id LIMIT $2",
        job.run.id,
        limit,
    )
    return [row["incident_id"] for row in rows]


async def missing(job: Job, ids: Iterable[str]) -> set[str]:
    """Those of the incidents that the run has, but has not read."""
    rows = await job.connection.fetch(
        "SELECT incident_id FROM crawl_incidents WHERE run_id = $1 AND incident_id = ANY($2) AND NOT is_fetched",
        job.run.id,
        list(ids),
    )
    return {row["incident_id"] for row in rows}


async def unfetched_since(job: Job) -> tuple[int, datetime | None]:
    """How many are known by their log alone, and when the first of them began, as far as we know."""
    row = await job.connection.fetchrow(
        "SELECT count(*) AS count, min(i.triggered_at) AS begin FROM crawl_incidents AS c "
        "LEFT JOIN incidents AS i ON i.id = c.incident_id WHERE c.run_id = $1 AND NOT is_fetched AND NOT is_done",
        job.run.id,
    )
    return (row["count"], row["begin"]) if row else (0, None)


async def next_open(job: Job, limit: int) -> list[str]:
    """Those that are to be finished next, the newest first."""
    return [row["incident_id"] for row in await job.connection.fetch(_NEXT, job.run.id, limit)]


async def note_changed(job: Job, ids: Iterable[str]) -> None:
    """Note that something about the incidents was recorded that was not known."""
    if changed := list(ids):
        await job.connection.execute(
            "UPDATE crawl_incidents SET is_changed = TRUE "
            "WHERE run_id = $1 AND incident_id = ANY($2) AND NOT is_changed",
            job.run.id,
            changed,
        )


async def changed(job: Job, ids: Sequence[str]) -> set[str]:
    """Those of the incidents about which this run recorded something new, before an interruption or after."""
    rows = await job.connection.fetch(
        "SELECT incident_id FROM crawl_incidents WHERE run_id = $1 AND incident_id = ANY($2) AND is_changed",
        job.run.id,
        ids,
    )
    return {row["incident_id"] for row in rows}


async def done(job: Job, ids: Sequence[str]) -> None:
    """Note that there is nothing left to do for them."""
    await job.connection.execute(
        "UPDATE crawl_incidents SET is_done = TRUE WHERE run_id = $1 AND incident_id = ANY($2)", job.run.id, ids
    )


async def note_failures(job: Job, ids: Sequence[str], failures: Mapping[str, str]) -> None:
    """Keep in mind which of the incidents could not be read whole, and forget it of the others."""
    await job.connection.execute(
        "DELETE FROM crawl_failures WHERE source = $1 AND incident_id = ANY($2)",
        SOURCE,
        [incident_id for incident_id in ids if incident_id not in failures],
    )
    if failures:
        await job.connection.execute(_FAILED, SOURCE, list(failures), [reason[:500] for reason in failures.values()])


async def note_gone(job: Job, ids: Collection[str]) -> None:
    """Note that PagerDuty has these incidents no longer, as far as it ever had them."""
    if ids:
        await job.connection.execute(_GONE, list(ids), [LOG, SNAPSHOT])


async def note_there(job: Job, ids: Iterable[str]) -> set[str]:
    """Note that PagerDuty has these incidents; those of them that it was thought to have no longer."""
    rows = await job.connection.fetch(
        "DELETE FROM search.gone_incidents WHERE incident_id = ANY($1) RETURNING incident_id", list(ids)
    )
    return {row["incident_id"] for row in rows}


async def unlisted(job: Job) -> list[str]:
    """The incidents that REST showed before, and that this run, which lists all, does not have."""
    rows = await job.connection.fetch(_UNLISTED, job.run.id, job.run.started_at, SNAPSHOT)
    return [row["id"] for row in rows]


async def others(job: Job, ids: Collection[str], limit: int) -> list[str]:
    """Any incidents but these, of the run or known from before."""
    rows = await job.connection.fetch(
        "SELECT id FROM (SELECT incident_id AS id FROM crawl_incidents WHERE run_id = $1 "
        "UNION SELECT id FROM incidents) AS known WHERE id <> ALL($2) ORDER BY random() LIMIT $3",
        job.run.id,
        list(ids),
        limit,
    )
    return [row["id"] for row in rows]


async def annotated(job: Job, ids: Sequence[str]) -> set[str]:
    """Those of the incidents whose log tells of a note."""
    rows = await job.connection.fetch(
        "SELECT DISTINCT incident_id FROM incident_events "
        "WHERE incident_id = ANY($1) AND source = $2 AND kind = 'annotated'",
        ids,
        LOG,
    )
    return {row["incident_id"] for row in rows}


async def open_ones(job: Job) -> list[str]:
    """The incidents that are open as far as we know."""
    rows = await job.connection.fetch("SELECT id FROM incidents WHERE status <> 'resolved' ORDER BY id")
    return [row["id"] for row in rows]
