"""Incident events as rows of `incident_events`, and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from em_agent.domain.incidents import IncidentEvent, Note, Ref, Snapshot
from em_agent.kit import json
from em_agent.kit.postgres import Connection

_COLUMNS = (
    "event_id", "incident_id", "source", "delivery_id", "kind", "at", "occurred_at", "received_at",
    "is_clock_suspect", "actor_id", "actor_type", "actor", "text", "detail",
)  # fmt: skip
_TYPES = (
    "bigint", "text", "text", "text", "text", "timestamptz", "timestamptz", "timestamptz",
    "boolean", "text", "text", "text", "text", "text",
)  # fmt: skip

_SAVE = f"""
INSERT INTO incident_events ({", ".join(_COLUMNS)})
SELECT {", ".join(f"f.{name}" for name in _COLUMNS[:-1])}, f.detail::jsonb
FROM unnest({", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_TYPES, 1))}) AS f ({", ".join(_COLUMNS)})
ON CONFLICT (event_id) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""  # noqa: S608 - names of ours

_LOAD = f"SELECT {', '.join(_COLUMNS)} FROM incident_events WHERE incident_id = ANY($1)"  # noqa: S608

_PRUNE = """
DELETE FROM incident_events AS f
WHERE f.event_id > $1 AND f.event_id <= $2
    AND (f.event_id = ANY($3) OR NOT EXISTS (SELECT FROM events_raw AS e WHERE e.id = f.event_id))
"""


async def save(connection: Connection, events: Sequence[IncidentEvent]) -> None:
    """Write the events; one that is there already is replaced by the same."""
    if not events:
        return
    rows = {event.event_id: _to_row(event) for event in events}
    columns = zip(*(rows[event_id] for event_id in sorted(rows)), strict=True)
    await connection.execute(_SAVE, *(list(column) for column in columns))


async def load(connection: Connection, incident_ids: Sequence[str]) -> dict[str, list[IncidentEvent]]:
    """Every event of each incident, in no order."""
    found: dict[str, list[IncidentEvent]] = {}
    for row in await connection.fetch(_LOAD, incident_ids):
        found.setdefault(row["incident_id"], []).append(_from_row(row))
    return found


async def prune(connection: Connection, *, after: int, until: int, silent: Sequence[int]) -> None:
    """Delete the facts of `silent` events, and those with ids in (after, until] whose event is gone.

    What a worker adds meanwhile, of an event that was committed late, stays.
    """
    await connection.execute(_PRUNE, after, until, silent)


def _to_row(event: IncidentEvent) -> tuple[Any, ...]:
    actor = event.actor or Ref(None, None)
    detail = {"snapshot": event.snapshot, "note": event.note}
    return (
        event.event_id,
        event.incident_id,
        event.source,
        event.delivery_id,
        event.kind,
        event.at,
        event.occurred_at,
        event.received_at,
        event.is_clock_suspect,
        actor.id,
        actor.type,
        actor.name,
        event.text,
        orjson.dumps({key: value for key, value in detail.items() if value is not None}).decode(),
    )


def _from_row(row: asyncpg.Record) -> IncidentEvent:
    detail = json.loads(row["detail"])
    has_actor = row["actor_id"] or row["actor"] or row["actor_type"]
    return IncidentEvent(
        **{name: row[name] for name in _COLUMNS[:9]},
        actor=Ref(row["actor_id"], row["actor"], row["actor_type"]) if has_actor else None,
        text=row["text"],
        snapshot=_snapshot(detail["snapshot"]) if "snapshot" in detail else None,
        note=Note(**detail["note"]) if "note" in detail else None,
    )


def _snapshot(fields: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        **{
            **fields,
            "created_at": _time(fields["created_at"]),
            "status_at": _time(fields.get("status_at")),
            "service": _ref(fields["service"]),
            "escalation_policy": _ref(fields["escalation_policy"]),
            "priority": _ref(fields["priority"]),
            "teams": _refs(fields["teams"]),
            "assignees": _refs(fields["assignees"]),
        }
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _ref(fields: Mapping[str, Any] | None) -> Ref | None:
    return Ref(**fields) if fields is not None else None


def _refs(items: Sequence[Mapping[str, Any]] | None) -> tuple[Ref, ...] | None:
    return tuple(Ref(**item) for item in items) if items is not None else None
