"""What was received lately, by source: what is on record, and what was set aside."""

from dataclasses import dataclass
from datetime import datetime

from em_agent.kit.postgres import Pool

# Counted among so many of the newest events: a year of them is not read to show a day.
MOST_COUNTED = 50_000

_RECEIVED = f"""
SELECT source, max(received_at) AS newest_at,
    count(*) FILTER (WHERE received_at >= $1) AS day, count(*) FILTER (WHERE received_at >= $2) AS week
FROM (SELECT source, received_at FROM events_raw ORDER BY id DESC LIMIT {MOST_COUNTED}) AS newest
GROUP BY source ORDER BY source
"""  # noqa: S608 - a number of ours
_QUARANTINED = """
SELECT source, max(received_at) AS newest_at,
    count(*) FILTER (WHERE received_at >= $1) AS day, count(*) FILTER (WHERE received_at >= $2) AS week
FROM quarantine GROUP BY source ORDER BY source
"""


@dataclass(frozen=True, slots=True)
class Received:
    """What came of one source with one outcome, in the last day and week, and when the newest came."""

    source: str
    outcome: str
    day: int
    week: int
    newest_at: datetime


async def received(pool: Pool, *, day_since: datetime, week_since: datetime) -> list[Received]:
    """What was kept and what was quarantined, by source, among the newest events."""
    kept = await pool.fetch(_RECEIVED, day_since, week_since)
    aside = await pool.fetch(_QUARANTINED, day_since, week_since)
    rows = [("kept", row) for row in kept] + [("quarantined", row) for row in aside]
    found = [Received(outcome=outcome, **row) for outcome, row in rows]
    return sorted(found, key=lambda one: (one.source, one.outcome))
