"""What a PagerDuty event says about an incident.

Two shapes of the incident are read: that of webhooks V3 (`number`, `assignees`) and that of REST (`incident_number`,
`assignments`). Any field but `id` and `type` may be null, and none is trusted to be there or of its type:
https://developer.pagerduty.com/docs/webhooks-overview.
"""

import re
from collections.abc import Mapping
from typing import Any

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent, Note, Ref, Snapshot
from em_agent.domain.times import effective_time, parse_time
from em_agent.integrations.source import Document

_PREFIX = "incident."
_URGENCIES = {"high", "low"}
# An id is a key of tables: a longer one fits no index.
_LONGEST_ID = 200
_MOST_DIGITS = 18


def to_incident_event(event: StoredEvent, document: Document) -> IncidentEvent | None:
    """The event as its incident's timeline has it; None where it names no incident."""
    envelope = _mapping(document.get("event"))
    event_type = envelope.get("event_type")
    data = _mapping(envelope.get("data"))
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
        actor=_ref(envelope.get("agent")),
        text=_text(data.get("content")) or _text(data.get("message")),
        snapshot=_snapshot(data) if _is_incident(data) else None,
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
        return _id(data.get("id"))
    referenced = _id(_mapping(data.get("incident")).get("id"))
    if referenced is None:
        roles = data.get("incident_role_assignments")
        first = _mapping(roles[0]) if isinstance(roles, list) and roles else {}
        referenced = _id(_mapping(first.get("incident")).get("id"))
    return referenced


def _snapshot(data: Mapping[str, Any]) -> Snapshot:
    priority = _named(data.get("priority"))
    number = _integer(data.get("number"))
    reason = _mapping(data.get("resolve_reason"))
    urgency = data.get("urgency")
    return Snapshot(
        number=number if number is not None else _integer(data.get("incident_number")),
        title=_text(data.get("title")),
        url=_text(data.get("html_url")),
        urgency=urgency if isinstance(urgency, str) and urgency in _URGENCIES else None,
        created_at=parse_time(data.get("created_at")),
        service=_named(data.get("service")),
        escalation_policy=_named(data.get("escalation_policy")),
        priority=priority,
        is_priority_stated=priority is not None or ("priority" in data and data["priority"] is None),
        teams=_refs(data.get("teams")),
        assignees=_assignees(data),
        resolve_reason=_text(reason.get("type")),
        merged_into=_id(_mapping(reason.get("incident")).get("id")),
    )


def _assignees(data: Mapping[str, Any]) -> tuple[Ref, ...] | None:
    stated = _refs(data.get("assignees"))
    if stated is None and isinstance(data.get("assignments"), list):
        return _refs([_mapping(assignment).get("assignee") for assignment in data["assignments"]])
    return stated


def _note(data: Mapping[str, Any]) -> Note | None:
    content = _text(data.get("content"))
    return Note(_id(data.get("id")), content, is_trimmed=data.get("trimmed") is True) if content else None


def _ref(value: object) -> Ref | None:
    """A reference; priorities and expanded objects may have `name` for `summary`."""
    fields = _mapping(value)
    ref = Ref(
        _id(fields.get("id")), _text(fields.get("summary")) or _text(fields.get("name")), _text(fields.get("type"))
    )
    return ref if ref.id or ref.name or ref.type else None


def _named(value: object) -> Ref | None:
    ref = _ref(value)
    return ref if ref is not None and (ref.id or ref.name) else None


def _refs(value: object) -> tuple[Ref, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(ref for ref in map(_named, value) if ref is not None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _id(value: object) -> str | None:
    """An id: a text, or an integer by its digits. Its form is not fixed: https://developer.pagerduty.com/docs/object-ids."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**_MOST_DIGITS else None
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID else None


def _integer(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**_MOST_DIGITS
    return value if is_number and isinstance(value, int) else None
