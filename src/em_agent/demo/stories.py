"""The course of one incident: a teller writes down each turn, what all can see after it, and what is true."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeAlias

from em_agent.demo.causes import Occasion
from em_agent.demo.company import PRIORITIES, Policy, Service, Thing, level_of
from em_agent.demo.ids import draw_event_id, draw_incident_id, draw_note_id, draw_workflow_event_id
from em_agent.demo.truth import Episode, Truth

MILLISECOND = timedelta(milliseconds=1)
Detail: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Incident:
    """What of an incident never changes."""

    thing: Thing
    number: int
    created_at: datetime
    key: str | None
    monitor: Thing
    is_manual: bool


@dataclass(frozen=True, slots=True)
class State:
    """What of an incident changes; a webhook shows it as it is after its event."""

    service: Service
    policy: Policy
    urgency: str
    priority: Thing | None
    status: str = "triggered"
    assignees: tuple[Thing, ...] = ()
    reopened_at: datetime | None = None
    merged_into: Thing | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a story, by a person, a monitor, or nobody."""

    id: str
    at: datetime
    event_type: str
    agent: Thing | None
    state: State
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """A whole incident: its events in their order, and the truth about it."""

    incident: Incident
    occasion: Occasion
    steps: tuple[Step, ...]
    truth: Truth


class StoryEndsError(Exception):
    """The next turn lies after the end of the year: the story stops here."""


