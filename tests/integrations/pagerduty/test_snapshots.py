"""What REST showed of an incident, however odd it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent, Note, Ref, Snapshot
from em_agent.integrations.pagerduty.snapshots import SOURCE, to_incident_event
from tests.integrations.pagerduty.test_log_entries import JSON

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = NOON + timedelta(days=400)
ADA = Ref("PADA", "Ada", "user_reference")

INCIDENT: dict[str, Any] = {
    "id": "P1",
    "type": "incident",
    "summary": "[#42] Down",
    "incident_number": 42,
    "title": "Down",
    "status": "resolved",
    "urgency": "high",
    "created_at": "2026-03-01T11:00:00Z",
    "updated_at": "2026-03-01T12:00:01Z",
    "resolved_at": "2026-03-01T12:00:00Z",
    "last_status_change_at": "2026-03-01T12:00:00Z",
    "last_status_change_by": {"id": "PADA", "type": "user_reference", "summary": "Ada"},
    "service": {"id": "S1", "type": "service_reference", "summary": "Checkout"},
    "escalation_policy": {"id": "E1", "summary": "Default"},
    "teams": [],
    "assignments": [],
    "priority": None,
    "resolve_reason": None,
    "html_url": "https://example.pagerduty.com/incidents/P1",
}
NOTE: dict[str, Any] = {
    "id": "PN1", "user": {"id": "PADA", "type": "user_reference", "summary": "Ada"}, "channel": {"summary": "web"},
    "content": "The disk was full.", "created_at": "2026-03-01T12:00:00Z",
}  # fmt: skip


def read(document: Any, occurred_at: datetime | None = None) -> IncidentEvent | None:
    """The reading of what was recorded."""
    return to_incident_event(StoredEvent(7, SOURCE, "incident", "P1:aa", occurred_at, RECEIVED), document)


def status(*, has_log: object = True, **changes: Any) -> tuple[str | None, datetime | None]:
    """What the incident with other fields tells of its status, and since when."""
    found = read({"incident": {**INCIDENT, **changes}, "has_log": has_log})
    assert found is not None
    assert found.snapshot is not None
    return found.snapshot.status, found.snapshot.status_at


def test_an_incident() -> None:
    """An incident is seen as it is when it is read; its own times are fields of it."""
    assert read({"incident": INCIDENT, "has_log": True}) == IncidentEvent(
        7, "P1", SOURCE, "P1:aa", "observed", RECEIVED, None, RECEIVED, actor=ADA,
        snapshot=Snapshot(
            number=42, title="Down", url=INCIDENT["html_url"], urgency="high", created_at=NOON - timedelta(hours=1),
            service=Ref("S1", "Checkout", "service_reference"), escalation_policy=Ref("E1", "Default"),
            is_priority_stated=True, teams=(), assignees=(),
        ),
    )  # fmt: skip


def test_resolved_and_no_log() -> None:
    """Only where no log can be read is a resolution taken from the incident itself."""
    assert status(has_log=False) == ("resolved", NOON)
    assert status(has_log=True) == status(has_log=None) == status(has_log="false") == (None, None)
    assert status(has_log=False, resolved_at=None) == (None, None)
    assert status(has_log=False, resolved_at="2099-01-01T00:00:00Z") == (None, None)


@pytest.mark.parametrize("is_open", ["triggered", "acknowledged"])
def test_open(is_open: str) -> None:
    """An open incident tells since when it is so, log or not."""
    assert status(status=is_open) == status(has_log=False, status=is_open) == (is_open, NOON)
    assert status(status=is_open, last_status_change_at=None) == (None, None)


def test_a_note() -> None:
    """A note is one at its own time, by its author, never cut."""
    found = read({"incident": {"id": "P1"}, "note": NOTE}, NOON)
    assert found == IncidentEvent(
        7, "P1", SOURCE, "P1:aa", "annotated", NOON, NOON, RECEIVED, actor=ADA, text="The disk was full.",
        note=Note("PN1", "The disk was full.", is_trimmed=False),
    )  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        {}, {"incident": None}, {"incident": {}}, {"incident": [INCIDENT]}, {"has_log": True}, {"note": NOTE},
        {"incident": {"id": "P1"}, "note": None}, {"incident": {"id": "P1"}, "note": {**NOTE, "content": ""}},
    ],
)  # fmt: skip
def test_of_nothing(document: dict[str, Any]) -> None:
    """What names no incident, or is a note without text, says nothing."""
    assert read(document) is None


@given(field=st.sampled_from([*INCIDENT, "has_log"]), value=JSON)
def test_any_incident_is_survived(field: str, value: object) -> None:
    """Whatever stands in a field, the incident is read, or is none."""
    for has_log in (True, False):
        read(
            {
                "has_log": has_log,
                "incident": {**INCIDENT, field: value},
                **({field: value} if field == "has_log" else {}),
            }
        )


@given(field=st.sampled_from([*NOTE]), value=JSON)
def test_any_note_is_survived(field: str, value: object) -> None:
    """Whatever stands in a field, the note is read, or is none."""
    found = read({"incident": {"id": "P1"}, "note": {**NOTE, field: value}}, NOON)
    assert found is None or found.note is not None
