"""Answers about one incident: when it was, how long it took, who had it."""

from em_agent.ask.answers import Citation, Draft, span
from em_agent.ask.sources import INCIDENT_PREFIX, Source
from em_agent.errors import NotFoundError
from em_agent.incidents.read import IncidentDetail, find_incident
from em_agent.kit.postgres import Pool, reachable


async def detail_of(pool: Pool, id_or_number: str) -> IncidentDetail | None:
    """The incident, or None where there is none of that number or id.

    Raises:
        RetriableError: the database does not answer.

    """
    try:
        async with reachable():
            return await find_incident(pool, id_or_number)
    except NotFoundError:
        return None


def source_id(detail: IncidentDetail) -> str:
    """The id of the incident's document."""
    return f"{INCIDENT_PREFIX}{detail.incident['id']}"


def bare_source(detail: IncidentDetail) -> Source:
    """The incident as a source that has no texts: its document is still to be made."""
    row = dict(detail.incident)
    return Source(
        source_id(detail), row["title"] or f"Incident {row['id']}", row["url"], row["number"], row["service"],
        row["triggered_at"], (), row,
    )  # fmt: skip


def tell_figures(draft: Draft, source: Source, detail: IncidentDetail, heading: str = "Its times:") -> None:
    """Write the times and durations of the incident, and whose it was, which stay whoever writes the rest."""
    row = detail.incident
    people = list(dict.fromkeys(each["assignee"] for each in detail.assignments if each["assignee"]))
    facts = [
        ("Status", row["status"]),
        ("Triggered", draft.time(row["triggered_at"]) or "unknown"),
        ("Acknowledged", _after(draft, row["acknowledged_at"], row["time_to_acknowledge_seconds"])),
        ("Resolved", _after(draft, row["resolved_at"], row["time_to_resolve_seconds"])),
        ("Active time", span(row["active_seconds"]) if row["active_seconds"] is not None else ""),
        ("Reopened", f"{row['reopen_count']} times" if row["reopen_count"] else ""),
        ("Urgency", row["urgency"] or ""),
        ("Priority", row["priority"] or ""),
        ("Assigned to", ", ".join(people)),
    ]
    lines = [f"{name}: {value}" for name, value in facts if value]
    url = f"/v1/incidents/{row['id']}"
    with draft.kept():
        draft.say(heading)
        for line in lines:
            draft.say(f"  {line}")
        draft.citations.append(Citation(source.id, source.title, source.url or url, "; ".join(lines), "incident"))


def _after(draft: Draft, moment: object, seconds: float | None) -> str:
    if moment is None:
        return "not yet, or unknown"
    after = f", {span(seconds)} after the trigger" if seconds is not None else ""
    return f"{draft.time(moment)}{after}"  # type: ignore[arg-type]
