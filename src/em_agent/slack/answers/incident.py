"""`incident`: one, with its times and what was written of it."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from em_agent.domain.incidents import IncidentEvent
from em_agent.errors import InvalidError
from em_agent.incidents.issues import IssueLink
from em_agent.incidents.read import IncidentDetail, find_incident
from em_agent.slack import blocks, text
from em_agent.slack.answers.answer import Answer
from em_agent.slack.answers.figures import duration, moment
from em_agent.slack.answers.found import Quote
from em_agent.slack.answers.incidents import facts_of, listed, name_of
from em_agent.slack.answers.quotes import quotation
from em_agent.slack.answers.sources import Sources

NOTES_AT_FIRST = 3
MOST_NOTES = 12
MOST_ENTRIES = 25
MOST_ISSUES = 10


async def incident_answer(sources: Sources, given: str) -> Answer:
    """The incident of that number or id.

    Raises:
        InvalidError: nothing is named.
        NotFoundError: there is no such incident.

    """
    name = read_number(given)
    detail = await find_incident(sources.pool, name)
    row = detail.incident
    title = f"{name_of(row)} {text.line(row['title'], 400) or 'Untitled'}"
    notes = [_note(note, row) for note in reversed(detail.notes)]
    first = [summary(detail, sources), *[quotation(note, sources.zone) for note in notes[:NOTES_AT_FIRST]]]
    if detail.issues:
        first.append(_issues(detail.issues))
    if not notes:
        first.append(blocks.context("Nobody has written a note yet."))
    pages: list[Sequence[blocks.Block]] = [first]
    if len(notes) > NOTES_AT_FIRST:
        pages.append([quotation(note, sources.zone) for note in notes[NOTES_AT_FIRST:MOST_NOTES]])
    if detail.timeline:
        pages.append([_timeline(detail.timeline, sources)])
    said = f"{text.harmless(title, 600)}: {text.harmless(', '.join(facts_of(row, sources)), 600)}"
    if notes:
        by = text.harmless(notes[0].author or "somebody", 80)
        said += f"\nNote of {by}:\n{text.quoted(notes[0].text, 1000)}"
    if detail.issues:
        named = ", ".join(f"{issue.key} ({_progress(issue)})" for issue in detail.issues[:MOST_ISSUES])
        said += f"\nIssues: {text.harmless(named, 600)}"
    return Answer(said, pages)


def read_number(given: str) -> str:
    """The number or id in the words.

    Raises:
        InvalidError: there is none.

    """
    words = given.replace("#", " ").split()
    if not words:
        message = "Say which incident, by its number: incident 42."
        raise InvalidError(message)
    return next((word for word in words if word.isdigit()), words[0])


def summary(detail: IncidentDetail, sources: Sources) -> blocks.Block:
    """The incident's name, state, times and people."""
    row = detail.incident
    have = [a["assignee"] or a["assignee_id"] for a in detail.assignments if a["unassigned_at"] is None]
    times = [
        ("Triggered", moment(row["triggered_at"], sources.zone)),
        ("Acknowledged", _after(row["acknowledged_at"], row["time_to_acknowledge_seconds"], sources)),
        ("Resolved", _after(row["resolved_at"], row["time_to_resolve_seconds"], sources)),
    ]
    lines = [f"\n{name}: {value}" for name, value in times]
    if have:
        lines.append(f"\nAssigned to: {text.line(', '.join(have), 300)}")
    return blocks.rich(
        blocks.section(
            blocks.link(row["url"], name_of(row), "bold"),
            blocks.words(f" {text.line(row['title'], 1000) or 'Untitled'}", "bold"),
            blocks.words(f"\n{listed(row, sources)}"),
            blocks.words("".join(lines)),
        )
    )


def _after(at: Any, seconds: float | None, sources: Sources) -> str:  # noqa: ANN401 - a time or None
    when = moment(at, sources.zone)
    return f"{when}, after {duration(seconds)}" if at is not None and seconds is not None else when


def _note(note: asyncpg.Record, row: asyncpg.Record) -> Quote:
    return Quote("note", note["content"], note["author"], note["at"], None, row["url"])


def _issues(issues: Sequence[IssueLink]) -> blocks.Block:
    lines = [
        blocks.section(
            blocks.link(issue.url, text.line(issue.key, 60)),
            blocks.words(f" {text.line(issue.title, 150)}" if issue.title else ""),
            blocks.words(f" ({_progress(issue)})"),
        )
        for issue in issues[:MOST_ISSUES]
    ]
    return blocks.rich(blocks.section(blocks.words("Issues", "bold")), blocks.bullets(*lines))


def _progress(issue: IssueLink) -> str:
    """How far the issue is, and how often the trouble came back since."""
    known = text.line(issue.status, 60) or ("done" if issue.is_done else "open")
    again = issue.recurred_within_90_days
    return known if not again else f"{known}; came back {again} {'time' if again == 1 else 'times'} within 90 days"


def _timeline(entries: Sequence[IncidentEvent], sources: Sources) -> blocks.Block:
    lines = [
        blocks.section(
            blocks.words(f"{moment(entry.at, sources.zone)} {text.line(entry.kind, 60).replace('_', ' ')}"),
            blocks.words(f" by {text.line(entry.actor.name, 80)}" if entry.actor and entry.actor.name else " "),
        )
        for entry in entries[-MOST_ENTRIES:]
    ]
    return blocks.rich(blocks.section(blocks.words("What happened", "bold")), blocks.bullets(*lines))
