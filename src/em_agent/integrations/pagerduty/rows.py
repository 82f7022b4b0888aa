"""What is read over REST, as rows of `events_raw`.

A log entry is a fact as a webhook is. A snapshot is what an incident, or a note of it, looked like when it was read:
one row for each look that it had, and another where it looks so again after it looked different.

    source pagerduty_api       acknowledge_log_entry   the log entry
    source pagerduty_snapshot  incident                {"incident": {…}, "has_log": true, "alerts": […]}
                               incident_note           {"incident": {"id": …}, "note": {…}}
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from em_agent.domain.deliveries import Delivery
from em_agent.domain.times import parse_time
from em_agent.errors import InvalidError
from em_agent.integrations.pagerduty import log_entries, snapshots
from em_agent.integrations.readers import LONGEST_DELIVERY_ID, LONGEST_EVENT_TYPE
from em_agent.kit import json

LOG, SNAPSHOT = log_entries.SOURCE, snapshots.SOURCE

# What changes although the incident does not.
_VOLATILE = {"alert_counts", "is_mergeable", "pending_actions", "updated_at"}
# The hash stands behind it in a delivery id, and a number behind that where it looks so again.
_LONGEST_ID = 100
_LOOK = re.compile(r"(.+):([0-9a-f]{64})(?:~[0-9]+)?", re.DOTALL)

Row = Mapping[str, Any]


def log_entry_row(entry: Row) -> Delivery:
    """The log entry as an event of the time when it happened.

    Raises:
        InvalidError: it has no id or type.

    """
    entry_type = entry.get("type")
    if not isinstance(entry_type, str) or not 0 < len(entry_type) <= LONGEST_EVENT_TYPE:
        message = "A log entry has no type."
        raise InvalidError(message)
    return Delivery(
        source=LOG,
        delivery_id=id_of(entry, "log entry", LONGEST_DELIVERY_ID),
        event_type=entry_type,
        occurred_at=parse_time(entry.get("created_at")),
        body=json.dumps_any(entry),
    )


def incident_row(incident: Row, *, has_log: bool, alerts: Sequence[Row] | None = None) -> Delivery:
    """The incident as it looks now, with its alerts if they were asked for; unchanged, it has the same delivery id.

    Raises:
        InvalidError: it has no id.

    """
    incident_id = id_of(incident, "incident")
    said: dict[str, Any] = {"has_log": has_log} if alerts is None else {"has_log": has_log, "alerts": alerts}
    lasting = {name: value for name, value in incident.items() if name not in _VOLATILE}
    return Delivery(
        source=SNAPSHOT,
        delivery_id=f"{incident_id}:{_digest({'incident': lasting, **said})}",
        event_type="incident",
        body=json.dumps_any({"incident": incident, **said}),
    )


def note_row(incident_id: str, note: Row) -> Delivery:
    """A note as it reads now.

    Raises:
        InvalidError: it has no id.

    """
    return Delivery(
        source=SNAPSHOT,
        delivery_id=f"{incident_id}:note:{id_of(note, 'note')}:{_digest(note)}",
        event_type="incident_note",
        occurred_at=parse_time(note.get("created_at")),
        body=json.dumps_any({"incident": {"id": incident_id}, "note": note}),
    )


def look_of(delivery_id: str) -> tuple[str, str]:
    """Whose look a snapshot's delivery id names, and which."""
    found = _LOOK.fullmatch(delivery_id)
    return (found[1], found[2]) if found else (delivery_id, "")


def incident_of_look(delivery_id: str) -> str:
    """The id of the incident that a snapshot's delivery id names."""
    return delivery_id.partition(":")[0]


def look_again(delivery_id: str, last: int) -> str:
    """The delivery id of a look that was there before, but not in the event `last`, the newest."""
    return f"{delivery_id}~{last}"


def id_of(row: Row, kind: str = "row", longest: int = _LONGEST_ID) -> str:
    """The row's id.

    Raises:
        InvalidError: it has none that can be a key.

    """
    found = row.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= longest or "\x00" in found:
        message = f"One {kind} has no id."
        raise InvalidError(message)
    return found


def incident_of(entry: Row) -> str | None:
    """The id of the incident that a log entry is of; None where it names none."""
    incident = entry.get("incident")
    found = incident.get("id") if isinstance(incident, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= _LONGEST_ID else None


def _digest(document: object) -> str:
    return hashlib.sha256(json.dumps_any(document)).hexdigest()
