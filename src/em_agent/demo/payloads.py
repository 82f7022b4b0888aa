"""Webhook bodies of a story's steps: PagerDuty's V3 shape, and the older shape of integration guides."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from em_agent.demo.company import SUBDOMAIN, Service, Thing
from em_agent.demo.ids import id_of
from em_agent.demo.stories import Incident, Step, Story

Json = dict[str, Any]


def v3(story: Story, step: Step) -> Json:
    """The body as webhooks V3 send it."""
    build = _SUBJECTS.get(step.event_type, _incident)
    data = build(story.incident, step)
    return envelope(step.id, step.event_type, step.at, data, agent=step.agent, client=_client(step))


def guide(story: Story, step: Step) -> Json:
    """The body as older guides show it: REST's field names, a bare agent, no event id.

    Notes have no time of their own there.
    """
    agent = step.agent
    event: Json = {"event_type": step.event_type, "resource_type": "incident", "agent": {"type": "service"}}
    if agent is not None and agent.kind == "user":
        event["agent"] = {"id": agent.id, "type": "user_reference", "summary": agent.name}
    if step.event_type != "incident.annotated":
        event["occurred_at"] = to_milliseconds(step.at)
    build = _SUBJECTS.get(step.event_type, _guide_incident)
    return {"event": {**event, "data": build(story.incident, step)}}


def envelope(  # noqa: PLR0913 - the envelope's own fields
    event_id: str, event_type: str, at: datetime, data: Json, *, agent: Thing | None = None, client: Json | None = None
) -> Json:
    """A webhook's outer part around its subject."""
    return {
        "event": {
            "id": event_id,
            "event_type": event_type,
            "resource_type": event_type.partition(".")[0],
            "occurred_at": to_milliseconds(at),
            "agent": agent and reference(agent),
            "client": client,
            "data": data,
        }
    }


def ping(event_id: str, at: datetime) -> Json:
    """The test event of a subscription."""
    return envelope(event_id, "pagey.ping", at, {"message": "Hello from your friend Pagey!", "type": "ping"})


def service_updated(event_id: str, at: datetime, service: Service, by: Thing) -> Json:
    """The event of a change in a service's settings."""
    thing = service.thing
    data = {
        "id": thing.id,
        "type": "service",
        "summary": thing.name,
        "self": thing.api_url,
        "html_url": thing.url,
        "alert_creation": "create_alerts_and_incidents",
        "teams": [reference(team) for team in service.teams],
    }
    return envelope(event_id, "service.updated", at, data, agent=by)


def encode(body: Json) -> bytes:
    """The body as it travels: compact, characters outside ASCII as they are."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def reference(thing: Thing) -> Json:
    """How webhooks refer to a thing."""
    return {
        "html_url": thing.url,
        "id": thing.id,
        "self": thing.api_url,
        "summary": thing.name,
        "type": f"{thing.kind}_reference",
    }


def to_milliseconds(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_seconds(at: datetime) -> str:
    """ISO 8601 in UTC with whole seconds."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _incident(incident: Incident, step: Step) -> Json:
    state = step.state
    return {
        "id": incident.thing.id,
        "type": "incident",
        "self": incident.thing.api_url,
        "html_url": incident.thing.url,
        "number": incident.number,
        "status": state.status,
        "incident_key": incident.key,
        "created_at": to_seconds(incident.created_at),
        "reopened_at": to_seconds(state.reopened_at) if state.reopened_at else None,
        "title": incident.thing.name,
        "incident_type": {"name": "incident_default"},
        "service": reference(state.service.thing),
        "assignees": [reference(person) for person in state.assignees],
        "escalation_policy": reference(state.policy.thing),
        "teams": [reference(team) for team in state.service.teams],
        "priority": state.priority and reference(state.priority),
        "urgency": state.urgency,
        "conference_bridge": None,
        "resolve_reason": _resolve_reason(step),
    }


