"""The table of answers that were given."""

from em_agent.kit import json
from em_agent.kit.postgres import Connection, Pool
from em_agent.slack.answers.answer import Answer

_KEEP = """
INSERT INTO slack_answers (job_id, channel, thread_ts, question, answer) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (job_id) DO UPDATE
SET channel = excluded.channel, thread_ts = excluded.thread_ts, question = excluded.question, answer = excluded.answer
"""

_CLAIM = """
UPDATE slack_answers SET shared_by = $2 WHERE job_id = $1 AND (shared_by IS NULL OR shared_by = $2) RETURNING true
"""

_BEFORE = """
SELECT question FROM slack_answers
WHERE channel = $1 AND thread_ts = $2 AND job_id < $3 AND question IS NOT NULL
ORDER BY job_id DESC
LIMIT 1
"""


async def keep(  # noqa: PLR0913 - its columns
    connection: Connection,
    job_id: int,
    answer: Answer,
    *,
    channel: str | None = None,
    thread_ts: str | None = None,
    question: str | None = None,
) -> None:
    """Keep the job's answer; a second time changes it."""
    document = json.dumps(answer.to_dict()).decode()
    await connection.execute(_KEEP, job_id, channel, thread_ts, question, document)


async def find(pool: Pool, job_id: int) -> Answer | None:
    """The job's answer, if it is still kept."""
    document = await pool.fetchval("SELECT answer FROM slack_answers WHERE job_id = $1", job_id)
    return None if document is None else Answer.from_dict(json.loads(document))


async def claim_sharing(pool: Pool, job_id: int, by: int) -> bool:
    """Whether the answer is the job's `by` to share: only the first one's, as often as that asks."""
    return bool(await pool.fetchval(_CLAIM, job_id, by))


async def is_shared(pool: Pool, job_id: int) -> bool:
    """Whether somebody shared the answer."""
    return bool(await pool.fetchval("SELECT shared_by IS NOT NULL FROM slack_answers WHERE job_id = $1", job_id))


async def question_before(pool: Pool, channel: str, thread_ts: str, job_id: int) -> str | None:
    """The question that was answered last in the thread, before this job."""
    question: str | None = await pool.fetchval(_BEFORE, channel, thread_ts, job_id)
    return question
