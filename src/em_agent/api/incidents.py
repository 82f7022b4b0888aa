"""`GET /v1/incidents` and `GET /v1/incidents/{id}`."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from em_agent.api.backend import UseBackend
from em_agent.api.deployments import IncidentDeployment, shown_link
from em_agent.api.errors import problems
from em_agent.api.parameters import known_only
from em_agent.domain.incidents import IncidentEvent, Sender
from em_agent.domain.times import parse_window, parse_zone
from em_agent.incidents.issues import IssueLink
from em_agent.incidents.query import IncidentQuery
from em_agent.incidents.read import IncidentDetail, find_incident, find_page

router = APIRouter(prefix="/v1/incidents", tags=["incidents"], dependencies=[Depends(known_only)])

Sort = Literal[
    "triggered_at", "resolved_at", "number", "time_to_acknowledge_seconds", "time_to_resolve_seconds",
    "-triggered_at", "-resolved_at", "-number", "-time_to_acknowledge_seconds", "-time_to_resolve_seconds",
]  # fmt: skip


class NamedRef(BaseModel):
    """Something of PagerDuty's by its id and name."""

    id: str | None
    name: str | None


class IncidentSummary(BaseModel):
    """An incident as a list has it; durations in seconds, null where they are unknown."""

    id: str
    number: int | None
    title: str | None
    status: str
    urgency: str | None
    priority: str | None
    service: NamedRef | None
    teams: list[str]
    triggered_at: datetime | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    time_to_acknowledge_seconds: float | None
    time_to_resolve_seconds: float | None
    active_seconds: float | None
    reopen_count: int
    merged: bool
    url: str | None


class IncidentPage(BaseModel):
    """A page of incidents; `next_cursor` is null on the last one."""

    incidents: list[IncidentSummary]
    next_cursor: str | None


class TimelineEntry(BaseModel):
    """One event; `from` tells whether it came by webhook or from PagerDuty's REST API."""

    at: datetime
    type: str
    by: str | None
    text: str | None
    sender: Sender = Field(serialization_alias="from")
    event: int
    clock_suspect: bool


class IncidentNote(BaseModel):
    """A note; a trimmed one was cut short by PagerDuty."""

    id: str | None
    at: datetime
    author: str | None
    content: str
    trimmed: bool


class Assignment(BaseModel):
    """A time that the incident was somebody's; `unassigned_at` is null for those who have it now."""

    id: str
    name: str | None
    assigned_at: datetime
    unassigned_at: datetime | None


class Episode(BaseModel):
    """A stretch from a trigger or reopening to its resolution; the start of one that nobody saw begin is null."""

    started_at: datetime | None
    started_by: str
    resolved_at: datetime | None


class Link(BaseModel):
    """An issue that belongs to the incident; `how` tells where that is written."""

    source: str
    key: str
    url: str | None
    title: str | None
    status: str | None = Field(description="The tracker's own word for it.")
    done: bool
    created_at: datetime | None
    done_at: datetime | None
    how: Literal["url", "key", "named_by_issue"]
    recurred_within_30_days: int | None = Field(
        description="Other incidents with the same service and title after it was done; null while it is open."
    )
    recurred_within_90_days: int | None


class TimeSources(BaseModel):
    """How each time became known: by webhook, or from PagerDuty's REST API; null where it is not."""

    triggered_at: Sender | None
    acknowledged_at: Sender | None
    resolved_at: Sender | None


class IncidentFull(IncidentSummary):
    """An incident with everything that is known of it; `events` are ids in `events_raw`.

    What webhook and API both tell stands in the timeline once, and both in `events`.
    """

    escalation_policy: str | None
    escalation_count: int
    auto_resolved: bool
    merged_into: str | None
    sources: TimeSources
    timeline: list[TimelineEntry]
    notes: list[IncidentNote]
    assignees: list[NamedRef]
    assignments: list[Assignment]
    episodes: list[Episode]
    links: list[Link]
    deployment: IncidentDeployment | None = Field(description="The deployment that it is linked to.")
    events: list[int]


