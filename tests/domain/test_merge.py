"""Webhooks and history together: each fact once, and what the webhooks lost made good."""

import random
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.domain.fold import fold
from em_agent.domain.incidents import Assignment, Episode, Incident, IncidentEvent, Note, Ref, Snapshot, Sources
from tests.domain.test_incidents import ADA, BO, MONITOR, START, ev, histories, t

API = "pagerduty_api"
SEEN = "pagerduty_snapshot"
MERGE = "merge_resolve_reason"


def entry(kind: str, seconds: float, delivery_id: str = "", **fields: Any) -> IncidentEvent:
    """An entry of the incident's log, read a day later."""
    name = delivery_id or f"R-{kind}-{seconds}"
    made = ev(kind, seconds, name, snapshot=None, **fields)
    return replace(made, source=API, received_at=t(86_400))


def seen(seconds: float, **fields: Any) -> IncidentEvent:
    """What REST showed of the incident at so many seconds after the start."""
    made = ev(
        "observed", seconds, f"S-{seconds}-{fields}", actor=fields.pop("actor", None), snapshot=Snapshot(**fields)
    )
    return replace(made, source=SEEN, occurred_at=None, received_at=t(seconds))


def read_note(
    seconds: float, note_id: str | None, content: str, *, read_at: float = 9000, **fields: Any
) -> IncidentEvent:
    """A note as REST has it."""
    note = Note(note_id, content, is_trimmed=False)
    name = f"P1:note:{note_id}:{content}"
    made = ev("annotated", seconds, name, snapshot=None, note=note, text=content, **fields)
    return replace(made, source=SEEN, received_at=t(read_at))


def times(incident: Incident) -> tuple[Any, ...]:
    """What has to be right of an incident, whoever told it."""
    return (
        incident.status, incident.triggered_at, incident.acknowledged_at, incident.resolved_at, incident.reopen_count,
        incident.escalation_count, incident.is_merged, incident.is_auto_resolved,
    )  # fmt: skip


def test_the_log_alone() -> None:
    """An incident from before the webhooks has all its times from the log."""
    found = fold([entry("triggered", 0), entry("acknowledged", 60), entry("escalated", 90), entry("resolved", 600)])
    assert (found.time_to_acknowledge_seconds, found.time_to_resolve_seconds, found.active_seconds) == (60, 600, 600)
    assert (found.status, found.reopen_count, found.escalation_count, found.is_auto_resolved) == (
        "resolved", 0, 1, False,
    )  # fmt: skip
    assert found.sources == Sources("api", "api", "api")


@pytest.mark.parametrize("skew", [0, -2, 2, 1.999])
def test_told_twice_counts_once(skew: float) -> None:
    """A log entry within two seconds of a webhook of its kind is the same fact, and the webhook's time wins."""
    kinds = [("triggered", 0), ("acknowledged", 60), ("escalated", 90), ("resolved", 600)]
    sent = [ev(kind, at) for kind, at in kinds]
    found = fold([*sent, *(entry(kind, at + skew) for kind, at in kinds)])
    assert found == fold(sent)
    assert [event.delivery_id for event in found.facts] == [event.delivery_id for event in sent]


def test_further_apart_is_another_fact() -> None:
    """Beyond two seconds they are two facts; only one resolution being REST's, nothing was reopened."""
    found = fold(
        [ev("triggered", 0), ev("escalated", 10), entry("escalated", 12.001), ev("resolved", 20), entry("resolved", 23)]
    )
    assert (found.escalation_count, found.time_to_resolve_seconds, found.reopen_count) == (2, 23, 0)
    assert found.sources == Sources("webhook", None, "api")


def test_a_lost_webhook_is_made_good() -> None:
    """What was lost comes of the log, each time from where it is known."""
    found = fold([ev("triggered", 0), entry("triggered", 0), entry("acknowledged", 30, actor=BO), ev("resolved", 60)])
    assert found.time_to_acknowledge_seconds == 30
    assert found.sources == Sources("webhook", "api", "webhook")
    assert [(event.kind, event.sender) for event in found.facts] == [
        ("triggered", "webhook"), ("acknowledged", "api"), ("resolved", "webhook"),
    ]  # fmt: skip


def test_passing_on_has_two_words() -> None:
    """The log's assignment is the webhook's reassignment."""
    found = fold([ev("triggered", 0), ev("reassigned", 30), entry("assigned", 31), entry("assigned", 60)])
    assert [(event.kind, event.at) for event in found.facts] == [
        ("triggered", t(0)), ("reassigned", t(30)), ("assigned", t(60)),
    ]  # fmt: skip


