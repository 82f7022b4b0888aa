"""What events say about incidents, and what an incident comes to by them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# What was read of an incident, at a time that is none of its own; and what it says that the incident was since when.
OBSERVED = "observed"
SEEN_OPEN = {"triggered": "seen_triggered", "acknowledged": "seen_acknowledged"}

# Events of one instant are read in this order, others between `reopened` and what was seen, then by delivery id.
_RANK = {"triggered": 0, "acknowledged": 1, "reopened": 2, **dict.fromkeys(SEEN_OPEN.values(), 4), "resolved": 5}
_OTHER_RANK = 3

_PERSON_TYPES = {"user_reference", "user"}

Origin = Literal["webhook", "log", "snapshot"]
Sender = Literal["webhook", "api"]


@dataclass(frozen=True, slots=True)
class Ref:
    """Something of the vendor's that an event refers to: a service, a person, a team, a priority."""

    id: str | None
    name: str | None
    type: str | None = None

    @property
    def is_person(self) -> bool:
        """Whether it is a user, and no integration or automation."""
        return self.type in _PERSON_TYPES


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an event states of the whole incident; None is 'not stated', an empty tuple is 'none'."""

    number: int | None = None
    title: str | None = None
    url: str | None = None
    urgency: str | None = None
    created_at: datetime | None = None
    service: Ref | None = None
    escalation_policy: Ref | None = None
    priority: Ref | None = None
    is_priority_stated: bool = False  # `priority` None is then 'has no priority'
    teams: tuple[Ref, ...] | None = None
    assignees: tuple[Ref, ...] | None = None
    resolve_reason: str | None = None
    merged_into: str | None = None
    status: str | None = None  # only where the snapshot is the sole witness of it, with the time since when
    status_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A note that an event carries; a trimmed one was cut by the vendor."""

    id: str | None
    content: str
    is_trimmed: bool


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """What one event says about one incident."""

    event_id: int
    incident_id: str
    source: str
    delivery_id: str
    kind: str
    at: datetime
    occurred_at: datetime | None
    received_at: datetime
    is_clock_suspect: bool = False
    actor: Ref | None = None
    text: str | None = None
    snapshot: Snapshot | None = None
    note: Note | None = None

    @property
    def origin(self) -> Origin:
        """Whether it was sent to us, or read of the vendor: as an entry of the incident's log, or as it stood then."""
        if self.source.endswith("_api"):
            return "log"
        return "snapshot" if self.source.endswith("_snapshot") else "webhook"

    @property
    def is_observation(self) -> bool:
        """Whether it only tells how the incident was seen, at no time of its own."""
        return self.kind == OBSERVED and self.origin == "snapshot"

    @property
    def sender(self) -> Sender:
        """How it came."""
        return "webhook" if self.origin == "webhook" else "api"

    @property
    def order(self) -> tuple[datetime, int, str]:
        """The place in which the event is read among those of its incident."""
        return self.at, _RANK.get(self.kind, _OTHER_RANK), self.delivery_id


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch from a trigger or reopening to the next resolution; one that nobody saw begin has no start."""

    ordinal: int
    started_at: datetime | None
    started_by: str
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """The time that an incident was somebody's."""

    assignee_id: str
    assignee: str | None
    assigned_at: datetime
    unassigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """How each of an incident's times became known; None where it is not."""

    triggered_at: Sender | None = None
    acknowledged_at: Sender | None = None
    resolved_at: Sender | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """The state of an incident. Durations are seconds; what is unknown, or came out negative, is None."""

    id: str
    status: str
    snapshot: Snapshot
    triggered_at: datetime | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    time_to_acknowledge_seconds: float | None
    time_to_resolve_seconds: float | None
    active_seconds: float | None
    reopen_count: int
    escalation_count: int
    is_merged: bool
    is_auto_resolved: bool
    last_event_at: datetime
    episodes: tuple[Episode, ...]
    assignments: tuple[Assignment, ...]
    facts: tuple[IncidentEvent, ...]  # everything that happened, once, in its order
    sources: Sources

    @property
    def notes(self) -> tuple[IncidentEvent, ...]:
        """The facts that are notes."""
        return tuple(event for event in self.facts if event.note)
