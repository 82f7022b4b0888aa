"""Random incident histories as webhooks tell them, and what is true of each, worked out event by event."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.marts import Stored

START = datetime(2026, 3, 1, tzinfo=UTC)
RANK = {"triggered": 0, "acknowledged": 1, "reopened": 2, "resolved": 4}
KINDS = (
    "triggered", "acknowledged", "acknowledged", "resolved", "resolved", "reopened", "escalated", "delegated",
    "reassigned", "annotated", "priority_updated", "unacknowledged", "status_update_published", "service_updated",
)  # fmt: skip
PRIORITIES = (None, {"id": "PR1", "summary": "P1"}, {"id": "PR2", "name": "P2"}, {"id": "PR3", "summary": "SEV-3"})


@dataclass
class Told:
    """One event of a history, before it is made a body."""

    delivery_id: str
    kind: str
    occurred_at: datetime | None
    received_at: datetime
    data: dict[str, Any]
    agent: dict[str, Any] | None
    incident_id: str
    is_snapshot: bool

    @property
    def is_clock_suspect(self) -> bool:
        return self.occurred_at is not None and self.occurred_at - self.received_at > timedelta(days=1)

    @property
    def at(self) -> datetime:
        return self.received_at if self.occurred_at is None or self.is_clock_suspect else self.occurred_at

    @property
    def order(self) -> tuple[datetime, int, str]:
        return self.at, RANK.get(self.kind, 3), self.delivery_id

    def stored(self) -> tuple[str, str, datetime | None, datetime]:
        """As `events_raw` has it."""
        event = {
            "id": self.delivery_id, "event_type": f"incident.{self.kind}", "agent": self.agent, "data": self.data,
            "occurred_at": self.occurred_at.isoformat() if self.occurred_at else None,
        }  # fmt: skip
        return self.delivery_id, json.dumps({"event": event}), self.occurred_at, self.received_at


def histories(seed: int, incidents: int) -> list[Told]:
    """The events of some incidents, in the order in which they are received."""
    rng = random.Random(seed)
    told = [event for n in range(incidents) for event in _history(rng, f"P{seed}X{n:04}")]
    rng.shuffle(told)
    return told


def _history(rng: random.Random, incident_id: str) -> list[Told]:
    start = START + timedelta(milliseconds=rng.randrange(0, 60 * 86_400_000))
    service = rng.randrange(4)
    events = []
    at = start
    kinds = [rng.choice(KINDS) for _ in range(rng.randrange(0, 7))]
    if rng.random() < 0.9:
        kinds.insert(0, "triggered")
    if rng.random() < 0.7:
        kinds.append("resolved")
    for n, kind in enumerate(kinds):
        at += timedelta(milliseconds=rng.choice((0, 0, 1, 1500, 61_000, 3_600_000, -45_000)))
        occurred = None if rng.random() < 0.03 else at
        received = at + timedelta(milliseconds=rng.randrange(0, 90_000))
        if rng.random() < 0.02:
            received = at - timedelta(days=2)
        is_note = kind in {"annotated", "status_update_published"}
        data = _note(rng, incident_id) if is_note else _snapshot(rng, incident_id, kind, start, service)
        agent = rng.choice((None, {"id": "PU1", "type": "user_reference"}, {"id": "PI", "type": "service_reference"}))
        events.append(
            Told(
                f"{incident_id}-{rng.randrange(10**9)}-{n}",
                kind,
                occurred,
                received,
                data,
                agent,
                incident_id,
                not is_note,
            )
        )
    return events


def read_histories(seed: int, incidents: int) -> list[Stored]:
    """The events of some incidents, and much that a crawl may have read of them, true or not, in any order."""
    rng = random.Random(seed)
    rows: list[Stored] = []
    for n in range(incidents):
        incident_id = f"R{seed}X{n:04}"
        told = _history(rng, incident_id)
        at = told[0].at if told else START
        rows += [event.stored() for event in told if rng.random() < 0.7]
        times = [event.at for event in told] or [at]
        notes = [event.data["id"] for event in told if event.kind == "annotated"]
        for m in range(rng.randrange(9)):
            moment = rng.choice(times) + timedelta(seconds=rng.choice((0, 0, 1, 2, -2, 2.001, -2.001, 60)))
            received = at + timedelta(seconds=rng.choice((-90_000, 0, 30, 4000, 90_000)))
            read = rng.choice((_entry, _entry, _seen, _read_note))
            source, name, document = read(rng, incident_id, moment, notes)
            occurred = None if read is _seen or rng.random() < 0.05 else moment
            rows.append((f"{name}-{m}", json.dumps(document), occurred, received, source))
    rng.shuffle(rows)
    return rows


Read = tuple[str, str, dict[str, Any]]
_ODD: tuple[Any, ...] = (None, 7, "x", [], {}, {"id": 5}, [{"id": "PU9"}])
_AGENTS = (None, {"id": "PU1", "type": "user_reference"}, {"type": "user"}, {"id": "PI"}, "Ada")


def _entry(rng: random.Random, incident_id: str, at: datetime, _: list[str]) -> Read:
    kinds = ("trigger", "acknowledge", "acknowledgement", "resolve", "resolve", "resolve", "escalate", "delegate",
             "assign", "annotate", "annotate", "unacknowledge", "notify", "reassigned")  # fmt: skip
    entry: dict[str, Any] = {
        "id": "R", "type": f"{rng.choice(kinds)}_log_entry", "created_at": at.isoformat(), "agent": rng.choice(_AGENTS),
        "incident": {"id": incident_id}, "service": {"id": "WRONG"}, "teams": [], "priority": {"id": "WRONG"},
    }  # fmt: skip
    if rng.random() < 0.1:
        entry[rng.choice(("type", "incident", "agent", "incident_role_assignments"))] = rng.choice(_ODD)
    return "pagerduty_api", f"R{incident_id}", entry


def _seen(rng: random.Random, incident_id: str, at: datetime, _: list[str]) -> Read:
    incident = _snapshot(rng, incident_id, "resolved", START, rng.randrange(4))
    status = rng.choice(("triggered", "acknowledged", "resolved", "resolved", "resolved"))
    times = {"last_status_change_at": at.isoformat(), "resolved_at": at.isoformat() if status == "resolved" else None}
    incident |= {"status": status, "last_status_change_by": rng.choice(_AGENTS), **times}
    if rng.random() < 0.1:
        incident[rng.choice(("status", "resolved_at", "last_status_change_at", "last_status_change_by"))] = rng.choice(
            _ODD
        )
    has_log = rng.choice((True, False, False, "false", None, 0))
    return "pagerduty_snapshot", f"{incident_id}:s", {"incident": incident, "has_log": has_log}


def _read_note(rng: random.Random, incident_id: str, at: datetime, notes: list[str]) -> Read:
    note: dict[str, Any] = {
        "id": rng.choice((*notes, "N1", "N2", None)), "content": rng.choice(("what happened", "what happened", "", None)),
        "created_at": at.isoformat(), "user": rng.choice(_AGENTS),
    }  # fmt: skip
    document: dict[str, Any] = {"incident": {"id": incident_id}, "note": note}
    if rng.random() < 0.1:
        document[rng.choice(("incident", "note"))] = rng.choice(_ODD)
    return "pagerduty_snapshot", f"{incident_id}:note", document


def _note(rng: random.Random, incident_id: str) -> dict[str, Any]:
    return {
        "id": f"N{rng.randrange(10**6)}",
        "type": "incident_note",
        "incident": {"id": incident_id, "type": "incident_reference"},
        "content": "what happened",
        "service": {"id": "WRONG", "summary": "a note's field, not the incident's"},
    }


def _snapshot(rng: random.Random, incident_id: str, kind: str, start: datetime, service: int) -> dict[str, Any]:
    data: dict[str, Any] = {"id": incident_id, "type": "incident", "title": f"title {rng.randrange(3)}"}
    if rng.random() < 0.3:
        del data["type"]
    data[rng.choice(("number", "incident_number"))] = int(incident_id[-4:]) + 1
    if rng.random() < 0.8:
        data["created_at"] = (start - timedelta(milliseconds=rng.randrange(3) * 500)).isoformat().replace("+00:00", "Z")
    if rng.random() < 0.1:
        data["created_at"] = rng.choice((7, "yesterday", None, "2026-02-31T00:00:00Z", "99999-01-01T00:00:00Z"))
    if rng.random() < 0.9:
        data["service"] = {"id": f"S{service}", rng.choice(("summary", "name")): f"Service {service}"}
    if rng.random() < 0.1:
        data["service"] = rng.choice((None, [], "Checkout", {"id": {}, "summary": 3}, {"id": "S9"}))
    if rng.random() < 0.8:
        data["urgency"] = rng.choice(("high", "low", None, "medium"))
    if rng.random() < 0.7:
        data["priority"] = rng.choice(PRIORITIES)
    if rng.random() < 0.05:
        data["priority"] = rng.choice(("P1", 1, {"id": []}))
    if rng.random() < 0.6:
        data["teams"] = [{"id": f"T{n}", "summary": f"Team {n}"} for n in range(rng.randrange(3))]
    if rng.random() < 0.05:
        data["teams"] = rng.choice((None, {"id": "T1"}, [None, 5, {"id": "T1"}]))
    if kind == "resolved" and rng.random() < 0.2:
        data["resolve_reason"] = {"type": "merge_resolve_reason", "incident": {"id": "POTHER"}}
    return data
