"""PagerDuty's objects as webhooks and REST show them: none of their fields is trusted to be there, or of its type."""

import re
from collections.abc import Mapping
from typing import Any

from em_agent.domain.incidents import Ref, Snapshot
from em_agent.domain.times import parse_time

_URGENCIES = {"high", "low"}
# An id is a key of tables: a longer one fits no index.
_LONGEST_ID = 200
# Longer than any name is, and with an id of the longest kind still what an index takes. The marts cut it there, too.
LONGEST_NAME = 400
_MOST_DIGITS = 18


def read_snapshot(data: Mapping[str, Any]) -> Snapshot:
    """What the incident's object states of it."""
    priority = _named(data.get("priority"))
    number = _integer(data.get("number"))
    reason = mapping(data.get("resolve_reason"))
    urgency = data.get("urgency")
    return Snapshot(
        number=number if number is not None else _integer(data.get("incident_number")),
        title=read_text(data.get("title")),
        url=read_text(data.get("html_url")),
        urgency=urgency if isinstance(urgency, str) and urgency in _URGENCIES else None,
        created_at=parse_time(data.get("created_at")),
        service=_named(data.get("service")),
        escalation_policy=_named(data.get("escalation_policy")),
        priority=priority,
        is_priority_stated=priority is not None or ("priority" in data and data["priority"] is None),
        teams=_refs(data.get("teams")),
        assignees=_assignees(data),
        resolve_reason=read_text(reason.get("type")),
        merged_into=read_id(mapping(reason.get("incident")).get("id")),
    )


def _assignees(data: Mapping[str, Any]) -> tuple[Ref, ...] | None:
    stated = _refs(data.get("assignees"))
    if stated is None and isinstance(data.get("assignments"), list):
        return _refs([mapping(assignment).get("assignee") for assignment in data["assignments"]])
    return stated


def read_ref(value: object) -> Ref | None:
    """A reference; priorities and expanded objects may have `name` for `summary`."""
    fields = mapping(value)
    name = _name(fields.get("summary")) or _name(fields.get("name"))
    ref = Ref(read_id(fields.get("id")), name, read_text(fields.get("type")))
    return ref if ref.id or ref.name or ref.type else None


def _name(value: object) -> str | None:
    """The value as a name, cut to its longest, if it is more than white space."""
    name = (read_text(value) or "")[:LONGEST_NAME]
    return name if name.strip() else None


def _named(value: object) -> Ref | None:
    ref = read_ref(value)
    return ref if ref is not None and (ref.id or ref.name) else None


def _refs(value: object) -> tuple[Ref, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(ref for ref in map(_named, value) if ref is not None)


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def read_text(value: object) -> str | None:
    """The value if it is a text that is not empty."""
    return value if isinstance(value, str) and value else None


def read_id(value: object) -> str | None:
    """An id: a text, or an integer by its digits. Its form is not fixed: https://developer.pagerduty.com/docs/object-ids."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**_MOST_DIGITS else None
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID else None


def _integer(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**_MOST_DIGITS
    return value if is_number and isinstance(value, int) else None
