"""The events behind an incident, as they were sent."""

import orjson

from em_agent.dashboard.page import Page, Visit
from em_agent.dashboard.pages import incident
from em_agent.errors import InvalidError, NotFoundError
from em_agent.events.history import RecordedEvent, body_of, recorded
from em_agent.incidents.read import find_incident
from em_agent.kit.postgres import reachable

MOST_LISTED = 300
MOST_READ = 400_000
MOST_SHOWN = 30_000  # characters: a quotation mark takes five bytes in a page


async def show(visit: Visit) -> Page:
    """The events of the incident, and the body of the one that is chosen.

    Raises:
        NotFoundError: there is no such incident, or the event is none of its.
        InvalidError: the event's number is none.
        RetriableError: the database does not answer.

    """
    pool = visit.backend.pool
    async with reachable():
        detail = await find_incident(pool, visit.parameter("id"))
        events = await recorded(pool, detail.events[-MOST_LISTED:])
        chosen = _chosen(visit, events)
        body = await body_of(pool, chosen.id, MOST_READ) if chosen else None
    text, length = body or ("", 0)
    values = {
        "incident": detail.incident,
        "events": events,
        "earlier": max(len(detail.events) - MOST_LISTED, 0),
        "chosen": chosen,
        "text": laid_out(text)[:MOST_SHOWN],
        "length": length,
        "is_cut": len(laid_out(text)) > MOST_SHOWN or length > MOST_READ,
    }
    return Page("events.html", f"Events of {incident.name(detail.incident)}", values)


def _chosen(visit: Visit, events: list[RecordedEvent]) -> RecordedEvent | None:
    text = visit.filters.value("event")
    if not text:
        return events[-1] if events else None
    if not (text.isascii() and text.isdigit()):
        message = "event is the number of an event."
        raise InvalidError(message)
    for event in events:
        if event.id == int(text):
            return event
    message = f"Event {text[:20]} is none of this incident's newest {MOST_LISTED}."
    raise NotFoundError(message)


def laid_out(text: str) -> str:
    """The JSON with a line for each field, or the text itself where it is cut or nests too deep to be read."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
