"""An account's incidents with everything that happened to them, and how REST shows it."""

import random
import string
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

PEOPLE = ["Ada Byron", "Grace Murray", "Søren Ibsen", "李小龙", "Zoë Quinn", "مريم"]
SERVICES = ["Production Database", "Checkout", "Search", "Login", "Billing", "Notifications", "CDN", "Data Pipeline"]
TEAMS = ["Storage", "Payments", "Platform"]
PRIORITIES = ["P1", "P2", "P3"]


@dataclass
class Entry:
    """A log entry: what happened, when, by whom."""

    id: str
    incident: "Incident"
    kind: str
    at: datetime
    agent: dict[str, Any] | None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[datetime, str]:
        return self.at, self.id


@dataclass
class Note:
    """A note, and who wrote it when."""

    id: str
    content: str
    at: datetime
    author: dict[str, Any]


@dataclass
class Incident:
    """An incident with its life."""

    id: str
    number: int
    title: str
    created_at: datetime
    service: int
    urgency: str
    priority: int | None
    status: str = "triggered"
    changed_at: datetime | None = None
    resolved_at: datetime | None = None
    merged_into: "Incident | None" = None
    assignee: int = 0
    log: list[Entry] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    alerts: int = 1

    @property
    def order(self) -> tuple[datetime, str]:
        return self.created_at, self.id

    def times(self, kind: str) -> list[datetime]:
        """When it happened that `kind`, in order."""
        return sorted(entry.at for entry in self.log if entry.kind == kind)