def test_resolved_twice_by_the_log() -> None:
    """Between two resolutions of the log lies a reopening, of which nobody knows when."""
    found = fold([entry("triggered", 0), entry("resolved", 100), entry("resolved", 500)])
    assert (found.reopen_count, found.time_to_resolve_seconds, found.active_seconds) == (1, 500, None)
    assert found.episodes == (Episode(1, t(0), "triggered", t(100)), Episode(2, None, "unseen", t(500)))


def test_resolved_twice_by_both() -> None:
    """Webhooks that the log confirms attest the reopening too; of those that it does not, the last one counts."""
    log = [entry("triggered", 0), entry("resolved", 100), entry("resolved", 500)]
    sent = [ev("triggered", 0), ev("resolved", 100), ev("resolved", 500)]
    assert fold(sent).reopen_count == 0
    assert times(fold([*sent, *log])) == times(fold(log))
    assert fold([*sent, *log[:2]]).reopen_count == 0


@pytest.mark.parametrize("word", ["reopened", "acknowledged", "escalated"])
def test_a_reopening_with_a_word(word: str) -> None:
    """A reopening that a webhook tells of, or work implies, is not counted again by the log's resolutions."""
    log = [entry("triggered", 0), entry("resolved", 100), entry("resolved", 500)]
    found = fold([*log, ev(word, 300)])
    assert (found.reopen_count, found.active_seconds) == (1, 300)


def test_three_resolutions() -> None:
    """Each further resolution is one more reopening."""
    found = fold([entry("triggered", 0), *(entry("resolved", at) for at in (10, 20, 30))])
    assert (found.reopen_count, len(found.episodes), found.time_to_resolve_seconds) == (2, 3, 30)


def test_seen_open_after_a_resolution() -> None:
    """An incident that REST shows open since after its last resolution was reopened, at an unknown time."""
    log = [entry("triggered", 0), entry("resolved", 100)]
    found = fold([*log, seen(900, status="acknowledged", status_at=t(300))])
    assert (found.status, found.reopen_count, found.resolved_at) == ("acknowledged", 1, None)
    later = fold([*log, seen(900, status="acknowledged", status_at=t(300)), entry("resolved", 500)])
    assert (later.status, later.reopen_count, later.time_to_resolve_seconds, later.active_seconds) == (
        "resolved", 1, 500, None,
    )  # fmt: skip


def test_seen_open_before_the_resolution() -> None:
    """One that was read just before it was resolved is resolved, however late what was read arrived."""
    log = [entry("triggered", 0), entry("resolved", 100)]
    assert fold([*log, seen(101, status="triggered", status_at=t(0))]).status == "resolved"


def test_seen_resolved_without_a_log() -> None:
    """Where no log can be read, the resolution that the incident tells of is the fact, however often it is seen."""
    resolved: dict[str, Any] = {"status": "resolved", "status_at": t(600), "created_at": t(0)}
    found = fold([seen(800, **resolved, actor=ADA), seen(900, **resolved, title="new", actor=ADA)])
    assert (found.status, found.time_to_resolve_seconds, found.reopen_count) == ("resolved", 600, 0)
    assert (found.is_auto_resolved, found.snapshot.title, found.last_event_at) == (False, "new", t(600))
    assert [event.kind for event in found.facts] == ["resolved"]
    again = fold([seen(800, **resolved), seen(2000, status="resolved", status_at=t(1600))])
    assert (again.reopen_count, again.time_to_resolve_seconds) == (1, 1600)


@pytest.mark.parametrize("teller", [ev, entry])
def test_seen_resolved_and_told(teller: Any) -> None:
    """A resolution that webhook or log tells is not counted again when it is seen."""
    told = [teller("triggered", 0), teller("resolved", 600.7)]
    both = fold([*told, seen(800, status="resolved", status_at=t(600))])
    assert times(both) == times(fold(told))
    assert len(both.facts) == 2


@pytest.mark.parametrize("resolution", [entry("resolved", 60), seen(90, status="resolved", status_at=t(60))])
def test_merged_by_rest(resolution: IncidentEvent) -> None:
    """Of a resolution that only REST tells, the newest snapshot says whether it was a merge."""
    plain, merged = seen(70), seen(100, resolve_reason=MERGE, merged_into="P2")
    found = fold([entry("triggered", 0), plain, merged, replace(resolution, actor=None)])
    assert (found.is_merged, found.is_auto_resolved, found.snapshot.merged_into) == (True, False, "P2")
    assert not fold([entry("triggered", 0), merged, seen(110), resolution]).is_merged


