"""Rebuilds the live state of incidents from the record: first every fact, then every incident out of its facts.

It may run while the product does: what the workers write meanwhile is the same. After an interruption it goes on
where it was.
"""

from collections.abc import Callable, Mapping
from typing import Any

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent
from em_agent.events import history
from em_agent.incidents import facts, store
from em_agent.integrations.registry import INCIDENT_READERS
from em_agent.kit import progress
from em_agent.kit.postgres import Connection

EVENTS_AT_ONCE = 500
INCIDENTS_AT_ONCE = 200

_FACTS = "replay.facts"
_INCIDENTS = "replay.incidents"

# Each half is cut along its index, so that a page costs the same in a long history.
_NEXT_IDS = """
SELECT id
FROM (
    (SELECT id FROM incidents WHERE id > $1 ORDER BY id LIMIT $2)
    UNION
    (SELECT DISTINCT incident_id FROM incident_events WHERE incident_id > $1 ORDER BY incident_id LIMIT $2)
) AS known (id)
ORDER BY id LIMIT $2
"""

Report = Callable[[str, int, int], None]


async def replay_incidents(connection: Connection, report: Report) -> None:
    """Rebuild all; `report` is called with the stage, what is done of it and the whole."""
    if await progress.place_of(connection, _INCIDENTS) is None:
        await _replay_facts(connection, report)
        await progress.remember(connection, _INCIDENTS, "")
    await _replay_folds(connection, report)
    await progress.forget(connection, _INCIDENTS)


async def _replay_facts(connection: Connection, report: Report) -> None:
    count, newest = await history.extent(connection)
    after = int(await progress.place_of(connection, _FACTS) or 0)
    done = await connection.fetchval("SELECT count(*) FROM events_raw WHERE id <= $1", after)
    while True:
        report("events", done, count)
        events = await history.page(
            connection, after=after, until=newest, limit=EVENTS_AT_ONCE, sources=list(INCIDENT_READERS)
        )
        until = events[-1][0].id if events else newest
        facts_by_id = {event.id: _read(event, document) for event, document in events}
        silent = [event_id for event_id, fact in facts_by_id.items() if fact is None]
        async with connection.transaction():
            await facts.save(connection, [fact for fact in facts_by_id.values() if fact is not None])
            await facts.prune(connection, after=after, until=until, silent=silent)
            await progress.remember(connection, _FACTS, str(until))
        if not events:
            break
        after, done = until, done + len(events)
    await progress.forget(connection, _FACTS)


async def _replay_folds(connection: Connection, report: Report) -> None:
    after = await progress.place_of(connection, _INCIDENTS) or ""
    count = await connection.fetchval("SELECT count(DISTINCT incident_id) FROM incident_events")
    done = await connection.fetchval(
        "SELECT count(DISTINCT incident_id) FROM incident_events WHERE incident_id <= $1", after
    )
    while True:
        report("incidents", done, count)
        ids = [row["id"] for row in await connection.fetch(_NEXT_IDS, after, INCIDENTS_AT_ONCE)]
        if not ids:
            return
        await store.refold(connection, ids)
        after, done = ids[-1], done + len(ids)
        await progress.remember(connection, _INCIDENTS, after)


def _read(event: StoredEvent, document: Mapping[str, Any]) -> IncidentEvent | None:
    read = INCIDENT_READERS.get(event.source)
    return read(event, document) if read is not None else None
