"""One set of facts out of what was sent and what was read: what both tell of counts once.

Three tell of an incident: webhooks; the entries of its log, which REST gives; and what REST showed of the incident
itself, with its notes. The webhook's word is taken before the log's, and the log's before what was merely seen.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from em_agent.domain.incidents import SEEN_OPEN, IncidentEvent, Note, Origin

# A log entry this near to a webhook of the same kind is the same fact: the two clocks differ, and one has no fractions.
SAME_FACT = timedelta(seconds=2)

# The log knows no word for passing an incident to another person.
_LOG_KINDS = {"reassigned": "assigned"}


@dataclass(frozen=True, slots=True)
class Merged:
    """What happened, each thing once, and what was seen; all in their order."""

    facts: tuple[IncidentEvent, ...]
    seen: tuple[IncidentEvent, ...]  # that the incident was open, at the time since when
    snapshots: tuple[IncidentEvent, ...]
    attested: frozenset[int]  # events of resolutions that REST tells of, whether a webhook does or not

    @property
    def observations(self) -> tuple[IncidentEvent, ...]:
        """The snapshots that came with no fact."""
        return tuple(event for event in self.snapshots if event.is_observation)


def merge(events: Iterable[IncidentEvent]) -> Merged:
    """The facts of the events, all of one incident; neither order nor repetition matters."""
    ordered = _in_order({event.event_id: event for event in events}.values())
    snapshots = tuple(event for event in ordered if event.snapshot)
    if all(event.origin == "webhook" for event in ordered):
        return Merged(tuple(ordered), (), snapshots, frozenset())
    claims = [event for event in ordered if not event.is_observation]
    seen: list[IncidentEvent] = []
    for claim in _seen(ordered):
        (claims if claim.kind == "resolved" else seen).append(claim)
    claims = _in_order(claims)
    times = _Times(claims)
    notes = _newest_notes(claims)
    facts = tuple(_with_full_note(event, notes) for event in _unrepeated(claims, times))
    attested = frozenset(
        event.event_id
        for event in facts
        if event.kind == "resolved" and (event.origin != "webhook" or times.has_near(event, "log", "snapshot"))
    )
    return Merged(facts, tuple(_in_order(seen)), snapshots, attested)


class _Times:
    """When each kind of fact is told of, by each teller."""

    def __init__(self, claims: Sequence[IncidentEvent]) -> None:
        self._times: dict[tuple[Origin, str], list[datetime]] = {}
        for event in claims:  # in order, so that each list is sorted
            self._times.setdefault((event.origin, _log_kind(event)), []).append(event.at)

    def has_near(self, event: IncidentEvent, *origins: Origin) -> bool:
        """Whether any of them tells of a fact of this kind at about this time."""
        for origin in origins:
            times = self._times.get((origin, _log_kind(event)), [])
            index = bisect_left(times, event.at - SAME_FACT)
            if index < len(times) and times[index] <= event.at + SAME_FACT:
                return True
        return False


def _unrepeated(claims: Sequence[IncidentEvent], times: _Times) -> Iterator[IncidentEvent]:
    """The claims without those that an earlier or a more trusted one makes too."""
    sent_notes = {event.note.id for event in claims if event.note and event.origin == "webhook"}
    known: set[object] = set(sent_notes - {None})
    for event in claims:
        if event.origin == "log":
            is_note = event.kind == "annotated" and times.has_near(event, "snapshot")
            if is_note or times.has_near(event, "webhook"):
                continue
        elif event.origin == "snapshot" and event.note is None:
            if times.has_near(event, "webhook", "log") or event.at in known:
                continue
            known.add(event.at)
        elif event.origin == "snapshot" and event.note and event.note.id is not None:
            if event.note.id in known:
                continue
            known.add(event.note.id)
        yield event


def _seen(ordered: Sequence[IncidentEvent]) -> Iterator[IncidentEvent]:
    """What snapshots say that the incident was since when."""
    for event in ordered:
        snapshot = event.snapshot
        if snapshot and snapshot.status and snapshot.status_at and event.is_observation:
            kind = SEEN_OPEN.get(snapshot.status, snapshot.status)
            at = snapshot.status_at
            yield replace(event, kind=kind, at=at, occurred_at=at, is_clock_suspect=False, snapshot=None)


def _newest_notes(claims: Sequence[IncidentEvent]) -> dict[str, IncidentEvent]:
    """By their ids, the notes as they were read last."""
    newest: dict[str, IncidentEvent] = {}
    for event in sorted(claims, key=lambda event: (event.received_at, event.delivery_id)):
        if event.origin == "snapshot" and event.note and event.note.id is not None:
            newest[event.note.id] = event
    return newest


def _with_full_note(event: IncidentEvent, notes: dict[str, IncidentEvent]) -> IncidentEvent:
    """The event, its note as it was read last: webhooks cut long ones, and notes are edited."""
    read = notes.get(event.note.id) if event.note and event.note.id is not None else None
    if read is None or read.note is None:
        return event
    content = read.note.content
    note = Note(read.note.id, content, is_trimmed=False)
    return replace(event, note=note, text=content, actor=event.actor or read.actor)


def _log_kind(event: IncidentEvent) -> str:
    return _LOG_KINDS.get(event.kind, event.kind)


def _in_order(events: Iterable[IncidentEvent]) -> list[IncidentEvent]:
    return sorted(events, key=lambda event: event.order)