@pytest.mark.parametrize(("actor", "is_auto"), [(ADA, False), (MONITOR, True), (None, True)])
def test_resolved_by_rest(actor: Ref | None, is_auto: bool) -> None:  # noqa: FBT001
    """Who resolved is the entry's agent."""
    assert fold([entry("triggered", 0), entry("resolved", 60, actor=actor)]).is_auto_resolved is is_auto


def test_what_is_seen_moves_nothing() -> None:
    """A snapshot renews fields, and neither the newest event's time nor the timeline."""
    sent = [ev("triggered", 0, snapshot=Snapshot(title="old", urgency="high")), ev("resolved", 60)]
    found = fold([*sent, seen(9000, title="new")])
    assert (found.snapshot.title, found.snapshot.urgency) == ("new", "high")
    assert (found.last_event_at, found.facts) == (t(60), fold(sent).facts)


def test_seen_alone() -> None:
    """An incident of which nothing but a snapshot is known begins with its creation."""
    found = fold([seen(9000, created_at=t(5), number=7)])
    assert (found.triggered_at, found.last_event_at, found.status) == (t(5), t(5), "triggered")
    assert (found.sources, found.facts) == (Sources("api"), ())
    assert fold([seen(9000)]).last_event_at == t(9000)


def test_who_says_when_it_was_created() -> None:
    """The earliest creation counts; where webhook and REST state the same it is the webhook's."""
    found = fold([ev("resolved", 60, snapshot=Snapshot(created_at=t(5))), seen(90, created_at=t(5))])
    assert (found.triggered_at, found.sources.triggered_at) == (t(5), "webhook")
    assert fold([seen(90, created_at=t(3)), *found.facts]).sources.triggered_at == "api"


def test_assignments_of_snapshots() -> None:
    """What a snapshot shows of the assignees had come about by the last fact before it."""
    told = [ev("triggered", 0, snapshot=Snapshot(assignees=(ADA,))), entry("resolved", 60)]
    assert fold([*told, seen(9000, assignees=())]).assignments == (Assignment("PADA", "Ada", t(0), t(60)),)
    assert fold([seen(9000, assignees=(BO,))]).assignments == (Assignment("PBO", "Bo", t(9000)),)


def test_a_note_of_both() -> None:
    """A note that a webhook cut has its full text from REST, as it was read last, and stands there once."""
    cut = ev("annotated", 30.5, "w", snapshot=None, note=Note("N1", "The disk", is_trimmed=True), text="The disk")
    log = entry("annotated", 31, text="The disk")
    first = read_note(30, "N1", "The disk was full.", actor=BO)
    edited = read_note(30, "N1", "The disk was full. Sorry.", read_at=9999, actor=BO)
    (note,) = fold([ev("triggered", 0), cut, log, first, edited]).notes
    assert note.note == Note("N1", "The disk was full. Sorry.", is_trimmed=False)
    assert (note.at, note.actor, note.text, note.sender) == (t(30.5), ADA, "The disk was full. Sorry.", "webhook")
    (note,) = fold([entry("triggered", 0), log, first, edited]).notes
    assert (note.note, note.actor, note.sender) == (
        Note("N1", "The disk was full. Sorry.", is_trimmed=False),
        BO,
        "api",
    )


def test_an_entry_without_its_note() -> None:
    """An entry for a note that was not read stands in the timeline; other notes stay notes."""
    found = fold([entry("triggered", 0), entry("annotated", 30), read_note(33, "N1", "a"), read_note(33, "N2", "b")])
    assert [event.kind for event in found.facts] == ["triggered", "annotated", "annotated", "annotated"]
    assert [event.text for event in found.notes] == ["a", "b"]


_KINDS = ("acknowledged", "escalated", "delegated", "unacknowledged", "resolved", "reopened", "annotated")


@st.composite
def lives(draw: st.DrawFn) -> list[IncidentEvent]:
    """A whole life as webhooks tell it, some seconds between its events; nothing happens twice at once."""
    kinds = ["triggered", *draw(st.lists(st.sampled_from(_KINDS), max_size=8))]
    events, at, is_resolved = [], 0.0, False
    for number, kind in enumerate(kinds):
        if is_resolved and kind in {"resolved", "acknowledged", "escalated"}:
            continue  # the vendor says `reopened` first
        if kind == "reopened" and not is_resolved:
            continue
        is_resolved = kind == "resolved" or (is_resolved and kind != "reopened")
        at += draw(st.integers(5000, 100_000)) / 1000
        actor = draw(st.sampled_from([ADA, MONITOR, None]))
        event = ev(kind, at, f"w{number}", actor=actor)
        events.append(
            replace(event, event_id=number, note=Note(f"N{number}", "x", is_trimmed=False))
            if kind == "annotated"
            else replace(event, event_id=number)
        )
    return events


