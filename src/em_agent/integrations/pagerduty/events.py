"""What a PagerDuty event says about an incident.

Two shapes of the incident are read: that of webhooks V3 (`number`, `assignees`) and that of REST (`incident_number`,
`assignments`). Any field but `id` and `type` may be null, and none is trusted to be there or of its type:
https://developer.pagerduty.com/docs/webhooks-overview.
"""

from collections.abc import Mapping
from typing import Any

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent, Note
from em_agent.domain.times import effective_time
from em_agent.integrations.pagerduty.objects import mapping, read_id, read_ref, read_snapshot, read_text
from em_agent.integrations.readers import Document

_PREFIX = "incident."


def to_incident_event(event: StoredEvent, document: Document) -> IncidentEvent | None:
    """The event as its incident's timeline has it; None where it names no incident."""
    envelope = mapping(document.get("event"))
    event_type = envelope.get("event_type")
    data = mapping(envelope.get("data"))
    incident_id = _incident_id(data)
    if not isinstance(event_type, str) or not event_type.startswith(_PREFIX) or incident_id is None:
        return None
    at, is_clock_suspect = effective_time(event.occurred_at, event.received_at)
    kind = event_type.removeprefix(_PREFIX)
    return IncidentEvent(
        event_id=event.id,
        incident_id=incident_id,
        source=event.source,
        delivery_id=event.delivery_id,
        kind=kind,
        at=at,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        is_clock_suspect=is_clock_suspect,
        actor=read_ref(envelope.get("agent")),
        text=read_text(data.get("content")) or read_text(data.get("message")),
        snapshot=read_snapshot(data) if _is_incident(data) else None,
        note=_note(data) if kind == "annotated" else None,
    )


def _is_incident(data: Mapping[str, Any]) -> bool:
    """Whether the data is the incident itself; the older shape names no type."""
    stated = data.get("type")
    if isinstance(stated, str):
        return stated in {"incident", "incident_reference"}
    return "incident" not in data


def _incident_id(data: Mapping[str, Any]) -> str | None:
    if _is_incident(data):
        return read_id(data.get("id"))
    referenced = read_id(mapping(data.get("incident")).get("id"))
    if referenced is None:
        roles = data.get("incident_role_assignments")
        first = mapping(roles[0]) if isinstance(roles, list) and roles else {}
        referenced = read_id(mapping(first.get("incident")).get("id"))
    return referenced


def _note(data: Mapping[str, Any]) -> Note | None:
    content = read_text(data.get("content"))
    return Note(read_id(data.get("id")), content, is_trimmed=data.get("trimmed") is True) if content else None
