"""One incident: what it was, how it went, who had it, where each time is from, and what it is like."""

from typing import Any

from em_agent.dashboard.page import Page, Visit, panels
from em_agent.errors import NotFoundError
from em_agent.incidents.read import IncidentDetail, find_incident
from em_agent.kit.postgres import reachable
from em_agent.search.query import Outcome
from em_agent.search.similar import find_incident_id

MOST_ALIKE = 5
MOST_STEPS = 150
MOST_NOTES = 50
LONGEST_NOTE = 3_000


async def show(visit: Visit) -> Page:
    """The incident with this id or number.

    Raises:
        NotFoundError: there is none.
        RetriableError: the database does not answer.

    """
    async with reachable():
        detail = await find_incident(visit.backend.pool, visit.parameter("id"))
    incident = detail.incident
    shown = await panels(alike=_alike(visit, incident["id"]))
    values = {"shown": shown, "incident": incident, "detail": detail, **_kept_short(detail)}
    return Page("incident.html", name(incident), values)


def name(incident: Any) -> str:  # noqa: ANN401 - a row
    """How the incident is called in a window's title."""
    number = f"#{incident['number']}" if incident["number"] is not None else incident["id"]
    return f"{number} {incident['title'] or ''}"[:90].strip()


def _kept_short(detail: IncidentDetail) -> dict[str, Any]:
    """The newest of what may be long without end; the page of the events has all of it."""
    return {
        "steps": detail.timeline[-MOST_STEPS:],
        "notes": detail.notes[-MOST_NOTES:],
        "longest_note": LONGEST_NOTE,
        "earlier_steps": max(len(detail.timeline) - MOST_STEPS, 0),
        "earlier_notes": max(len(detail.notes) - MOST_NOTES, 0),
    }


async def _alike(visit: Visit, incident_id: str) -> Outcome | None:
    """The incidents most like it; None while it is not in the index."""
    search = visit.backend.search
    async with reachable():
        try:
            async with search.reading() as connection:
                document_id = await find_incident_id(connection, incident_id)
            return await search.similar(document_id, MOST_ALIKE)
        except NotFoundError:
            return None
