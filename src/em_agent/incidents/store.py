"""Writes the state of incidents: facts first, then each incident folded anew from all of its facts."""

from collections.abc import Sequence
from typing import Any

from em_agent.domain.fold import fold
from em_agent.domain.incidents import Incident, IncidentEvent, Ref
from em_agent.incidents import facts, pending
from em_agent.kit import locks
from em_agent.kit.postgres import Connection

# Two workers with events of one incident take turns; the order of the locks keeps them from waiting in a circle.
_LOCK = """
SELECT pg_advisory_xact_lock($1, key)
FROM (SELECT DISTINCT hashtext(id) AS key FROM unnest($2::text[]) AS id ORDER BY 1) AS keys
"""

_INCIDENT = {
    "id": "text", "number": "bigint", "title": "text", "status": "text", "urgency": "text", "priority_id": "text",
    "priority": "text", "service_id": "text", "service": "text", "escalation_policy_id": "text",
    "escalation_policy": "text", "team_ids": "text", "teams": "text", "url": "text", "triggered_at": "timestamptz",
    "acknowledged_at": "timestamptz", "resolved_at": "timestamptz", "time_to_acknowledge_seconds": "double precision",
    "time_to_resolve_seconds": "double precision", "active_seconds": "double precision", "reopen_count": "integer",
    "escalation_count": "integer", "is_merged": "boolean", "merged_into": "text", "is_auto_resolved": "boolean",
    "last_event_at": "timestamptz",
}  # fmt: skip
_PARAMETERS = [f"${n}" for n in range(1, len(_INCIDENT) + 1)]

_SAVE_INCIDENT = f"""
INSERT INTO incidents ({", ".join(_INCIDENT)}) VALUES ({", ".join(_PARAMETERS)})
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _INCIDENT if name != "id")}
"""  # noqa: S608 - names of ours

_SAVE_EPISODE = "INSERT INTO incident_episodes VALUES ($1, $2, $3, $4, $5)"
_SAVE_NOTE = "INSERT INTO incident_notes VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
_SAVE_ASSIGNMENT = "INSERT INTO incident_assignments VALUES ($1, $2, $3, $4, $5)"
_PARTS = ("incident_episodes", "incident_notes", "incident_assignments")


async def lock(connection: Connection, ids: Sequence[str]) -> None:
    """Wait until no other folds the incidents; nobody does until the transaction ends."""
    await connection.execute(_LOCK, locks.INCIDENTS, ids)


async def apply(connection: Connection, events: Sequence[IncidentEvent]) -> None:
    """Add the events to what is known, and fold each of their incidents anew; repetition and order don't matter."""
    if not events:
        return
    ids = sorted({event.incident_id for event in events})
    async with connection.transaction():
        await lock(connection, ids)
        await facts.save(connection, events)
        await refold_locked(connection, ids)


async def refold(connection: Connection, ids: Sequence[str]) -> None:
    """Fold the incidents anew from their facts; one that has none is no longer there."""
    async with connection.transaction():
        await lock(connection, ids)
        await refold_locked(connection, ids)


async def refold_locked(connection: Connection, ids: Sequence[str]) -> None:
    """Do the same within a transaction that has locked them."""
    known = await facts.load(connection, ids)
    incidents = [fold(events) for events in known.values()]
    gone = [incident_id for incident_id in ids if incident_id not in known]
    await connection.execute("DELETE FROM incidents WHERE id = ANY($1)", gone)
    for table in _PARTS:
        await connection.execute(f"DELETE FROM {table} WHERE incident_id = ANY($1)", ids)  # noqa: S608
    await connection.executemany(_SAVE_INCIDENT, [_row(incident) for incident in incidents])
    await connection.executemany(
        _SAVE_EPISODE,
        [(i.id, e.ordinal, e.started_at, e.started_by, e.resolved_at) for i in incidents for e in i.episodes],
    )
    await connection.executemany(_SAVE_NOTE, [(i.id, *_note_row(event)) for i in incidents for event in i.notes])
    await connection.executemany(
        _SAVE_ASSIGNMENT,
        [(i.id, a.assignee_id, a.assignee, a.assigned_at, a.unassigned_at) for i in incidents for a in i.assignments],
    )
    await pending.mark(connection, ids)


def _row(incident: Incident) -> tuple[Any, ...]:
    snapshot = incident.snapshot
    nothing = Ref(None, None)
    priority, service = snapshot.priority or nothing, snapshot.service or nothing
    policy, teams = snapshot.escalation_policy or nothing, snapshot.teams or ()
    return (
        incident.id,
        snapshot.number,
        snapshot.title,
        incident.status,
        snapshot.urgency,
        priority.id,
        priority.name,
        service.id,
        service.name,
        policy.id,
        policy.name,
        [team.id or team.name for team in teams],
        [team.name or team.id for team in teams],
        snapshot.url,
        incident.triggered_at,
        incident.acknowledged_at,
        incident.resolved_at,
        incident.time_to_acknowledge_seconds,
        incident.time_to_resolve_seconds,
        incident.active_seconds,
        incident.reopen_count,
        incident.escalation_count,
        incident.is_merged,
        snapshot.merged_into if incident.is_merged else None,
        incident.is_auto_resolved,
        incident.last_event_at,
    )


def _note_row(event: IncidentEvent) -> tuple[Any, ...]:
    note, author = event.note, event.actor or Ref(None, None)
    if note is None:
        message = "only an event with a note has a note's row"
        raise ValueError(message)
    return event.event_id, note.id, event.at, author.id, author.name, note.content, note.is_trimmed
