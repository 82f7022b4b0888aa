"""The table of what Slack has heard of incidents, and of those of which it has not heard all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from em_agent.kit import json
from em_agent.kit.postgres import Connection, Pool

MOST_OF_A_CHANNEL = 500  # at one look

_SAY_ON = """
INSERT INTO slack_announcing DEFAULT VALUES ON CONFLICT (is_on) DO UPDATE SET seen_at = clock_timestamp()
"""

# A channel that is slow, or refuses, piles up incidents: each channel has its own share of a look.
_PENDING = f"""
WITH placed AS (
    SELECT p.*, row_number() OVER (
        PARTITION BY coalesce(a.channel, p.channel) ORDER BY a.ts IS NOT NULL, i.triggered_at, p.incident_id
    ) AS place
    FROM slack_pending AS p
    LEFT JOIN incidents AS i ON i.id = p.incident_id
    LEFT JOIN slack_announcements AS a ON a.incident_id = p.incident_id
)
SELECT p.incident_id, p.first_at, p.marked_at, p.channel AS last_channel,
    i.id, i.number, i.title, i.status, i.urgency, i.priority, i.service_id, i.service, i.team_ids, i.teams,
    i.triggered_at, i.resolved_at,
    a.channel, a.ts, a.shown, a.heard, a.has_similar, a.sending, a.announced_at, a.changed_at
FROM placed AS p
LEFT JOIN incidents AS i ON i.id = p.incident_id
LEFT JOIN slack_announcements AS a ON a.incident_id = p.incident_id
WHERE p.place <= {MOST_OF_A_CHANNEL}
ORDER BY a.ts IS NOT NULL, i.triggered_at, p.incident_id
"""  # noqa: S608 - a number of ours

_ASSIGN = """
UPDATE slack_pending AS p SET channel = given.channel
FROM unnest($1::text[], $2::text[]) AS given (incident_id, channel)
WHERE p.incident_id = given.incident_id
"""

_CLEAR = "DELETE FROM slack_pending WHERE incident_id = $1 AND marked_at = $2"
_LATER = "UPDATE slack_pending SET first_at = clock_timestamp() WHERE incident_id = $1"

_BEGIN = """
INSERT INTO slack_announcements (incident_id, channel, sending, heard) VALUES ($1, $2, $3, $4)
ON CONFLICT (incident_id) DO UPDATE SET sending = excluded.sending
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that Slack has heard of: the same one may later be known by another row."""

    kind: str
    at: float

    def is_same(self, kind: str, at: datetime) -> bool:
        """Whether it is that event."""
        return self.kind == kind and abs(self.at - at.timestamp()) <= 2.5  # noqa: PLR2004 - as facts are merged


async def say_on(pool: Pool) -> None:
    """Have incidents marked from now on, for a while."""
    await pool.execute(_SAY_ON)


async def say_off(pool: Pool) -> None:
    """Have no incident marked any more."""
    await pool.execute("DELETE FROM slack_announcing")
    await pool.execute("DELETE FROM slack_pending")


async def pending(pool: Pool) -> list[asyncpg.Record]:
    """Of each channel, incidents of which it may not have heard all: first the new ones, the oldest."""
    return await pool.fetch(_PENDING)


async def assign(pool: Pool, channels: Mapping[str, str]) -> None:
    """Remember which channels incidents belong to, for the next look."""
    if channels:
        await pool.execute(_ASSIGN, list(channels), list(channels.values()))


async def clear(pool: Pool, row: asyncpg.Record) -> None:
    """Slack has heard all of the incident, unless it was marked again meanwhile."""
    await pool.execute(_CLEAR, row["incident_id"], row["marked_at"])
    await pool.execute(_LATER, row["incident_id"])


async def begin(pool: Pool, incident_id: str, channel: str, mark: str) -> None:
    """Note that the message with this mark may arrive from now on."""
    await pool.execute(_BEGIN, incident_id, channel, mark, "[]")


async def note(pool: Pool | Connection, incident_id: str, **values: Any) -> None:  # noqa: ANN401 - of its columns
    """Note that what was begun has arrived, and what it changed."""
    names = list(values)
    assignments = "".join(f", {name} = ${number}" for number, name in enumerate(names, 2))
    statement = f"UPDATE slack_announcements SET sending = NULL{assignments} WHERE incident_id = $1"  # noqa: S608 - names of ours
    await pool.execute(statement, incident_id, *values.values())


def read_heard(document: str | None) -> list[Heard]:
    """The events in a row's `heard`."""
    return [Heard(kind, at) for kind, at in json.loads(document or "[]")]


def write_heard(heard: Sequence[Heard]) -> str:
    """The events for a row's `heard`."""
    return json.dumps([[one.kind, one.at] for one in heard]).decode()
