"""What entries of an incident's log say of it, however odd they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent, Ref
from em_agent.integrations.pagerduty.log_entries import SOURCE, to_incident_event
from em_agent.integrations.registry import INCIDENT_READERS, RECORDED_SOURCES

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = NOON + timedelta(days=400)

ENTRY: dict[str, Any] = {
    "id": "R1",
    "type": "acknowledge_log_entry",
    "summary": "Acknowledged by Ada.",
    "created_at": "2026-03-01T12:00:00Z",
    "agent": {"id": "PADA", "type": "user_reference", "summary": "Ada"},
    "channel": {"type": "website"},
    "incident": {"id": "P1", "type": "incident_reference", "summary": "[#42] Down"},
    "service": {"id": "S1", "type": "service_reference", "summary": "Checkout"},
    "teams": [{"id": "T1", "type": "team_reference", "summary": "Payments"}],
}


def read(occurred_at: datetime | None = NOON, **changes: Any) -> IncidentEvent | None:
    """The reading of the entry with other fields."""
    entry = {name: value for name, value in {**ENTRY, **changes}.items() if value is not ...}
    return to_incident_event(StoredEvent(7, SOURCE, entry.get("type"), "R1", occurred_at, RECEIVED), entry)


def test_an_entry() -> None:
    """An entry is a fact of its incident, at its own time, by its agent."""
    assert read() == IncidentEvent(
        7, "P1", SOURCE, "R1", "acknowledged", NOON, NOON, RECEIVED, actor=Ref("PADA", "Ada", "user_reference")
    )


@pytest.mark.parametrize(
    ("entry_type", "kind"),
    [
        ("trigger", "triggered"), ("acknowledge", "acknowledged"), ("acknowledgement", "acknowledged"),
        ("unacknowledge", "unacknowledged"), ("escalate", "escalated"), ("delegate", "delegated"), ("assign", "assigned"),
        ("annotate", "annotated"), ("resolve", "resolved"), ("notify", "notify"), ("snooze", "snooze"),
        ("exhaust_escalation_path", "exhaust_escalation_path"), ("invented", "invented"),
    ],
)  # fmt: skip
def test_kinds(entry_type: str, kind: str) -> None:
    """Entries that webhooks know are called as webhooks call them; others keep their name."""
    for suffix in ("", "_reference"):
        found = read(type=f"{entry_type}_log_entry{suffix}")
        assert found is not None
        assert found.kind == kind


def test_text_and_receiver() -> None:
    """The text is the note, or what the channel says; a notification shows who got it."""
    found = read(type="annotate_log_entry", channel={"type": "note", "summary": "The disk was full."})
    assert found is not None
    assert found.text == "The disk was full."
    resolved = read(type="resolve_log_entry", channel={"type": "website", "summary": "The website"})
    assert resolved is not None
    assert resolved.text is None
    noted = read(note="by hand", channel={"summary": "x"})
    assert noted is not None
    assert noted.text == "by hand"
    told = read(type="notify_log_entry", agent=..., user={"id": "PBO", "type": "user_reference", "summary": "Bo"})
    assert told is not None
    assert told.actor == Ref("PBO", "Bo", "user_reference")


@pytest.mark.parametrize(
    "changes",
    [{"incident": None}, {"incident": {"id": ""}}, {"incident": ["P1"]}, {"type": ...}, {"type": 5}, {"type": "x"}],
)
def test_of_no_incident(changes: dict[str, Any]) -> None:
    """An entry of no incident, or of no type, says nothing."""
    assert read(**changes) is None


def test_clocks() -> None:
    """An entry without a time counts when it was read; one from far ahead too, and is marked."""
    unknown = read(occurred_at=None)
    assert unknown is not None
    assert (unknown.at, unknown.is_clock_suspect) == (RECEIVED, False)
    ahead = read(occurred_at=RECEIVED + timedelta(days=2))
    assert ahead is not None
    assert (ahead.at, ahead.is_clock_suspect) == (RECEIVED, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "summary"]), inner),
    max_leaves=4,
)


@given(field=st.sampled_from([*ENTRY, "note", "user"]), value=JSON)
def test_anything_is_survived(field: str, value: Any) -> None:
    """Whatever stands in a field, the entry is read, or is none."""
    found = read(**{field: value})
    assert found is None or (found.incident_id, found.delivery_id) != ("", "")


def test_every_source_is_published() -> None:
    """What may be recorded is published: webhooks, and all that incidents are read from."""
    assert set(RECORDED_SOURCES) >= set(INCIDENT_READERS)
    assert len(set(RECORDED_SOURCES)) == len(RECORDED_SOURCES)
