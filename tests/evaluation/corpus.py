"""The invented company: its incidents, what is asked about them, and the deliveries that tell of the incidents."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.deliveries import body_of, reference

FOLDER = Path(__file__).parent
ANSWER, RELATED = 2, 1


@dataclass(frozen=True, slots=True)
class Note:
    """What someone wrote on an incident."""

    by: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident as the company had it."""

    key: str
    number: int
    title: str
    service: str
    team: str
    urgency: str
    triggered: datetime
    priority: str | None = None
    acknowledged: datetime | None = None
    resolved: datetime | None = None
    reopened: datetime | None = None
    resolved_again: datetime | None = None
    merged_into: str | None = None
    notes: tuple[Note, ...] = ()

    @property
    def id(self) -> str:
        """Its id at PagerDuty."""
        return id_of("incident", self.key)

    @property
    def document_id(self) -> str:
        """Its id in the memory."""
        return f"pagerduty:incident:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What someone asks at `now`, and the incidents that answer it; no grades where nothing does."""

    q: str
    kind: str
    now: datetime
    grades: Mapping[str, int] = field(default_factory=dict)
    is_near: bool = False
    fact: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@cache
def incidents() -> dict[str, Incident]:
    """Every incident by its key, in the order of time."""
    table = tomllib.loads((FOLDER / "incidents.toml").read_text("utf-8"))["incident"]
    read = [Incident(**row, notes=tuple(Note(**note) for note in notes)) for row, notes in map(_split, table)]
    return {incident.key: incident for incident in read}


def _split(row: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return row, row.pop("note", [])


@cache
def questions() -> tuple[ZoneInfo, tuple[Question, ...]]:
    """The company's time zone, and every question."""
    table = tomllib.loads((FOLDER / "questions.toml").read_text("utf-8"))
    return ZoneInfo(table["timezone"]), tuple(_question(row, table["now"]) for row in table["question"])


def _question(row: Mapping[str, Any], now: datetime) -> Question:
    grades = dict.fromkeys(row.get("related", ()), RELATED) | dict.fromkeys(row.get("answers", ()), ANSWER)
    return Question(
        q=row["q"],
        kind=row["kind"],
        is_near=row.get("wording") == "near",
        now=row.get("now", now),
        grades={incidents()[key].document_id: grade for key, grade in grades.items()},
        fact=tuple(row.get("fact", ())),
        since=row.get("since"),
        until=row.get("until"),
    )


def id_of(kind: str, name: str) -> str:
    """An id like PagerDuty's, the same for the same thing."""
    digits = int.from_bytes(sha256(f"{kind} {name}".encode()).digest()[:9])
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "Q" + "".join(letters[digits // 36**place % 36] for place in range(13))


def deliveries(incident: Incident) -> Iterator[bytes]:
    """The bodies of the webhooks that tell of the incident."""
    first = incident.notes[0].by if incident.notes else None
    yield _lifecycle(incident, "triggered", incident.triggered, None)
    if incident.acknowledged:
        yield _lifecycle(incident, "acknowledged", incident.acknowledged, first)
    for number, note in enumerate(incident.notes):
        data = {
            "id": id_of("note", f"{incident.key} {number}"),
            "type": "incident_note",
            "incident": reference(incident.id, "incident", incident.title),
            "content": note.text,
            "trimmed": False,
        }
        yield _body(f"{incident.key} note {number}", "annotated", note.at, note.by, data)
    for kind, at in (("resolved", incident.resolved), ("reopened", incident.reopened)):
        if at:
            yield _lifecycle(incident, kind, at, first)
    if incident.resolved_again:
        yield _lifecycle(incident, "resolved", incident.resolved_again, first, number=2)


def _lifecycle(incident: Incident, kind: str, at: datetime, by: str | None, *, number: int = 1) -> bytes:
    is_merge = kind == "resolved" and incident.merged_into is not None
    merged_into = incidents()[incident.merged_into].id if incident.merged_into else ""
    reason = {"type": "merge_resolve_reason", "incident": reference(merged_into, "incident")}
    data = {
        "id": incident.id,
        "type": "incident",
        "self": f"https://api.example.com/incidents/{incident.id}",
        "html_url": f"https://viareo.example.com/incidents/{incident.id}",
        "number": incident.number,
        "status": {"reopened": "triggered"}.get(kind, kind),
        "incident_key": None,
        "created_at": _written(incident.triggered),
        "title": incident.title,
        "service": reference(id_of("service", incident.service), "service", incident.service),
        "assignees": [],
        "escalation_policy": reference(id_of("policy", incident.team), "escalation_policy", incident.team),
        "teams": [reference(id_of("team", incident.team), "team", incident.team)],
        "priority": incident.priority
        and reference(id_of("priority", incident.priority), "priority", incident.priority),
        "urgency": incident.urgency,
        "conference_bridge": None,
        "resolve_reason": reason if is_merge else None,
    }
    return _body(f"{incident.key} {kind} {number}", kind, at, by, data)


def _body(name: str, kind: str, at: datetime, by: str | None, data: Mapping[str, Any]) -> bytes:
    return body_of(
        {
            "event": {
                "id": id_of("event", name),
                "event_type": f"incident.{kind}",
                "resource_type": "incident",
                "occurred_at": _written(at),
                "agent": by and reference(id_of("user", by), "user", by),
                "client": None,
                "data": data,
            }
        }
    )


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
