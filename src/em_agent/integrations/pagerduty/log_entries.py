"""What an entry of an incident's log says, as REST gives it.

    {"id": "R2XF...", "type": "acknowledge_log_entry", "created_at": "2026-03-01T10:02:11Z", "agent": {...},
     "channel": {"type": "website"}, "incident": {"id": "P123ABC", ...}, "service": {...}, "teams": [...]}

The entry itself is the record: https://developer.pagerduty.com/api-reference/c661e065403b5-list-log-entries.
Its service and teams are not read: what REST shows of the incident comes with it, and states them and more.
"""

import re

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent
from em_agent.domain.times import effective_time
from em_agent.integrations.pagerduty.objects import mapping, read_id, read_ref, read_text
from em_agent.integrations.readers import Document

SOURCE = "pagerduty_api"

_TYPE = re.compile(r"(.+)_log_entry(?:_reference)?", re.DOTALL)

# What webhooks call it; others keep their name. PagerDuty's schema has `acknowledgement` by mistake.
_KINDS = {
    "trigger": "triggered",
    "acknowledge": "acknowledged",
    "acknowledgement": "acknowledged",
    "unacknowledge": "unacknowledged",
    "escalate": "escalated",
    "delegate": "delegated",
    "assign": "assigned",
    "annotate": "annotated",
    "resolve": "resolved",
}

# Whose channel says what was said; that of others only names a website or a telephone.
_TELLING = {"trigger", "annotate"}


def to_incident_event(event: StoredEvent, document: Document) -> IncidentEvent | None:
    """The entry as its incident's timeline has it; None where it names no incident, or has no type."""
    entry = mapping(document)
    entry_type = _TYPE.fullmatch(read_text(entry.get("type")) or "")
    incident_id = read_id(mapping(entry.get("incident")).get("id"))
    if entry_type is None or incident_id is None:
        return None
    kind = _KINDS.get(entry_type[1], entry_type[1])
    said = read_text(mapping(entry.get("channel")).get("summary"))
    at, is_clock_suspect = effective_time(event.occurred_at, event.received_at)
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
        # Nobody does a notification; it has a receiver.
        actor=read_ref(entry.get("user" if kind == "notify" else "agent")),
        text=read_text(entry.get("note")) or (said if entry_type[1] in _TELLING else None),
    )
