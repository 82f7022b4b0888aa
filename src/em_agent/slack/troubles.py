"""The table of what of Slack does not work: the token, or a channel. It is there for people to see."""

import structlog

from em_agent.kit.postgres import Pool

TOKEN = "token"  # noqa: S105 - its name, not one
API = "api"
SOCKET = "socket"

_SET = """
INSERT INTO slack_troubles (subject, error) VALUES ($1, $2)
ON CONFLICT (subject) DO UPDATE SET error = excluded.error
RETURNING xmax = 0
"""

log = structlog.get_logger()


def channel(name: str) -> str:
    """The subject that a channel is."""
    return f"channel {name}"


async def note(pool: Pool, subject: str, error: str) -> None:
    """Note what is wrong with the subject."""
    if await pool.fetchval(_SET, subject, error[:500]):
        log.error("slack.trouble", subject=subject, error=error)


async def clear(pool: Pool, *subjects: str) -> None:
    """The subjects work."""
    gone = await pool.fetch("DELETE FROM slack_troubles WHERE subject = ANY($1) RETURNING subject", list(subjects))
    for row in gone:
        log.info("slack.recovered", subject=row["subject"])