def log_of(events: list[IncidentEvent], choose: random.Random) -> list[IncidentEvent]:
    """The log that REST gives of that life: without reopenings, in whole seconds, a moment off."""
    told = []
    for event in events:
        if event.kind != "reopened":
            at = max(event.at.replace(microsecond=0), START) if choose.random() < 0.5 else event.at
            told.append(
                replace(event, event_id=1000 + event.event_id, source=API, delivery_id=f"R{event.event_id}", at=at,
                        snapshot=None, note=None)
            )  # fmt: skip
    return told


@given(events=lives(), seed=st.integers(0, 1000))
def test_the_log_changes_nothing_that_is_known(events: list[IncidentEvent], seed: int) -> None:
    """Webhooks with their whole log give what the webhooks alone give, but for who else knew of it."""
    assert fold([*events, *log_of(events, random.Random(seed))]) == fold(events)


@given(events=lives(), seed=st.integers(0, 1000), lost=st.sets(st.integers(0, 8)))
def test_the_log_makes_losses_good(events: list[IncidentEvent], seed: int, lost: set[int]) -> None:
    """Whichever webhooks are lost, with the log the times and counts are the truth, within a second."""
    truth = fold(events)
    choose = random.Random(seed)
    kept = [event for event in events if event.event_id not in lost]
    status = truth.status if truth.status != "resolved" else None
    since = next((event.at for event in reversed(events) if event.kind not in {"resolved", "annotated"}), START)
    found = fold([*kept, *log_of(events, choose), seen(9000, status=status, status_at=since if status else None)])
    assert (found.status, found.reopen_count, found.escalation_count) == (
        truth.status, truth.reopen_count, truth.escalation_count,
    )  # fmt: skip
    assert (found.is_auto_resolved, found.is_merged) == (truth.is_auto_resolved, truth.is_merged)
    for name in ("triggered_at", "acknowledged_at", "resolved_at"):
        assert _is_near(getattr(found, name), getattr(truth, name)), name
    if found.active_seconds is not None:
        assert truth.active_seconds is not None
        assert found.active_seconds < truth.active_seconds + len(events)  # less where work implied the reopening


@st.composite
def mixed(draw: st.DrawFn) -> list[IncidentEvent]:
    """Events of all three tellers at few instants."""
    found = []
    for event in draw(histories()):
        source = draw(st.sampled_from(["pagerduty", API, SEEN]))
        told = replace(
            event, source=source, received_at=event.received_at + draw(st.sampled_from([t(0) - START, t(9) - START]))
        )
        if source == API:
            told = replace(told, snapshot=None, note=None)
        elif source == SEEN and event.note:
            told = replace(
                told,
                kind="annotated",
                snapshot=None,
                note=draw(st.sampled_from([event.note, Note("M", "y", is_trimmed=False)])),
            )
        elif source == SEEN:
            status = draw(st.sampled_from([None, "resolved", "triggered", "acknowledged"]))
            snapshot = replace(
                event.snapshot or Snapshot(), status=status, status_at=t(draw(st.integers(0, 6))) if status else None
            )
            told = replace(told, kind="observed", snapshot=snapshot)
        found.append(told)
    return found


@given(events=mixed(), seed=st.integers(0, 1000))
def test_any_order_and_repetition(events: list[IncidentEvent], seed: int) -> None:
    """Any shuffle and repetition of what all tell folds to the same incident."""
    choose = random.Random(seed)
    assert fold(choose.sample(events * 2, 2 * len(events))) == fold(events)


@given(events=mixed())
def test_what_always_holds(events: list[IncidentEvent]) -> None:
    """A fact is told once, keys of tables do not repeat, and resolved means that there is a resolution."""
    found = fold(events)
    ids = [event.event_id for event in found.facts]
    assert len(set(ids)) == len(ids)
    assert {event.event_id for event in events if event.origin == "webhook"} <= set(ids)
    assert (found.status == "resolved") is (found.resolved_at is not None)
    assert [episode.ordinal for episode in found.episodes] == list(range(1, len(found.episodes) + 1))
    assert len({(a.assignee_id, a.assigned_at) for a in found.assignments}) == len(found.assignments)
    read = [event.note.id for event in found.notes if event.note and event.origin == "snapshot"]
    assert len(set(read)) == len(read)


def _is_near(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs((one - other).total_seconds()) < 1
