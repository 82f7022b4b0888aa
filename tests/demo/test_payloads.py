"""Webhook bodies against the shapes that PagerDuty documents."""

import json
import re
from collections import defaultdict
from datetime import datetime
from statistics import median
from typing import Any

from em_agent.demo import payloads
from em_agent.demo.year import Year
from em_agent.integrations.pagerduty.webhook import EVENT_TYPES

_ENVELOPE = {"id", "event_type", "resource_type", "occurred_at", "agent", "client", "data"}
_MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

# The fields of each subject, beside its type.
_FIELDS = {
    "incident": "id self html_url number status incident_key created_at reopened_at title incident_type service "
    "assignees escalation_policy teams priority urgency conference_bridge resolve_reason",
    "incident_note": "incident id content trimmed",
    "incident_status_update": "incident id message trimmed",
    "incident_responder": "incident user escalation_policy message state",
    "incident_conference_bridge": "incident conference_numbers conference_url",
    "incident_field_values": "incident custom_fields changed_custom_fields",
    "incident_task": "id name description summary status assignees incident",
    "incident_workflow_instance": "id self html_url summary incident_workflow workflow_trigger incident service",
}


def _events(year: Year) -> list[dict[str, Any]]:
    return [payloads.v3(story, step)["event"] for story in year.stories for step in story.steps]


def _references(value: object) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = [value] if str(value.get("type", "")).endswith("_reference") else []
        return own + [found for part in value.values() for found in _references(part)]
    return [found for part in value for found in _references(part)] if isinstance(value, list) else []


def test_every_event_has_the_envelope_of_webhooks_v3(year: Year) -> None:
    """Ids, types and times of all events look like PagerDuty's, and no two events share an id."""
    events = _events(year)
    assert len({event["id"] for event in events}) == len(events)
    for event in events:
        assert set(event) == _ENVELOPE
        assert event["event_type"] in EVENT_TYPES
        assert event["resource_type"] == "incident"
        assert _MILLISECONDS.fullmatch(event["occurred_at"])
        is_workflow = event["data"]["type"] == "incident_workflow_instance"
        assert re.fullmatch(r"\d{38}" if is_workflow else r"[0-7][0-9A-HJKMNP-TV-Z]{25}", event["id"])
        assert event["agent"] is None or event["agent"]["type"] in {"user_reference", "inbound_integration_reference"}


def test_every_subject_has_its_documented_fields(year: Year) -> None:
    """Each kind of subject carries exactly the fields that it is documented with."""
    seen = set()
    for event in _events(year):
        data = event["data"]
        seen.add(data["type"])
        assert set(data) == {"type", *_FIELDS[data["type"]].split()}
    assert seen == set(_FIELDS)


def test_references_are_complete(year: Year) -> None:
    """A reference has id, type, summary and both addresses; the trigger of a workflow just id and type."""
    for event in _events(year):
        for reference in _references(event):
            assert re.fullmatch(r"P[0-9A-Z]{6}|Q[0-9A-Z]{13}", reference["id"])
            if reference["type"] != "workflow_trigger_reference":
                assert set(reference) == {"id", "type", "summary", "self", "html_url"}


def test_snapshots_show_the_state_after_the_event(year: Year) -> None:
    """The status follows from the kind of event, a resolved incident has no assignees, a merge names its target."""
    statuses = defaultdict(set)
    for event in _events(year):
        data = event["data"]
        if data["type"] != "incident":
            continue
        statuses[event["event_type"].removeprefix("incident.")].add(data["status"])
        assert bool(data["assignees"]) == (data["status"] != "resolved")
        assert _SECONDS.fullmatch(data["created_at"])
        if data["resolve_reason"]:
            assert data["resolve_reason"]["type"] == "merge_resolve_reason"
            assert event["agent"]["type"] == "user_reference"
    assert statuses["triggered"] == statuses["reopened"] == statuses["escalated"] == {"triggered"}
    assert statuses["delegated"] == statuses["unacknowledged"] == statuses["reassigned"] == {"triggered"}
    assert statuses["acknowledged"] == {"acknowledged"}
    assert statuses["resolved"] == {"resolved"}


def test_bodies_have_the_size_of_real_ones(year: Year) -> None:
    """An incident's body is 1.5 to 4 KB as a rule, and no body comes near the limit for ordered delivery."""
    sizes: dict[bool, list[int]] = {True: [], False: []}
    for story in year.stories:
        for step in story.steps:
            sizes[payloads.has_snapshot(step.event_type)].append(len(payloads.encode(payloads.v3(story, step))))
    assert 1500 <= median(sizes[True]) <= 4000
    assert max(sizes[True]) <= 4096
    assert min(sizes[False]) >= 500


def test_notes_tell_causes_and_fixes_that_recur(year: Year) -> None:
    """Several incidents have one cause, and their root-cause notes differ only in the details."""
    told = defaultdict(list)
    for story in year.stories:
        for step in story.steps:
            text = step.detail.get("content", "")
            if text.startswith("Root cause: "):
                told[story.occasion.cause.key].append(text)
            assert "{" not in text
    assert sum(len(texts) > 1 for texts in told.values()) >= 5
    assert sum(len(set(texts)) > 1 for texts in told.values()) >= 5


def test_the_guide_shape_has_the_fields_of_rest(year: Year) -> None:
    """Guide bodies carry number and assignments under REST's names, a bare agent, no event id; notes have no time."""
    for story in year.stories[:100]:
        for step in story.steps:
            event = payloads.guide(story, step)["event"]
            assert "id" not in event
            assert ("occurred_at" in event) == (step.event_type != "incident.annotated")
            data = event["data"]
            if data["type"] == "incident":
                assert data["incident_number"] == story.incident.number
                assert "number" not in data
                names = [entry["assignee"]["summary"] for entry in data["assignments"]]
                assert names == [person.name for person in step.state.assignees]
            if step.agent is None or step.agent.kind != "user":
                assert event["agent"] == {"type": "service"}


def test_bodies_are_compact_utf_8() -> None:
    """A body travels without blanks between its parts and without escapes for letters."""
    body = payloads.encode({"title": "Lucía ⚠"})
    assert body == '{"title":"Lucía ⚠"}'.encode()
    assert json.loads(body) == {"title": "Lucía ⚠"}


def test_other_events_have_their_shapes(year: Year) -> None:
    """A ping and a service's change look as documented."""
    service = year.stories[0].truth.service
    ping = payloads.ping("01", datetime.fromisoformat("2026-01-02T03:04:05Z"))["event"]
    assert ping["data"] == {"message": "Hello from your friend Pagey!", "type": "ping"}
    assert (ping["resource_type"], ping["occurred_at"]) == ("pagey", "2026-01-02T03:04:05.000Z")
    change = payloads.service_updated("02", year.start, service, service.policy.people[0])["event"]
    assert change["resource_type"] == "service"
    assert set(change["data"]) == {"id", "type", "summary", "self", "html_url", "alert_creation", "teams"}
