"""The first page: how incidents go, and what to look at next."""

from em_agent.dashboard.page import Page, Visit, panels


async def show(visit: Visit) -> Page:
    """The overview of the window."""
    meter, filters = visit.backend.meter, visit.filters
    shown = await panels(totals=meter.measure(filters.query, compare_previous=filters.is_compared))
    return Page("overview.html", "Overview", {"shown": shown})
