"""`incidents`: a list, newest first."""

from collections.abc import Sequence

import asyncpg

from em_agent.incidents.query import IncidentQuery
from em_agent.incidents.read import find_page
from em_agent.slack import blocks, text
from em_agent.slack.answers.answer import Answer, plain_answer
from em_agent.slack.answers.figures import counted, duration, moment, window
from em_agent.slack.answers.sources import Sources
from em_agent.slack.arguments import OPEN, Arguments, read_arguments

MOST = 40
ON_A_PAGE = 8
_TITLE = 200
_NAMES = 120


async def incidents_answer(sources: Sources, given: str) -> Answer:
    """The incidents that the words ask for.

    Raises:
        InvalidError: they name a service that there is none of.

    """
    now = sources.now()
    wanted = await read_arguments(sources.pool, given, zone=sources.zone, now=now)
    query = IncidentQuery(
        since=wanted.since,
        until=wanted.until,
        service=(wanted.service,) if wanted.service else (),
        status=wanted.states,
        urgency=(wanted.urgency,) if wanted.urgency else (),
        limit=MOST,
    )
    page = await find_page(sources.pool, query)
    about = _about(wanted, sources)
    if not page.rows:
        return plain_answer(f"There are no {about}.")
    count = f"The newest {len(page.rows)}" if page.next_cursor else f"{len(page.rows)}"
    title = f"{count} {about}" if len(page.rows) != 1 else f"1 {about.replace('incidents', 'incident', 1)}"
    entries = [_entry(row, sources) for row in page.rows]
    pages = [entries[at : at + ON_A_PAGE] for at in range(0, len(entries), ON_A_PAGE)]
    shown = [[blocks.rich(blocks.section(blocks.words(title, "bold"))), *pages[0]], *pages[1:]]
    lines = [_line(row) for row in page.rows[:ON_A_PAGE]]
    said = "\n".join([text.harmless(title, 500), *lines])
    return Answer(said[: blocks.LONGEST_FALLBACK], shown)


def _about(wanted: Arguments, sources: Sources) -> str:
    words = [
        "open" if wanted.states == OPEN else " or ".join(wanted.states),
        f"{wanted.urgency}-urgency" if wanted.urgency else "",
        "incidents",
        f"of {text.line(wanted.service, _NAMES)}" if wanted.service else "",
    ]
    about = " ".join(word for word in words if word)
    if wanted.since is not None and wanted.until is not None:
        about += f", triggered {window(wanted.since, wanted.until, sources.zone)}"
    elif wanted.until is not None:
        about += f", triggered before {moment(wanted.until, sources.zone)}"
    return about


def _entry(row: asyncpg.Record, sources: Sources) -> blocks.Block:
    return blocks.rich(
        blocks.section(
            blocks.link(row["url"], name_of(row), "bold"),
            blocks.words(f" {text.line(row['title'], _TITLE) or 'Untitled'}"),
            blocks.words(f"\n{listed(row, sources)}"),
        )
    )


def facts_of(row: asyncpg.Record, sources: Sources) -> Sequence[str]:
    """The incident's state, weight, service and times, as far as they are known."""
    facts = [
        row["status"],
        f"{row['urgency']} urgency" if row["urgency"] else None,
        text.line(row["priority"], 40) or None,
        text.line(row["service"], _NAMES) or None,
        moment(row["triggered_at"], sources.zone) if row["triggered_at"] else None,
        f"resolved after {duration(row['time_to_resolve_seconds'])}"
        if row["time_to_resolve_seconds"] is not None
        else None,
        f"reopened {counted(row['reopen_count'], 'time')}" if row["reopen_count"] else None,
    ]
    return [fact for fact in facts if fact]


def listed(row: asyncpg.Record, sources: Sources) -> str:
    """The same in one line."""
    return " \u00b7 ".join(facts_of(row, sources))


def name_of(row: asyncpg.Record) -> str:
    """How people call the incident."""
    return f"#{row['number']}" if row["number"] is not None else text.line(row["id"], 40)


def _line(row: asyncpg.Record) -> str:
    return f"{text.harmless(name_of(row), 60)} {text.harmless(row['title'], _TITLE)} ({row['status']})"