class Account:
    """Everything of one account; each method is something that happens."""

    def __init__(self, seed: int = 1, url: str = "https://acme.pagerduty.example") -> None:
        self.random = random.Random(seed)
        self.url = url
        self.incidents: dict[str, Incident] = {}
        self.by_number: dict[int, Incident] = {}
        self.by_time: list[Incident] = []
        self.log: list[Entry] = []
        self.gone: set[str] = set()
        self._used: set[str] = set()
        self._number = 0

    def new_id(self, *, long: bool = False) -> str:
        """An id of 7 or of 14 characters."""
        while True:
            letters = self.random.choices(string.ascii_uppercase + string.digits, k=13 if long else 6)
            found = ("Q" if long else "P") + "".join(letters)
            if found not in self._used:
                self._used.add(found)
                return found

    def trigger(self, at: datetime, title: str = "It is broken", **fields: Any) -> Incident:
        """A new incident."""
        self._number += 1
        choose = self.random
        incident = Incident(
            id=self.new_id(long=choose.random() < 0.5),
            number=self._number,
            title=title,
            created_at=at,
            **{
                "service": choose.randrange(len(SERVICES)),
                "urgency": "high" if choose.random() < 0.7 else "low",
                "priority": choose.choice([None, *range(len(PRIORITIES))]),
                "assignee": choose.randrange(len(PEOPLE)),
                **fields,
            },
        )
        incident.changed_at = at
        self.incidents[incident.id] = self.by_number[incident.number] = incident
        insort(self.by_time, incident, key=lambda one: one.order)
        self.add(incident, "trigger", at, integration())
        self.add(incident, "assign", at, None, assignees=[user(incident.assignee)])
        self.add(incident, "notify", at + timedelta(seconds=1), None, user=user(incident.assignee))
        return incident

    def add(self, incident: Incident, kind: str, at: datetime, agent: dict[str, Any] | None, **extra: Any) -> Entry:
        """One more log entry."""
        entry = Entry(self.new_id(long=True), incident, kind, at, agent, extra)
        incident.log.append(entry)
        insort(self.log, entry, key=lambda one: one.order)
        return entry

    def acknowledge(self, incident: Incident, at: datetime, by: int = 0) -> None:
        incident.status, incident.changed_at = "acknowledged", at
        self.add(incident, "acknowledge", at, user(by), acknowledgement_timeout=1800)

    def escalate(self, incident: Incident, at: datetime, to: int = 1) -> None:
        incident.status, incident.changed_at, incident.assignee = "triggered", at, to
        self.add(incident, "escalate", at, None, assignees=[user(to)])

    def resolve(self, incident: Incident, at: datetime, by: int | None = 0) -> None:
        incident.status, incident.changed_at, incident.resolved_at = "resolved", at, at
        self.add(incident, "resolve", at, integration() if by is None else user(by))

    def reopen(self, incident: Incident, at: datetime) -> None:
        """Reopen it, which leaves no log entry of that kind."""
        incident.status, incident.changed_at, incident.resolved_at = "triggered", at, None

    def merge(self, incident: Incident, into: Incident, at: datetime) -> None:
        self.resolve(incident, at, by=1)
        incident.merged_into = into

    def annotate(self, incident: Incident, at: datetime, content: str, by: int = 0) -> Note:
        note = Note(self.new_id(long=True), content, at, user(by))
        incident.notes.append(note)
        self.add(incident, "annotate", at, user(by))
        return note

    def rename(self, incident: Incident, at: datetime, title: str) -> None:
        """Give it another title, which the log tells of."""
        incident.title = title
        self.add(incident, "field_value_change", at, user(0))

    def delete(self, incident: Incident) -> None:
        """Have it vanish with its log."""
        del self.incidents[incident.id], self.by_number[incident.number]
        self.by_time.remove(incident)
        self.log = [entry for entry in self.log if entry.incident is not incident]
        self.gone.add(incident.id)

    def restore(self, incident: Incident) -> None:
        """Have it be there again, without its log."""
        self.incidents[incident.id] = self.by_number[incident.number] = incident
        insort(self.by_time, incident, key=lambda one: one.created_at)
        self.gone.discard(incident.id)

    def created_between(self, since: datetime, until: datetime) -> list[Incident]:
        """The incidents created in [since, until), oldest first."""
        low = bisect_left(self.by_time, since, key=lambda one: one.created_at)
        return self.by_time[low : bisect_left(self.by_time, until, key=lambda one: one.created_at)]

    def logged_between(self, since: datetime, until: datetime) -> list[Entry]:
        """The log entries from since to until, oldest first."""
        low = bisect_left(self.log, since, key=lambda one: one.at)
        return self.log[low : bisect_right(self.log, until, key=lambda one: one.at)]

    def show(self, incident: Incident) -> dict[str, Any]:
        """The incident as REST gives it."""
        is_open = incident.status != "resolved"
        merged = incident.merged_into
        return {
            "id": incident.id,
            "type": "incident",
            "summary": f"[#{incident.number}] {incident.title}",
            "self": f"{self.url}/incidents/{incident.id}",
            "html_url": f"{self.url}/incidents/{incident.id}",
            "incident_number": incident.number,
            "title": incident.title,
            "description": incident.title,
            "created_at": stamp(incident.created_at),
            "updated_at": stamp(incident.changed_at or incident.created_at),
            "status": incident.status,
            "incident_key": None,
            "service": reference(f"PSVC{incident.service:03d}", "service", SERVICES[incident.service]),
            "assignments": [{"at": stamp(incident.created_at), "assignee": user(incident.assignee)}] if is_open else [],
            "acknowledgements": [{"at": stamp(incident.changed_at or incident.created_at), "acknowledger": user(0)}]
            if incident.status == "acknowledged"
            else [],
            "last_status_change_at": stamp(incident.changed_at or incident.created_at),
            "resolved_at": stamp(incident.resolved_at) if incident.resolved_at else None,
            "escalation_policy": reference("PESC001", "escalation_policy", "Default"),
            "teams": [reference(f"PTEAM{incident.service % 3}", "team", TEAMS[incident.service % 3])],
            "priority": None
            if incident.priority is None
            else {"id": f"PPRI{incident.priority}", "type": "priority", "name": PRIORITIES[incident.priority], "summary": PRIORITIES[incident.priority]},
            "urgency": incident.urgency,
            "resolve_reason": {"type": "merge_resolve_reason", "incident": reference(merged.id, "incident", merged.title)} if merged else None,
            "alert_counts": {"all": incident.alerts, "triggered": incident.alerts if is_open else 0, "resolved": 0 if is_open else incident.alerts},
            "pending_actions": [],
            "incident_type": {"name": "incident_default"},
        }  # fmt: skip

    def show_entry(self, entry: Entry) -> dict[str, Any]:
        """The log entry as REST gives it."""
        incident = entry.incident
        shown = {
            "id": entry.id,
            "type": f"{entry.kind}_log_entry",
            "summary": entry.kind,
            "created_at": stamp(entry.at),
            "channel": {"type": "note" if entry.kind == "annotate" else "auto"},
            "incident": reference(incident.id, "incident", f"[#{incident.number}] {incident.title}"),
            "service": reference(f"PSVC{incident.service:03d}", "service", SERVICES[incident.service]),
            "teams": [],
            **entry.extra,
        }
        return shown if entry.kind == "notify" else {**shown, "agent": entry.agent}

    def show_note(self, note: Note) -> dict[str, Any]:
        """The note as REST gives it."""
        return {
            "id": note.id,
            "user": note.author,
            "channel": {"summary": "The PagerDuty website or APIs"},
            "content": note.content,
            "created_at": stamp(note.at),
            "updated_at": stamp(note.at),
        }

    def show_alerts(self, incident: Incident) -> list[dict[str, Any]]:
        """The alerts of the incident."""
        return [
            {
                "id": f"{incident.id}A{n}",
                "type": "alert",
                "summary": incident.title,
                "severity": "critical",
                "alert_key": f"key-{incident.number}-{n}",
                "created_at": stamp(incident.created_at),
                "status": "resolved" if incident.status == "resolved" else "triggered",
                "body": {"details": {"host": f"db-{n}"}},
            }
            for n in range(incident.alerts)
        ]


def stamp(at: datetime) -> str:
    """The time as PagerDuty writes it: to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def reference(identifier: str, kind: str, summary: str) -> dict[str, Any]:
    """A reference to something."""
    return {"id": identifier, "type": f"{kind}_reference", "summary": summary, "self": None, "html_url": None}


def user(number: int) -> dict[str, Any]:
    """A reference to a person."""
    return reference(f"PUSR{number:03d}", "user", PEOPLE[number % len(PEOPLE)])


def integration() -> dict[str, Any]:
    """A reference to what watches."""
    return reference("PINT001", "inbound_integration", "Monitoring")