def _guide_incident(incident: Incident, step: Step) -> Json:
    state = step.state
    return {
        "id": incident.thing.id,
        "type": "incident",
        "html_url": incident.thing.url,
        "incident_number": incident.number,
        "title": incident.thing.name,
        "description": f"{incident.thing.name}. Opened by {incident.monitor.name} on {state.service.name}.",
        "status": state.status,
        "urgency": state.urgency,
        "created_at": to_seconds(incident.created_at),
        "service": {"id": state.service.thing.id, "type": "service_reference", "summary": state.service.name},
        "assignments": [{"at": to_seconds(step.at), "assignee": reference(person)} for person in state.assignees],
        "escalation_policy": reference(state.policy.thing),
        "teams": [reference(team) for team in state.service.teams],
        "priority": state.priority and reference(state.priority),
        "resolve_reason": _resolve_reason(step),
    }


def _resolve_reason(step: Step) -> Json | None:
    target = step.state.merged_into
    return {"type": "merge_resolve_reason", "incident": reference(target)} if target else None


def _client(step: Step) -> Json | None:
    monitor: Thing | None = step.detail.get("client")
    if monitor is None:
        return None
    return {"name": monitor.name, "url": f"https://{monitor.name.lower()}.example.com/alerts/{monitor.id}"}


def _note(incident: Incident, step: Step) -> Json:
    return _sub_resource("incident_note", incident, step.detail["id"], content=step.detail["content"], trimmed=False)


def _status_update(incident: Incident, step: Step) -> Json:
    own_id = id_of("status_update", step.id)
    return _sub_resource("incident_status_update", incident, own_id, message=step.detail["message"], trimmed=False)


def _responder(incident: Incident, step: Step) -> Json:
    return {
        "type": "incident_responder",
        "incident": reference(incident.thing),
        "user": reference(step.detail["user"]),
        "escalation_policy": None,
        "message": step.detail["message"],
        "state": step.detail["state"],
    }


def _conference_bridge(incident: Incident, step: Step) -> Json:
    room = step.detail["room"]
    return {
        "type": "incident_conference_bridge",
        "incident": reference(incident.thing),
        "conference_numbers": [{"label": "Bridge", "number": f"+44 20 7946 0000,,{room}#"}],
        "conference_url": f"https://meet.example.com/{room}",
    }


def _field_values(incident: Incident, step: Step) -> Json:
    name, value = step.detail["field"], step.detail["value"]
    field = {
        "id": id_of("field", name), "name": name, "type": "field_value", "namespace": "incidents",
        "data_type": "string", "field_type": "single_value_fixed", "value": value,
    }  # fmt: skip
    subject = {**reference(incident.thing), "summary": None}
    return {
        "type": "incident_field_values", "incident": subject, "custom_fields": [field], "changed_custom_fields": [field]
    }  # fmt: skip


def _task(incident: Incident, step: Step) -> Json:
    name = step.detail["name"]
    own_id = id_of("task", step.id)
    more = {"name": name, "description": None, "summary": name, "status": "todo", "assignees": []}
    return _sub_resource("incident_task", incident, own_id, **more)


def _workflow(incident: Incident, step: Step) -> Json:
    workflow: Thing = step.detail["workflow"]
    instance = id_of("workflow_instance", f"{incident.thing.id}/{workflow.id}")
    return {
        "id": instance,
        "type": "incident_workflow_instance",
        "summary": workflow.name,
        "self": None,
        "html_url": f"{SUBDOMAIN}/incident_workflows/{workflow.id}/instances/{instance}",
        "incident_workflow": reference(workflow),
        "workflow_trigger": {"id": id_of("workflow_trigger", workflow.id), "type": "workflow_trigger_reference"},
        "incident": reference(incident.thing),
        "service": reference(step.state.service.thing),
    }


def _sub_resource(kind: str, incident: Incident, own_id: str, **more: Any) -> Json:  # noqa: ANN401
    return {"incident": reference(incident.thing), "id": own_id, "type": kind, **more}


# Events whose subject is not the incident itself.
_SUBJECTS: dict[str, Callable[[Incident, Step], Json]] = {
    "incident.annotated": _note,
    "incident.status_update_published": _status_update,
    "incident.responder.added": _responder,
    "incident.responder.replied": _responder,
    "incident.conference_bridge.updated": _conference_bridge,
    "incident.custom_field_values.updated": _field_values,
    "incident.task.created": _task,
    "incident.workflow.started": _workflow,
    "incident.workflow.completed": _workflow,
}


def has_snapshot(event_type: str) -> bool:
    """Whether the event's subject is the incident itself, as it is after the event."""
    return event_type.startswith("incident.") and event_type not in _SUBJECTS