@router.get("", responses=problems(401, 403, 422, 503))
async def list_incidents(  # noqa: PLR0913 - each is a parameter of the request
    backend: UseBackend,
    since: Annotated[str | None, Query(description="Time or date; the window begins here.")] = None,
    until: Annotated[str | None, Query(description="Time or date; the window ends before it.")] = None,
    service: Annotated[list[str], Query(description="Service id or name; may repeat.")] = [],  # noqa: B006
    team: Annotated[list[str], Query(description="Team id or name; may repeat.")] = [],  # noqa: B006
    urgency: Annotated[list[Literal["high", "low"]], Query(description="May repeat.")] = [],  # noqa: B006
    priority: Annotated[list[str], Query(description="Priority id or name; may repeat.")] = [],  # noqa: B006
    status: Annotated[list[Literal["triggered", "acknowledged", "resolved"]], Query()] = [],  # noqa: B006
    attribute_by: Literal["triggered", "resolved"] = "triggered",
    exclude_merged: bool = False,  # noqa: FBT001, FBT002
    timezone: Annotated[str | None, Query(description="IANA name, for dates; default the setting.")] = None,
    sort: Sort = "-triggered_at",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> IncidentPage:
    """Incidents, newest first unless sorted otherwise; all of them where no window is given."""
    zone = parse_zone(timezone) if timezone else backend.timezone
    begin, end = parse_window(since, until, zone)
    query = IncidentQuery(
        since=begin,
        until=end,
        window_column=f"{attribute_by}_at",
        service=service,
        team=team,
        urgency=urgency,
        priority=priority,
        status=status,
        exclude_merged=exclude_merged,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )
    page = await find_page(backend.pool, query)
    return IncidentPage(incidents=[IncidentSummary(**_summary(row)) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/{id_or_number}", responses=problems(401, 403, 404, 422, 503))
async def get_incident(
    backend: UseBackend, id_or_number: Annotated[str, Path(description="PagerDuty's id, or the number.")]
) -> IncidentFull:
    """One incident with its timeline, notes and people, each fact with the event that it came from."""
    return _full(await find_incident(backend.pool, id_or_number))


def _summary(row: asyncpg.Record) -> dict[str, Any]:
    fields = dict(row)
    service_id, service = fields.pop("service_id"), fields.pop("service")
    has_service = service_id is not None or service is not None
    return {
        **fields,
        "service": NamedRef(id=service_id, name=service) if has_service else None,
        "merged": fields.pop("is_merged"),
    }


def _full(detail: IncidentDetail) -> IncidentFull:
    row = detail.incident
    return IncidentFull(
        **_summary(row),
        auto_resolved=row["is_auto_resolved"],
        sources=TimeSources(**asdict(detail.sources)),
        timeline=[_entry(event) for event in detail.timeline],
        notes=[
            IncidentNote(
                id=note["note_id"],
                at=note["at"],
                author=note["author"],
                content=note["content"],
                trimmed=note["is_trimmed"],
            )
            for note in detail.notes
        ],
        assignees=[
            NamedRef(id=a["assignee_id"], name=a["assignee"]) for a in detail.assignments if a["unassigned_at"] is None
        ],
        assignments=[
            Assignment(
                id=a["assignee_id"],
                name=a["assignee"],
                assigned_at=a["assigned_at"],
                unassigned_at=a["unassigned_at"],
            )
            for a in detail.assignments
        ],
        episodes=[Episode(**{k: v for k, v in episode.items() if k != "ordinal"}) for episode in detail.episodes],
        links=[_link(issue) for issue in detail.issues],
        deployment=shown_link(detail.deployment),
        events=list(detail.events),
    )


def _link(issue: IssueLink) -> Link:
    fields = asdict(issue)
    return Link(done=fields.pop("is_done"), **fields)


def _entry(event: IncidentEvent) -> TimelineEntry:
    return TimelineEntry(
        at=event.at,
        type=event.kind,
        by=event.actor.name if event.actor else None,
        text=event.text,
        sender=event.sender,
        event=event.event_id,
        clock_suspect=event.is_clock_suspect,
    )
