"""Questions in plain words, and answers that quote."""

from collections.abc import Sequence

from em_agent.dashboard.answers import lay_out
from em_agent.dashboard.page import Page, Visit, panels
from em_agent.kit.postgres import reachable

_OF_SERVICES = (
    "what caused the last outage of {}?",
    "how was {} fixed last time?",
    "how many incidents had {} last month?",
)
_ALWAYS = (
    "what happened in the last 7 days?",
    "what was our MTTR last month?",
    "which problems keep coming back?",
    "which incidents are open?",
)


async def show(visit: Visit) -> Page:
    """The form, and the answer where `q` asks something.

    Raises:
        InvalidError: the question is too long.

    """
    q = visit.filters.value("q").strip()
    shown = await panels(answer=visit.backend.asker.ask(q, visit.now)) if q else {}
    has_events = True
    if not q:
        async with reachable():
            has_events = await visit.backend.pool.fetchval("SELECT EXISTS (SELECT FROM incidents)")
    values = {
        "shown": shown,
        "q": q,
        "suggestions": suggestions(visit.names.services),
        "has_events": has_events,
        "lay_out": lay_out,
    }
    return Page("ask.html", q[:80] or "Ask", values)


def suggestions(services: Sequence[str]) -> list[str]:
    """Questions that are likely to have an answer."""
    short = [service for service in services if len(service) <= 40]  # noqa: PLR2004 - a question fits on a line
    return [*_ALWAYS, *(form.format(service) for form, service in zip(_OF_SERVICES, short, strict=False))]
