"""The life of an incident, rule by rule, to the millisecond; and that neither order nor repetition matters."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.domain.fold import fold
from em_agent.domain.incidents import Assignment, Episode, Incident, IncidentEvent, Note, Ref, Snapshot

START = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
ADA = Ref("PADA", "Ada", "user_reference")
BO = Ref("PBO", "Bo", "user_reference")
MONITOR = Ref("PMON", "Prometheus", "inbound_integration_reference")
MERGED = Snapshot(resolve_reason="merge_resolve_reason", merged_into="P2")


def t(seconds: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)


def ev(kind: str, seconds: float, delivery_id: str = "", **fields: Any) -> IncidentEvent:
    """An event at so many seconds after the start."""
    name = delivery_id or f"{kind}-{seconds}"
    return IncidentEvent(
        event_id=abs(hash(name)) % 10**9,
        incident_id="P1",
        source="pagerduty",
        delivery_id=name,
        kind=kind,
        at=t(seconds),
        occurred_at=t(seconds),
        received_at=t(seconds + 1),
        actor=fields.pop("actor", ADA),
        snapshot=fields.pop("snapshot", Snapshot()),
        **fields,
    )


def life(*steps: tuple[Any, ...]) -> Incident:
    """The incident that events tell of, each given as kind and seconds."""
    return fold([ev(*step) for step in steps])


def test_open() -> None:
    """An incident that was only triggered is open: nothing else of it is known."""
    found = life(("triggered", 0))
    assert (found.status, found.triggered_at, found.acknowledged_at, found.resolved_at) == (
        "triggered",
        t(0),
        None,
        None,
    )
    assert (found.time_to_acknowledge_seconds, found.time_to_resolve_seconds, found.active_seconds) == (
        None,
        None,
        None,
    )
    assert found.episodes == (Episode(1, t(0), "triggered"),)
    assert (found.reopen_count, found.escalation_count, found.is_merged, found.is_auto_resolved) == (0, 0, False, False)


def test_acknowledged_and_resolved() -> None:
    """Both times run from the trigger, to the millisecond."""
    found = life(("triggered", 0.25), ("acknowledged", 61.5), ("resolved", 1800.375))
    assert found.status == "resolved"
    assert found.time_to_acknowledge_seconds == 61.25
    assert found.time_to_resolve_seconds == 1800.125
    assert found.active_seconds == 1800.125
    assert found.episodes == (Episode(1, t(0.25), "triggered", t(1800.375)),)


def test_acknowledged_is_not_resolved() -> None:
    """An acknowledged incident is open."""
    found = life(("triggered", 0), ("acknowledged", 30))
    assert (found.status, found.time_to_acknowledge_seconds, found.time_to_resolve_seconds) == (
        "acknowledged",
        30,
        None,
    )


def test_acknowledged_twice() -> None:
    """The first acknowledgement counts, also after it ran out."""
    found = life(("triggered", 0), ("acknowledged", 30), ("unacknowledged", 1830), ("acknowledged", 1900))
    assert (found.status, found.time_to_acknowledge_seconds) == ("acknowledged", 30)


def test_never_acknowledged() -> None:
    """Without an acknowledgement there is no time to acknowledge, not a zero."""
    found = life(("triggered", 0), ("resolved", 60))
    assert (found.acknowledged_at, found.time_to_acknowledge_seconds, found.time_to_resolve_seconds) == (None, None, 60)


@pytest.mark.parametrize("kind", ["unacknowledged", "escalated", "delegated"])
def test_back_to_triggered(kind: str) -> None:
    """What takes an acknowledgement back, said or not, makes the incident triggered again."""
    assert life(("triggered", 0), ("acknowledged", 30), (kind, 40)).status == "triggered"


@pytest.mark.parametrize("kind", ["reassigned", "priority_updated", "annotated", "workflow.started", "invented"])
def test_what_leaves_the_status(kind: str) -> None:
    """Other events change nothing of the status, open or resolved."""
    assert life(("triggered", 0), ("acknowledged", 30), (kind, 40)).status == "acknowledged"
    found = life(("triggered", 0), ("resolved", 30), (kind, 40))
    assert (found.status, found.reopen_count, found.time_to_resolve_seconds) == ("resolved", 0, 30)
    assert found.last_event_at == t(40)


def test_reopened() -> None:
    """To resolve runs to the last resolution; active time leaves out the time between."""
    found = life(("triggered", 0), ("resolved", 100), ("reopened", 500), ("resolved", 650))
    assert found.time_to_resolve_seconds == 650
    assert found.active_seconds == 250
    assert found.reopen_count == 1
    assert found.episodes == (Episode(1, t(0), "triggered", t(100)), Episode(2, t(500), "reopened", t(650)))


def test_reopened_and_open() -> None:
    """A reopened incident is not resolved: its last resolution is none."""
    found = life(("triggered", 0), ("acknowledged", 5), ("resolved", 100), ("reopened", 500))
    assert (found.status, found.resolved_at, found.time_to_resolve_seconds, found.active_seconds) == (
        "triggered",
        None,
        None,
        None,
    )
    assert found.reopen_count == 1


@pytest.mark.parametrize("kind", ["acknowledged", "escalated"])
def test_a_reopening_that_nobody_said(kind: str) -> None:
    """An acknowledgement or escalation after a resolution implies a reopening."""
    found = life(("triggered", 0), ("resolved", 100), (kind, 500), ("resolved", 650))
    assert (found.reopen_count, found.active_seconds, found.time_to_resolve_seconds) == (1, 250, 650)
    still_open = life(("triggered", 0), ("resolved", 100), (kind, 500))
    assert still_open.status == ("acknowledged" if kind == "acknowledged" else "triggered")


def test_a_reopening_implied_and_said() -> None:
    """The word for a reopening that an earlier event implied is not a second one."""
    found = life(("triggered", 0), ("resolved", 100), ("acknowledged", 500), ("reopened", 501), ("resolved", 650))
    assert (found.reopen_count, found.active_seconds) == (1, 250)


def test_delegation_after_a_resolution_implies_nothing() -> None:
    """Only acknowledging and escalating are work on an open incident."""
    assert life(("triggered", 0), ("resolved", 100), ("delegated", 500)).status == "resolved"


def test_resolved_twice() -> None:
    """The last of two resolutions counts for the time to resolve, the first ends the active time."""
    found = life(("triggered", 0), ("resolved", 100), ("resolved", 300))
    assert (found.time_to_resolve_seconds, found.active_seconds, found.reopen_count) == (300, 100, 0)


def test_resolved_first() -> None:
    """A resolution before the trigger makes no duration; it is unknown and not negative."""
    found = life(("resolved", 0), ("triggered", 100))
    assert found.resolved_at == t(0)
    assert (found.status, found.time_to_resolve_seconds, found.active_seconds) == ("resolved", None, None)


def test_acknowledged_before_the_trigger() -> None:
    """An acknowledgement before the trigger makes no duration either."""
    found = life(("acknowledged", 0), ("triggered", 10), ("resolved", 20))
    assert (found.acknowledged_at, found.time_to_acknowledge_seconds, found.time_to_resolve_seconds) == (t(0), None, 10)


def test_ties() -> None:
    """Of one instant the order is triggered, acknowledged, reopened, others, resolved."""
    kinds = ["resolved", "annotated", "reopened", "acknowledged", "triggered"]
    found = fold([ev(kind, 0) for kind in kinds])
    assert found.status == "resolved"
    assert (found.time_to_acknowledge_seconds, found.time_to_resolve_seconds) == (0, 0)
    assert fold([ev("resolved", 5), ev("reopened", 5), ev("triggered", 0)]).status == "resolved"
    assert fold([ev("resolved", 5), ev("acknowledged", 5), ev("triggered", 0)]).reopen_count == 0


def test_ties_by_delivery() -> None:
    """Of one instant and kind the order is that of the delivery ids."""
    one = ev("priority_updated", 5, "a", snapshot=Snapshot(priority=Ref("P1", "P1"), is_priority_stated=True))
    two = ev("priority_updated", 5, "b", snapshot=Snapshot(priority=Ref("P2", "P2"), is_priority_stated=True))
    for events in ([one, two], [two, one]):
        assert fold([ev("triggered", 0), *events]).snapshot.priority == Ref("P2", "P2")


def test_no_trigger_seen() -> None:
    """Without a trigger the earliest `created_at` that other events carry stands for it."""
    found = fold(
        [
            ev("acknowledged", 60, snapshot=Snapshot(created_at=t(5))),
            ev("resolved", 600, snapshot=Snapshot(created_at=t(3))),
        ]
    )
    assert (found.triggered_at, found.time_to_acknowledge_seconds, found.time_to_resolve_seconds) == (t(3), 57, 597)
    assert found.active_seconds == 597


def test_neither_trigger_nor_creation() -> None:
    """An incident with neither has no start, and no durations."""
    found = life(("acknowledged", 60), ("resolved", 600))
    assert (found.triggered_at, found.status, found.resolved_at) == (None, "resolved", t(600))
    assert (found.time_to_acknowledge_seconds, found.time_to_resolve_seconds, found.active_seconds) == (
        None,
        None,
        None,
    )
    assert found.episodes == ()


def test_triggered_twice() -> None:
    """The first trigger counts; a second one reopens nothing."""
    found = life(("triggered", 0), ("triggered", 50), ("resolved", 100))
    assert (found.triggered_at, found.time_to_resolve_seconds, found.reopen_count) == (t(0), 100, 0)


def test_merged() -> None:
    """A merge resolves: it is told apart, and by whomever it was, it is not automatic."""
    for actor in (ADA, MONITOR, None):
        found = fold([ev("triggered", 0), ev("resolved", 60, snapshot=MERGED, actor=actor)])
        assert (found.is_merged, found.is_auto_resolved, found.time_to_resolve_seconds) == (True, False, 60)
        assert found.snapshot.merged_into == "P2"


def test_merged_and_reopened() -> None:
    """A merge that was undone by a later resolution is none."""
    found = fold([ev("triggered", 0), ev("resolved", 60, snapshot=MERGED), ev("reopened", 70), ev("resolved", 90)])
    assert not found.is_merged


@pytest.mark.parametrize(
    ("actor", "is_auto"), [(ADA, False), (MONITOR, True), (None, True), (Ref("P", "x", "user"), False)]
)
def test_auto_resolved(actor: Ref | None, is_auto: bool) -> None:  # noqa: FBT001
    """What no person resolved was resolved automatically; what is open was not."""
    assert fold([ev("triggered", 0), ev("resolved", 60, actor=actor)]).is_auto_resolved is is_auto
    assert not fold([ev("triggered", 0), ev("resolved", 60, actor=actor), ev("reopened", 61)]).is_auto_resolved


def test_newest_snapshot() -> None:
    """Each field is that of the newest snapshot which states it, whatever came in last."""
    first = Snapshot(number=42, title="old", urgency="high", service=Ref("S1", "One"), teams=(Ref("T1", "Team"),))
    second = Snapshot(title="new", urgency="low", teams=(), priority=Ref("P1", "P1"), is_priority_stated=True)
    events = [
        ev("triggered", 0, snapshot=first),
        ev("acknowledged", 5, snapshot=second),
        ev("annotated", 9, snapshot=None),
    ]
    for shuffled in (events, events[::-1]):
        found = fold(shuffled).snapshot
        assert (found.number, found.title, found.urgency, found.teams) == (42, "new", "low", ())
        assert (found.service, found.priority) == (Ref("S1", "One"), Ref("P1", "P1"))


def test_a_priority_taken_away() -> None:
    """A snapshot that says there is no priority takes it away; one that says nothing leaves it."""
    has = Snapshot(priority=Ref("P1", "P1"), is_priority_stated=True)
    kept = fold([ev("triggered", 0, snapshot=has), ev("acknowledged", 5, snapshot=Snapshot())])
    gone = fold([ev("triggered", 0, snapshot=has), ev("acknowledged", 5, snapshot=Snapshot(is_priority_stated=True))])
    assert kept.snapshot.priority == Ref("P1", "P1")
    assert gone.snapshot.priority is None


def test_assignments() -> None:
    """Whose the incident was is read from the snapshots, each change at the time of the later one."""
    found = fold(
        [
            ev("triggered", 0, snapshot=Snapshot(assignees=(ADA,))),
            ev("acknowledged", 5, snapshot=Snapshot()),
            ev("reassigned", 10, snapshot=Snapshot(assignees=(ADA, BO))),
            ev("reassigned", 20, snapshot=Snapshot(assignees=(BO,))),
            ev("resolved", 30, snapshot=Snapshot(assignees=())),
        ]
    )
    assert set(found.assignments) == {Assignment("PADA", "Ada", t(0), t(20)), Assignment("PBO", "Bo", t(10), t(30))}


def test_notes_and_escalations() -> None:
    """Notes stand in the order of their times, and escalations are counted."""
    note: dict[str, Any] = {"snapshot": None, "note": Note("N", "text", is_trimmed=False)}
    found = fold(
        [
            ev("escalated", 9),
            ev("annotated", 8, **note),
            ev("annotated", 3, **note),
            ev("triggered", 0),
            ev("escalated", 4),
        ]
    )
    assert [event.at for event in found.notes] == [t(3), t(8)]
    assert found.escalation_count == 2


_KINDS = (
    "triggered",
    "acknowledged",
    "unacknowledged",
    "resolved",
    "reopened",
    "escalated",
    "delegated",
    "annotated",
    "reassigned",
)
_SNAPSHOTS = st.builds(
    Snapshot,
    title=st.sampled_from([None, "a", "b"]),
    created_at=st.sampled_from([None, t(0), t(2)]),
    priority=st.sampled_from([None, Ref("P1", "P1")]),
    is_priority_stated=st.booleans(),
    assignees=st.sampled_from([None, (), (ADA,), (BO,), (ADA, BO), (BO, ADA)]),
    resolve_reason=st.sampled_from([None, "merge_resolve_reason"]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[IncidentEvent]:
    """Events of one incident at few instants, so that ties are common."""
    events = []
    for number in range(draw(st.integers(1, 12))):
        at = t(draw(st.integers(0, 6)))
        events.append(
            IncidentEvent(
                event_id=number,
                incident_id="P1",
                source="pagerduty",
                delivery_id=f"d{number}",
                kind=draw(st.sampled_from(_KINDS)),
                at=at,
                occurred_at=at,
                received_at=at,
                actor=draw(st.sampled_from([None, ADA, MONITOR])),
                snapshot=draw(st.none() | _SNAPSHOTS),
                note=draw(st.sampled_from([None, Note("N", "x", is_trimmed=False)])),
            )
        )
    return events


@given(events=histories(), seed=st.integers(0, 1000))
def test_any_order_gives_the_same_incident(events: list[IncidentEvent], seed: int) -> None:
    """Any shuffle of the same events folds to the same incident."""
    shuffled = random.Random(seed).sample(events, len(events))
    assert fold(shuffled) == fold(events)


@given(events=histories())
def test_what_always_holds(events: list[IncidentEvent]) -> None:
    """No duration is negative, episodes follow one another, and resolved means that there is a resolution."""
    found = fold(events)
    durations = (found.time_to_acknowledge_seconds, found.time_to_resolve_seconds, found.active_seconds)
    assert all(duration is None or duration >= 0 for duration in durations)
    assert [episode.ordinal for episode in found.episodes] == list(range(1, len(found.episodes) + 1))
    assert all(episode.resolved_at is not None for episode in found.episodes[:-1])
    assert (found.status == "resolved") is (found.resolved_at is not None)
    assert found.time_to_resolve_seconds is None or found.status == "resolved"
    assert len({(assignment.assignee_id, assignment.assigned_at) for assignment in found.assignments}) == len(
        found.assignments
    )
    if found.active_seconds is not None and found.time_to_resolve_seconds is not None:
        assert found.active_seconds <= found.time_to_resolve_seconds + 1e-9
