"""What REST showed of an incident: the incident itself, or a note of it.

    {"incident": {"id": "P123ABC", "incident_number": 42, "status": "resolved", ...}, "has_log": true}
    {"incident": {"id": "P123ABC"}, "note": {"id": "PN1", "user": {...}, "content": "...", "created_at": "..."}}

`has_log` tells whether the incident's log could be read. If not, a resolution that the incident itself tells of is all
that will be known of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import OBSERVED, SEEN_OPEN, IncidentEvent, Note, Ref, Snapshot
from em_agent.domain.times import CLOCK_TOLERANCE, effective_time, parse_time
from em_agent.integrations.pagerduty.objects import mapping, read_id, read_ref, read_snapshot, read_text
from em_agent.integrations.readers import Document

SOURCE = "pagerduty_snapshot"


def to_incident_event(event: StoredEvent, document: Document) -> IncidentEvent | None:
    """What was seen, as an event of the incident; None where no incident is named, or the note has no text."""
    document = mapping(document)
    incident = mapping(document.get("incident"))
    incident_id = read_id(incident.get("id"))
    note = _note(mapping(document["note"])) if "note" in document else None
    if incident_id is None or ("note" in document and note is None):
        return None
    at, is_clock_suspect = effective_time(event.occurred_at, event.received_at)
    return IncidentEvent(
        event_id=event.id,
        incident_id=incident_id,
        source=event.source,
        delivery_id=event.delivery_id,
        kind="annotated" if note else OBSERVED,
        at=at,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        is_clock_suspect=is_clock_suspect,
        actor=_actor(incident, document),
        text=note.content if note else None,
        snapshot=None if note else _snapshot(incident, event.received_at, has_log=document.get("has_log") is not False),
        note=note,
    )


def _snapshot(incident: Mapping[str, Any], received_at: datetime, *, has_log: bool) -> Snapshot:
    snapshot = read_snapshot(incident)
    status = incident.get("status")
    if isinstance(status, str) and status in SEEN_OPEN:
        # A reopening stands in no log. That the incident is open, and since when, is the only trace of the last one.
        since = parse_time(incident.get("last_status_change_at"))
    elif status == "resolved" and not has_log:
        since = parse_time(incident.get("resolved_at"))
    else:
        return snapshot
    if since is None or since - received_at > CLOCK_TOLERANCE:
        return snapshot
    return replace(snapshot, status=str(status), status_at=since)


def _note(fields: Mapping[str, Any]) -> Note | None:
    content = read_text(fields.get("content"))
    return Note(read_id(fields.get("id")), content, is_trimmed=False) if content else None


def _actor(incident: Mapping[str, Any], document: Document) -> Ref | None:
    return read_ref(
        mapping(document["note"]).get("user") if "note" in document else incident.get("last_status_change_by")
    )
