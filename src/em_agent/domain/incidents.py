"""An incident's life, folded from its events in the order of their time, whatever order they came in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

# Events of one instant are read in this order, others between `reopened` and `resolved`, then by delivery id.
_RANK = {"triggered": 0, "acknowledged": 1, "reopened": 2, "resolved": 4}
_OTHER_RANK = 3

# Work on a resolved incident means that somebody opened it again.
_REOPENING_KINDS = {"acknowledged", "escalated"}
_PERSON_TYPES = {"user_reference", "user"}
_MERGE_REASON = "merge_resolve_reason"

# Who has no id goes by name, as far as a key of a table can hold it.
_LONGEST_KEY = 200


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
    def order(self) -> tuple[datetime, int, str]:
        """The place in which the event is read among those of its incident."""
        return self.at, _RANK.get(self.kind, _OTHER_RANK), self.delivery_id


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch from a trigger or reopening to the next resolution."""

    ordinal: int
    started_at: datetime
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
    notes: tuple[IncidentEvent, ...]


def fold(events: Iterable[IncidentEvent]) -> Incident:
    """The incident that the events, all of one incident and at least one, tell of."""
    ordered = sorted(events, key=lambda event: event.order)
    snapshot = _newest(ordered)
    triggers = [event.at for event in ordered if event.kind == "triggered"]
    triggered_at = triggers[0] if triggers else _created_at(ordered)
    acknowledged_at = next((event.at for event in ordered if event.kind == "acknowledged"), None)
    life = _read_life(ordered, triggered_at)
    resolution = life.resolution
    resolved_at = resolution.at if resolution else None
    is_merged = resolution is not None and _is_merge(resolution)
    return Incident(
        id=ordered[0].incident_id,
        status="resolved" if resolution else life.open_status,
        snapshot=snapshot,
        triggered_at=triggered_at,
        acknowledged_at=acknowledged_at,
        resolved_at=resolved_at,
        time_to_acknowledge_seconds=_seconds(triggered_at, acknowledged_at),
        time_to_resolve_seconds=_seconds(triggered_at, resolved_at),
        active_seconds=_active_seconds(life.episodes) if resolution and triggered_at else None,
        reopen_count=life.reopen_count,
        escalation_count=sum(event.kind == "escalated" for event in ordered),
        is_merged=is_merged,
        is_auto_resolved=resolution is not None
        and not is_merged
        and not (resolution.actor and resolution.actor.is_person),
        last_event_at=ordered[-1].at,
        episodes=tuple(life.episodes),
        assignments=tuple(_assignments(ordered)),
        notes=tuple(event for event in ordered if event.note),
    )


@dataclass(slots=True)
class _Life:
    """Where the reading of the events has got to."""

    episodes: list[Episode]
    resolution: IncidentEvent | None = None
    reopen_count: int = 0
    is_reopening_implied: bool = False
    open_status: str = "triggered"

    def reopen(self, event: IncidentEvent, *, is_implied: bool) -> None:
        self.resolution = None
        self.reopen_count += 1
        self.is_reopening_implied = is_implied
        self.open_status = "triggered"
        self.episodes.append(Episode(len(self.episodes) + 1, event.at, event.kind))

    def resolve(self, event: IncidentEvent) -> None:
        """Take the resolution; one of an incident that is resolved already only moves the time of the last one."""
        if self.resolution is None and self.episodes and self.episodes[-1].resolved_at is None:
            self.episodes[-1] = replace(self.episodes[-1], resolved_at=event.at)
        self.resolution = event


def _read_life(ordered: Sequence[IncidentEvent], triggered_at: datetime | None) -> _Life:
    life = _Life([Episode(1, triggered_at, "triggered")] if triggered_at else [])
    for event in ordered:
        if event.kind == "resolved":
            life.resolve(event)
        elif event.kind == "reopened":
            _reopen_explicitly(life, event)
        elif event.kind in _REOPENING_KINDS and life.resolution is not None:
            life.reopen(event, is_implied=True)
        if event.kind == "acknowledged":
            life.open_status = "acknowledged"
        elif event.kind in {"unacknowledged", "escalated", "delegated"}:
            # Escalating or delegating sets an acknowledged incident back without `unacknowledged`.
            life.open_status = "triggered"
    return life


def _reopen_explicitly(life: _Life, event: IncidentEvent) -> None:
    if life.resolution is not None:
        life.reopen(event, is_implied=False)
    elif life.is_reopening_implied:
        life.is_reopening_implied = False  # the word that was missing for the reopening already counted
    else:
        life.reopen_count += 1  # its resolution is lost: a reopening for certain, of an episode without an end


def _newest(ordered: Sequence[IncidentEvent]) -> Snapshot:
    """Each field as the newest snapshot that states it has it."""
    newest = Snapshot()
    for event in ordered:
        snapshot = event.snapshot
        if snapshot is None:
            continue
        newest = Snapshot(
            number=snapshot.number if snapshot.number is not None else newest.number,
            title=snapshot.title or newest.title,
            url=snapshot.url or newest.url,
            urgency=snapshot.urgency or newest.urgency,
            created_at=snapshot.created_at or newest.created_at,
            service=snapshot.service or newest.service,
            escalation_policy=snapshot.escalation_policy or newest.escalation_policy,
            priority=snapshot.priority if snapshot.is_priority_stated else newest.priority,
            is_priority_stated=snapshot.is_priority_stated or newest.is_priority_stated,
            teams=snapshot.teams if snapshot.teams is not None else newest.teams,
            assignees=snapshot.assignees if snapshot.assignees is not None else newest.assignees,
            resolve_reason=snapshot.resolve_reason,
            merged_into=snapshot.merged_into,
        )
    return newest


def _created_at(ordered: Sequence[IncidentEvent]) -> datetime | None:
    stated = (event.snapshot.created_at for event in ordered if event.snapshot)
    return min((at for at in stated if at is not None), default=None)


def _is_merge(resolution: IncidentEvent) -> bool:
    return resolution.snapshot is not None and resolution.snapshot.resolve_reason == _MERGE_REASON


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()


def _active_seconds(episodes: Sequence[Episode]) -> float | None:
    spans = [_seconds(episode.started_at, episode.resolved_at) for episode in episodes if episode.resolved_at]
    if not spans or None in spans:
        return None
    return sum(span for span in spans if span is not None)


def _assignments(ordered: Sequence[IncidentEvent]) -> Iterator[Assignment]:
    """Who had the incident when: a change between two snapshots counts at the time of the later one."""
    current: dict[str, Assignment] = {}
    for event in ordered:
        if event.snapshot is None or event.snapshot.assignees is None:
            continue
        stated = {key: ref for ref in event.snapshot.assignees if (key := ref.id or (ref.name or "")[:_LONGEST_KEY])}
        for key in [key for key in current if key not in stated]:
            ended = replace(current.pop(key), unassigned_at=event.at)
            if ended.unassigned_at != ended.assigned_at:
                yield ended
        for key, ref in stated.items():
            current.setdefault(key, Assignment(key, ref.name, event.at))
    yield from current.values()
