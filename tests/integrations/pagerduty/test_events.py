"""What PagerDuty's payloads say about incidents, in both shapes and in none."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent, Ref
from em_agent.domain.times import parse_time
from em_agent.integrations.pagerduty.events import to_incident_event
from em_agent.integrations.pagerduty.webhook import EVENT_TYPES, SOURCE
from tests.deliveries import NOON, event, incident, reference
from tests.payloads import payload, payload_files

RECEIVED = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
INCIDENT_TYPES = sorted(kind for kind in EVENT_TYPES if kind.startswith("incident."))
# Those whose data is not the incident itself.
REFERRING = {
    "annotated", "responder.added", "responder.replied", "status_update_published", "conference_bridge.updated",
    "custom_field_values.updated", "role.assigned", "task.created", "task.updated", "task.completed",
    "action_invocation.created", "action_invocation.updated", "action_invocation.terminated", "workflow.started",
    "workflow.completed",
}  # fmt: skip


def read(document: Any, received_at: datetime = RECEIVED) -> IncidentEvent | None:
    """What the document says, as it does when it arrives through the gateway."""
    stored = StoredEvent(
        1,
        "pagerduty",
        SOURCE.event_type(document),
        SOURCE.delivery_id(document) or "hash",
        SOURCE.occurred_at(document),
        received_at,
    )
    return to_incident_event(stored, document)


def test_every_event_type_has_a_payload_file() -> None:
    """There is one payload file for each event type, and each says the type of its name."""
    assert set(payload_files("pagerduty")) == EVENT_TYPES
    for event_type in EVENT_TYPES:
        assert payload("pagerduty", event_type)["event"]["event_type"] == event_type


@pytest.mark.parametrize("event_type", INCIDENT_TYPES)
def test_each_names_its_incident(event_type: str) -> None:
    """Every incident event, of the incident or of something of it, is on the timeline of the incident it is about."""
    document = payload("pagerduty", event_type)
    found = read(document)
    assert found is not None
    assert found.incident_id == "PINC042"
    assert found.kind == event_type.removeprefix("incident.")
    assert found.at == found.occurred_at == parse_time(document["event"]["occurred_at"])
    assert not found.is_clock_suspect
    assert (found.snapshot is None) is (found.kind in REFERRING)
    assert (found.note is not None) is (found.kind == "annotated")
    agent = document["event"]["agent"]
    assert (found.actor.id if found.actor else None) == (agent["id"] if agent else None)


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES - set(INCIDENT_TYPES)))
def test_other_events_name_none(event_type: str) -> None:
    """Events of services and pings are on no incident's timeline."""
    assert read(payload("pagerduty", event_type)) is None


def test_the_shape_of_webhooks() -> None:
    """Everything that a webhook states of the incident is read."""
    found = read(payload("pagerduty", "incident.triggered"))
    assert found is not None
    assert found.snapshot is not None
    snapshot = found.snapshot
    assert (snapshot.number, snapshot.title, snapshot.urgency) == (42, "Replication lag above 10 minutes", "high")
    assert snapshot.url == "https://acme.pagerduty.com/incidents/PINC042"
    assert snapshot.created_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert snapshot.service == Ref("PSVCDB1", "Production Database", "service_reference")
    assert snapshot.escalation_policy == Ref("PESCDB1", "Databases", "escalation_policy_reference")
    assert snapshot.priority == Ref("PPRIO01", "P1", "priority_reference")
    assert snapshot.teams == (Ref("PTEAMST", "Storage", "team_reference"),)
    assert snapshot.assignees == (Ref("PADA123", "Ada Marsh", "user_reference"),)
    assert found.actor == Ref("PINTEG1", "Prometheus", "inbound_integration_reference")


def test_the_shape_of_rest() -> None:
    """The older shape, with `incident_number`, `assignments`, a `name` for the priority and no type, says the same."""
    data = incident()
    data["incident_number"] = data.pop("number")
    data["assignments"] = [{"at": "2026-03-01T12:00:00Z", "assignee": assignee} for assignee in data.pop("assignees")]
    data["priority"] = {"id": "PPRI1", "type": "priority", "name": "P1"}
    del data["type"]
    old, new = read(event("triggered", data=data)), read(event("triggered"))
    assert old is not None
    assert new is not None
    assert old.snapshot is not None
    assert new.snapshot is not None
    assert old.snapshot.number == 42
    assert old.snapshot.assignees == new.snapshot.assignees
    assert (old.snapshot.priority or Ref("", "")).name == "P1"
    assert old.incident_id == new.incident_id == "PINC1"


def test_the_guides_shape() -> None:
    """The guide's first test delivery, with an agent that is a type alone, is an event of its incident."""
    document = {
        "event": {
            "event_type": "incident.triggered",
            "agent": {"type": "service"},
            "data": {
                "id": "P123ABC",
                "incident_number": 7,
                "title": "Test",
                "urgency": "high",
                "service": {"id": "PS", "summary": "S"},
            },
        }
    }
    found = read(document)
    assert found is not None
    assert found.incident_id == "P123ABC"
    assert (found.at, found.occurred_at) == (RECEIVED, None)
    assert found.actor == Ref(None, None, "service")
    assert found.snapshot is not None
    assert found.snapshot.number == 7