class Teller:
    """Writes a story down, turn by turn in the order of time.

    A turn asked for before the last one comes a millisecond after it. Every verb raises StoryEndsError when its turn
    would come at `end` or later.
    """

    def __init__(self, incident: Incident, occasion: Occasion, state: State, rng: Random, end: datetime) -> None:
        """Start with an incident that nothing has been told of yet."""
        self.incident = incident
        self.state = state
        self.now = incident.created_at - MILLISECOND
        self._occasion = occasion
        self._rng = rng
        self._end = end
        self._level = 1
        self._steps: list[Step] = []
        self._episodes: list[Episode] = []
        self._acknowledged_at: datetime | None = None
        self._turns: set[str] = set()
        self._resolver: Thing | None = None

    @property
    def is_resolved(self) -> bool:
        """Whether the last turn left it resolved."""
        return self.state.status == "resolved"

    def tell(
        self, at: datetime, event_type: str, by: Thing | None, detail: Detail | None = None, *, is_tie: bool = False
    ) -> None:
        """Write down a turn that changes nothing but what `self.state` says already."""
        moment = self.now if is_tie else max(_whole_milliseconds(at), self.now + MILLISECOND)
        if moment >= self._end:
            raise StoryEndsError
        self.now = moment
        is_workflow = event_type.startswith("incident.workflow")
        event_id = draw_workflow_event_id(self._rng) if is_workflow else draw_event_id(self._rng, moment)
        self._steps.append(Step(event_id, moment, event_type, by, self.state, detail or {}))

    def trigger(self, at: datetime, by: Thing | None) -> None:
        """It begins."""
        self.state = replace(self.state, assignees=(self.state.policy.on_call(at),))
        self.tell(at, "incident.triggered", by, {"client": None if self.incident.is_manual else self.incident.monitor})
        self._episodes.append(Episode(self.now))

    def acknowledge(self, at: datetime, by: Thing) -> None:
        """Someone takes it; of a resolved one this says that it is back."""
        was_resolved = self.is_resolved
        assignees = self.state.assignees if by in self.state.assignees else (*self.state.assignees, by)
        self._change(at, "incident.acknowledged", by, status="acknowledged", assignees=assignees, merged_into=None)
        self._acknowledged_at = self._acknowledged_at or self.now
        if was_resolved:
            self._episodes.append(Episode(self.now))

    def unacknowledge(self, at: datetime) -> None:
        """The acknowledgement times out."""
        self._change(at, "incident.unacknowledged", None, status="triggered")

    def escalate(self, at: datetime, by: Thing | None) -> None:
        """It goes to the next level, by hand or for want of an answer; of a resolved one this says that it is back."""
        was_resolved = self.is_resolved
        self._level += 1
        person = self.state.policy.on_call(at, self._level)
        self._change(at, "incident.escalated", by, status="triggered", assignees=(person,), merged_into=None)
        self._turns.add("escalated")
        if was_resolved:
            self._episodes.append(Episode(self.now))

    def reassign(self, at: datetime, by: Thing, to: Thing) -> None:
        """Another person gets it."""
        self._change(at, "incident.reassigned", by, status="triggered", assignees=(to,))
        self._turns.add("handed_over")

    def delegate(self, at: datetime, by: Thing, policy: Policy) -> None:
        """Another escalation policy gets it."""
        self._level = 1
        person = policy.on_call(at)
        self._change(at, "incident.delegated", by, status="triggered", policy=policy, assignees=(person,))
        self._turns.add("handed_over")

    def change_priority(self, at: datetime, by: Thing, level: int) -> None:
        """It is worse, or not as bad, as it looked. A priority of 1 or 2 makes it urgent from then on."""
        old = self.state.priority
        urgency = "high" if level <= 2 else self.state.urgency  # noqa: PLR2004
        self._change(at, "incident.priority_updated", by, priority=PRIORITIES[level], urgency=urgency)
        if old and level < level_of(old):
            self._turns.add("priority_raised")

    def move(self, at: datetime, by: Thing, service: Service) -> None:
        """It turns out to be another service's trouble."""
        self._change(at, "incident.service_updated", by, service=service)

    def note(self, at: datetime, by: Thing, text: str) -> None:
        """Someone writes something down."""
        self.tell(at, "incident.annotated", by, {"id": draw_note_id(self._rng), "content": text})

    def resolve(
        self, at: datetime, by: Thing | None, *, merged_into: Thing | None = None, is_tie: bool = False
    ) -> None:
        """It is over: by a person, a monitor, nobody, or a merge into another incident."""
        over = replace(self.state, status="resolved", assignees=(), merged_into=merged_into)
        self._change_to(over, at, "incident.resolved", by, is_tie=is_tie)
        self._resolver = by
        self._episodes[-1] = replace(self._episodes[-1], resolved_at=self.now)

    def reopen(self, at: datetime, by: Thing | None) -> None:
        """It is back."""
        assignees = (self.state.policy.on_call(at),)
        moment = max(_whole_milliseconds(at), self.now + MILLISECOND)
        fresh = replace(self.state, status="triggered", assignees=assignees, merged_into=None, reopened_at=moment)
        self._change_to(fresh, moment, "incident.reopened", by)
        self._episodes.append(Episode(self.now))

    def finish(self) -> Story:
        """The story as told so far."""
        truth = Truth(
            incident=self.incident.thing,
            number=self.incident.number,
            created_at=self.incident.created_at,
            acknowledged_at=self._acknowledged_at,
            episodes=tuple(self._episodes),
            service=self.state.service,
            urgency=self.state.urgency,
            priority=self.state.priority,
            is_escalated="escalated" in self._turns,
            is_handed_over="handed_over" in self._turns,
            is_merged=self.is_resolved and self.state.merged_into is not None,
            is_auto_resolved=self.is_resolved and self.state.merged_into is None and not _is_person(self._resolver),
            is_priority_raised="priority_raised" in self._turns,
        )
        return Story(self.incident, self._occasion, tuple(self._steps), truth)

    def _change(self, at: datetime, event_type: str, by: Thing | None, **changes: Any) -> None:  # noqa: ANN401
        self._change_to(replace(self.state, **changes), at, event_type, by)

    def _change_to(
        self, state: State, at: datetime, event_type: str, by: Thing | None, *, is_tie: bool = False
    ) -> None:
        before, self.state = self.state, state
        try:
            self.tell(at, event_type, by, is_tie=is_tie)
        except StoryEndsError:
            self.state = before
            raise


def open_incident(rng: Random, number: int, at: datetime, occasion: Occasion) -> Incident:
    """An incident that begins now: opened by a monitor, or now and then by hand."""
    return Incident(
        thing=Thing("incident", occasion.title, draw_incident_id(rng)),
        number=number,
        created_at=at.replace(microsecond=0),
        key=rng.choices((None, f"{rng.getrandbits(128):032x}"), (7, 3))[0],
        monitor=Thing("inbound_integration", occasion.cause.monitor, draw_note_id(rng)),
        is_manual=rng.choices((False, True), (93, 7))[0],
    )


def _whole_milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _is_person(agent: Thing | None) -> bool:
    return agent is not None and agent.kind == "user"
