"""An incident's life, folded from its events in the order of their time, whatever order they came in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from em_agent.domain.incidents import (
    SEEN_OPEN,
    Assignment,
    Episode,
    Incident,
    IncidentEvent,
    Sender,
    Snapshot,
    Sources,
)
from em_agent.domain.merge import Merged, merge

# Work on a resolved incident means that somebody opened it again.
_REOPENING_KINDS = {"acknowledged", "escalated"}
# What begins an episode whose begin nobody saw.
_UNSEEN = "unseen"
_MERGE_REASON = "merge_resolve_reason"

# Who has no id goes by name, as far as a key of a table can hold it.
_LONGEST_KEY = 200


def fold(events: Iterable[IncidentEvent]) -> Incident:
    """The incident that the events, all of one incident and at least one, tell of."""
    merged = merge(events)
    facts = merged.facts
    snapshot = _newest(merged.snapshots)
    trigger = next((event for event in facts if event.kind == "triggered"), None)
    created = _creation(merged.snapshots)
    triggered_at = trigger.at if trigger else created[0] if created else None
    acknowledgement = next((event for event in facts if event.kind == "acknowledged"), None)
    acknowledged_at = acknowledgement.at if acknowledgement else None
    life = _read_life(merged, triggered_at)
    resolution = life.resolution
    resolved_at = resolution.at if resolution else None
    is_merged = resolution is not None and _is_merge(resolution, snapshot)
    return Incident(
        id=(facts or merged.snapshots)[0].incident_id,
        status="resolved" if resolution else life.open_status,
        snapshot=snapshot,
        triggered_at=triggered_at,
        acknowledged_at=acknowledged_at,
        resolved_at=resolved_at,
        time_to_acknowledge_seconds=_seconds(triggered_at, acknowledged_at),
        time_to_resolve_seconds=_seconds(triggered_at, resolved_at),
        active_seconds=_active_seconds(life.episodes) if resolution and triggered_at else None,
        reopen_count=life.reopen_count,
        escalation_count=sum(event.kind == "escalated" for event in facts),
        is_merged=is_merged,
        is_auto_resolved=resolution is not None
        and not is_merged
        and not (resolution.actor and resolution.actor.is_person),
        # What is merely seen moves nothing.
        last_event_at=facts[-1].at if facts else triggered_at or merged.snapshots[-1].at,
        episodes=tuple(life.episodes),
        assignments=tuple(_assignments(merged)),
        facts=facts,
        sources=Sources(
            triggered_at=trigger.sender if trigger else created[1] if created else None,
            acknowledged_at=acknowledgement.sender if acknowledgement else None,
            resolved_at=resolution.sender if resolution else None,
        ),
    )


@dataclass(slots=True)
class _Life:
    """Where the reading of the events has got to."""

    episodes: list[Episode]
    resolution: IncidentEvent | None = None
    is_attested: bool = False  # whether REST tells of a resolution since the last reopening
    reopen_count: int = 0
    is_reopening_implied: bool = False
    open_status: str = "triggered"

    def reopen(self, at: datetime | None, by: str, *, is_implied: bool) -> None:
        self.resolution = None
        self.is_attested = False
        self.reopen_count += 1
        self.is_reopening_implied = is_implied
        self.open_status = "triggered"
        self.episodes.append(Episode(len(self.episodes) + 1, at, by))

    def resolve(self, event: IncidentEvent, *, is_attested: bool) -> None:
        """Take the resolution; one of an incident that is resolved already only moves the time of the last one.

        REST names no reopening. But it names each resolution once: between two of them lies one.
        """
        if is_attested and self.is_attested:
            self.reopen(None, _UNSEEN, is_implied=True)
        if self.resolution is None and self.episodes and self.episodes[-1].resolved_at is None:
            self.episodes[-1] = replace(self.episodes[-1], resolved_at=event.at)
        self.resolution = event
        self.is_attested = self.is_attested or is_attested


def _read_life(merged: Merged, triggered_at: datetime | None) -> _Life:
    life = _Life([Episode(1, triggered_at, "triggered")] if triggered_at else [])
    for event in sorted((*merged.facts, *merged.seen), key=lambda event: event.order):
        if event.kind == "resolved":
            life.resolve(event, is_attested=event.event_id in merged.attested)
        elif event.kind == "reopened":
            _reopen_explicitly(life, event)
        elif event.kind in _REOPENING_KINDS and life.resolution is not None:
            life.reopen(event.at, event.kind, is_implied=True)
        elif event.kind in SEEN_OPEN.values() and life.resolution is not None:
            life.reopen(None, _UNSEEN, is_implied=True)
        life.open_status = _status_after(event.kind) or life.open_status
    return life


def _status_after(kind: str) -> str | None:
    if kind in {"acknowledged", SEEN_OPEN["acknowledged"]}:
        return "acknowledged"
    # Escalating or delegating sets an acknowledged incident back without `unacknowledged`.
    is_back = kind in {"unacknowledged", "escalated", "delegated", SEEN_OPEN["triggered"]}
    return "triggered" if is_back else None


def _reopen_explicitly(life: _Life, event: IncidentEvent) -> None:
    if life.resolution is not None:
        life.reopen(event.at, event.kind, is_implied=False)
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


def _creation(ordered: Sequence[IncidentEvent]) -> tuple[datetime, Sender] | None:
    """The earliest time of creation that is stated, and by whom; of several the webhook."""
    stated = [(e.snapshot.created_at, e.origin != "webhook") for e in ordered if e.snapshot and e.snapshot.created_at]
    if not stated:
        return None
    at, is_read = min(stated)
    return at, "api" if is_read else "webhook"


def _is_merge(resolution: IncidentEvent, newest: Snapshot) -> bool:
    """Whether it came of a merge: a webhook says so itself, of others the newest snapshot does."""
    stating = resolution.snapshot if resolution.origin == "webhook" else newest
    return stating is not None and stating.resolve_reason == _MERGE_REASON


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()


def _active_seconds(episodes: Sequence[Episode]) -> float | None:
    spans = [_seconds(episode.started_at, episode.resolved_at) for episode in episodes if episode.resolved_at]
    if not spans or None in spans:
        return None
    return sum(span for span in spans if span is not None)


def _assignments(merged: Merged) -> Iterator[Assignment]:
    """Who had the incident when: a change between two snapshots counts at the time of the later one.

    A snapshot that was read has no time of its own: what it shows had come about by the last fact before it.
    """
    current: dict[str, Assignment] = {}
    last_at: datetime | None = None
    for event in sorted((*merged.facts, *merged.observations), key=lambda event: event.order):
        at = last_at if event.is_observation and last_at else event.at
        last_at = at
        if event.snapshot is None or event.snapshot.assignees is None:
            continue
        stated = {key: ref for ref in event.snapshot.assignees if (key := ref.id or (ref.name or "")[:_LONGEST_KEY])}
        for key in [key for key in current if key not in stated]:
            ended = replace(current.pop(key), unassigned_at=at)
            if ended.unassigned_at != ended.assigned_at:
                yield ended
        for key, ref in stated.items():
            current.setdefault(key, Assignment(key, ref.name, at))
    yield from current.values()