@pytest.mark.parametrize(
    ("field", "value", "name", "expected"),
    [
        ("number", "42", "number", 42),
        ("number", 0, "number", 0),
        ("number", -1, "number", None),
        ("number", True, "number", None),
        ("number", 42.0, "number", None),
        ("number", 10**18, "number", None),
        ("number", 10**18 - 1, "number", 10**18 - 1),
        ("number", "4 2", "number", None),
        ("title", 5, "title", None),
        ("title", "", "title", None),
        ("urgency", "HIGH", "urgency", None),
        ("urgency", ["high"], "urgency", None),
        ("created_at", 5, "created_at", None),
        ("service", "PSVC1", "service", None),
        ("service", {"type": "service_reference"}, "service", None),
        ("service", {"id": 7}, "service", Ref("7", None)),
        ("service", {"id": "P", "summary": " \t"}, "service", Ref("P", None)),
        ("service", {"id": "P", "summary": " ", "name": " A "}, "service", Ref("P", " A ")),
        ("escalation_policy", {"summary": "\u00a0"}, "escalation_policy", None),
        ("teams", {"id": "P"}, "teams", None),
        ("teams", [None, 5, {}, {"id": "P"}], "teams", (Ref("P", None),)),
        ("teams", [], "teams", ()),
        ("assignees", [], "assignees", ()),
        ("assignees", "Ada", "assignees", None),
        ("resolve_reason", {"type": 5}, "resolve_reason", None),
        ("resolve_reason", "merged", "resolve_reason", None),
    ],
)
def test_odd_fields(field: str, value: Any, name: str, expected: object) -> None:
    """A field of another type or out of range is not stated; what can be read of a list is."""
    found = read(event("triggered", data=incident(**{field: value})))
    assert found is not None
    assert getattr(found.snapshot, name) == expected


@pytest.mark.parametrize(("priority", "is_stated"), [(None, True), ("P1", False), ({}, False), ({"id": "P"}, True)])
def test_no_priority_is_a_statement(priority: object, is_stated: bool) -> None:  # noqa: FBT001
    """A null priority says that there is none; a missing or unreadable one says nothing."""
    found = read(event("triggered", data=incident(priority=priority)))
    assert found is not None
    assert found.snapshot is not None
    assert found.snapshot.is_priority_stated is is_stated
    data = incident()
    del data["priority"]
    found = read(event("triggered", data=data))
    assert found is not None
    assert found.snapshot is not None
    assert not found.snapshot.is_priority_stated


@pytest.mark.parametrize(
    "identifier", [None, "", [], {}, True, 1.5, 10**18, "x" * 201, ["PINC1"]], ids=lambda value: str(value)[:10]
)
def test_an_unusable_incident_id_names_none(identifier: object) -> None:
    """An id that is missing, empty, of another type, or longer than any index takes names no incident."""
    assert read(event("triggered", data=incident(id=identifier))) is None
    note = {"type": "incident_note", "id": "N", "content": "x", "incident": {"id": identifier}}
    assert read(event("annotated", data=note)) is None


@pytest.mark.parametrize("identifier", ["P", "Q" * 14, "x" * 200, "a b", "ключ", 42])
def test_a_usable_incident_id(identifier: str | int) -> None:
    """The form of an id is not fixed."""
    found = read(event("triggered", data=incident(id=identifier)))
    assert found is not None
    assert found.incident_id == str(identifier)


def test_unusable_ids_within() -> None:
    """An assignee, team or note with an unusable id has none, or is not there."""
    people = [reference("x" * 201, "user", "Ada"), {"id": "y" * 300}]
    found = read(event("triggered", data=incident(assignees=people)))
    assert found is not None
    assert found.snapshot is not None
    assert found.snapshot.assignees == (Ref(None, "Ada", "user_reference"),)


def test_a_note_without_text() -> None:
    """A note that says nothing is an event of its incident, and no note."""
    for content in (None, "", 5, ["x"]):
        found = read(event("annotated", data={"type": "incident_note", "content": content, "incident": {"id": "P1"}}))
        assert found is not None
        assert found.note is None


def test_a_suspect_clock() -> None:
    """A time more than a day ahead of its receipt is flagged and the receipt used; one of the past is believed."""
    day = timedelta(days=1)
    for ahead, is_suspect in ((day + timedelta(milliseconds=1), True), (day, False), (-4000 * day, False)):
        found = read(event("triggered", 0.0), NOON - ahead)
        assert found is not None
        assert found.is_clock_suspect is is_suspect
        assert found.at == (NOON - ahead if is_suspect else NOON)


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("x" * 300),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "summary"]) | st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A payload in which some values are gone or replaced by something else."""
    document = copy.deepcopy(payload("pagerduty", draw(st.sampled_from(INCIDENT_TYPES))))
    for _ in range(draw(st.integers(1, 4))):
        paths = [path for path in _paths(document) if path]
        if not paths:
            break
        *parents, last = draw(st.sampled_from(paths))
        holder: Any = document
        for key in parents:
            holder = holder[key]
        if draw(st.booleans()) and isinstance(holder, dict):
            del holder[last]
        else:
            holder[last] = draw(ODD)
    return document


@given(document=mutated())
def test_no_payload_raises(document: Any) -> None:
    """Whatever is missing or of another type, reading gives an event that fits the tables, or None."""
    found = read(document)
    if found is not None:
        assert 1 <= len(found.incident_id) <= 200
        assert all(1 <= len(ref.id) <= 200 for ref in _refs(found) if ref.id is not None)


def _refs(found: IncidentEvent) -> Iterator[Ref]:
    snapshot = found.snapshot
    single = (
        found.actor,
        snapshot and snapshot.service,
        snapshot and snapshot.priority,
        snapshot and snapshot.escalation_policy,
    )
    yield from (ref for ref in single if ref)
    if snapshot:
        yield from (*(snapshot.teams or ()), *(snapshot.assignees or ()))
