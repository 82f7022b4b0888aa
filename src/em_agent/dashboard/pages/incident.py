"""One incident: what it was, how it went, who had it, where each time is from, and what it is like."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from markupsafe import escape

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
LONGEST_STEP = 500
MOST_BYTES = 60_000  # of all notes, and of all steps

Entry = TypeVar("Entry")


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
    steps = _newest(detail.timeline[-MOST_STEPS:], lambda step: (step.text or "")[:LONGEST_STEP])
    notes = _newest(detail.notes[-MOST_NOTES:], lambda note: note["content"][:LONGEST_NOTE])
    return {
        "steps": steps,
        "notes": notes,
        "longest_note": LONGEST_NOTE,
        "longest_step": LONGEST_STEP,
        "earlier_steps": len(detail.timeline) - len(steps),
        "earlier_notes": len(detail.notes) - len(notes),
    }


def _newest(entries: Sequence[Entry], text_of: Callable[[Entry], str]) -> Sequence[Entry]:
    """As many of the last entries as have room in a page, escaped as they are there."""
    room = MOST_BYTES
    for number, entry in enumerate(reversed(entries)):
        room -= len(escape(text_of(entry)).encode())
        if room < 0:
            return entries[len(entries) - number :]
    return entries


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
