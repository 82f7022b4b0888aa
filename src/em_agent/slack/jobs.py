"""The table of what Slack asked for: taken once, done by one copy of the worker at a time, never lost.

A copy that takes a job leases it, and says so again while it works. One that dies, or hangs, loses the lease when it
runs out; whatever it does afterwards to the job finds another lease and changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from em_agent.errors import ConflictError
from em_agent.kit import json
from em_agent.kit.postgres import Connection, Pool
from em_agent.slack.requests import SlackRequest

CHANNEL = "slack_jobs"  # of the notification that there is a new job
LEASE_SECONDS = 15
KEEP_DAYS = 30

_STORE = """
WITH stored AS (
    INSERT INTO slack_jobs (key, kind, payload) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING RETURNING id
)
SELECT id, pg_notify('slack_jobs', '') FROM stored
"""

_CLAIM = f"""
UPDATE slack_jobs AS j
SET lease = $1, due_at = clock_timestamp() + interval '{LEASE_SECONDS} s', attempts = attempts + 1
FROM (
    SELECT id FROM slack_jobs
    WHERE finished_at IS NULL AND due_at <= clock_timestamp()
    ORDER BY due_at, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
) AS due
WHERE j.id = due.id
RETURNING j.id, j.kind, j.payload, j.received_at, j.attempts, j.messages, j.sent_count, j.is_sending
"""  # noqa: S608 - a number of ours

_NEXT_DUE = """
SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM slack_jobs WHERE finished_at IS NULL
"""

# Finished jobs are kept for their keys: Slack sends a request again for minutes, not for days.
_TIDY = f"DELETE FROM slack_jobs WHERE finished_at < clock_timestamp() - interval '{KEEP_DAYS} days'"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Job:
    """A request under way; `messages` is None while its answer is not known."""

    id: int
    lease: UUID
    kind: str
    payload: Mapping[str, Any]
    received_at: datetime
    attempts: int
    messages: Sequence[Mapping[str, Any]] | None
    sent_count: int
    is_sending: bool


class LostLeaseError(ConflictError):
    """Another copy of the worker has the job now."""


async def store(connection: Connection, request: SlackRequest) -> bool:
    """Whether the request is new; it is on disk on return."""
    payload = json.dumps(dict(request.payload)).decode()
    return await connection.fetchrow(_STORE, request.key, request.kind, payload) is not None


async def claim(pool: Pool, limit: int) -> list[Job]:
    """Up to so many jobs that are due, leased to the caller, oldest first."""
    lease = uuid4()
    rows = await pool.fetch(_CLAIM, lease, limit)
    jobs = [
        Job(
            id=row["id"],
            lease=lease,
            kind=row["kind"],
            payload=json.loads(row["payload"]),
            received_at=row["received_at"],
            attempts=row["attempts"],
            messages=json.loads(row["messages"]) if row["messages"] else None,
            sent_count=row["sent_count"],
            is_sending=row["is_sending"],
        )
        for row in rows
    ]
    return sorted(jobs, key=lambda job: job.id)


async def seconds_until_due(pool: Pool) -> float | None:
    """Seconds until a job is due, or its lease ends; None when there is no job."""
    seconds: float | None = await pool.fetchval(_NEXT_DUE)
    return seconds


async def renew(pool: Pool, job: Job) -> None:
    """Keep the job for another lease."""
    await _change(pool, job, f"due_at = clock_timestamp() + interval '{LEASE_SECONDS} s'")


async def keep_messages(connection: Connection, job: Job, messages: Sequence[Mapping[str, Any]]) -> None:
    """Remember what is to be sent, so that nothing but the sending is left to do."""
    await _change(connection, job, "messages = $3", json.dumps(list(messages)).decode())


async def begin_sending(pool: Pool, job: Job) -> None:
    """Note that the next message may arrive from now on."""
    await _change(pool, job, f"is_sending = true, due_at = clock_timestamp() + interval '{LEASE_SECONDS} s'")


async def note_sent(pool: Pool, job: Job, count: int) -> None:
    """Note that so many messages have arrived."""
    await _change(pool, job, "is_sending = false, sent_count = $3", count)


async def finish(pool: Pool, job: Job, error: str | None = None) -> None:
    """Let the job go, with what it was about: only its key stays."""
    emptied = "payload = '{}', messages = NULL, is_sending = false, lease = NULL"
    await _change(pool, job, f"finished_at = clock_timestamp(), {emptied}, error = $3", error)


async def put_back(pool: Pool, job: Job, *, seconds: float, error: str | None = None) -> None:
    """Have the job come again after so many seconds."""
    due = "due_at = clock_timestamp() + make_interval(secs => $3)"
    await _change(pool, job, f"{due}, lease = NULL, error = $4", seconds, error)


async def note_not_sent(pool: Pool, job: Job) -> None:
    """Note that the next message has not arrived after all."""
    await _change(pool, job, "is_sending = false")


async def tidy(pool: Pool) -> None:
    """Delete what was finished long ago, with its answer."""
    await pool.execute(_TIDY)


async def _change(connection: Pool | Connection, job: Job, assignments: str, *values: object) -> None:
    """Change the job.

    Raises:
        LostLeaseError: it is no longer the caller's.

    """
    statement = f"UPDATE slack_jobs SET {assignments} WHERE id = $1 AND lease = $2"  # noqa: S608 - words of ours
    if await connection.execute(statement, job.id, job.lease, *values) != "UPDATE 1":
        message = f"Slack job {job.id} is another worker's now."
        raise LostLeaseError(message)
