"""An incident's message, and the replies in its thread."""

import hashlib
from collections.abc import Sequence
from typing import Any

from em_agent.domain.incidents import IncidentEvent
from em_agent.incidents.read import IncidentDetail
from em_agent.kit import json
from em_agent.slack import blocks, text
from em_agent.slack.answers.figures import moment
from em_agent.slack.answers.found import Alike, Quote
from em_agent.slack.answers.incident import summary
from em_agent.slack.answers.incidents import facts_of, name_of
from em_agent.slack.answers.quotes import quotation
from em_agent.slack.answers.sources import Sources

# What a thread tells of, in words; other events change the message alone, or nothing.
_WORDS = {
    "acknowledged": "Acknowledged", "unacknowledged": "No longer acknowledged", "escalated": "Escalated",
    "delegated": "Delegated", "reassigned": "Reassigned", "assigned": "Assigned", "reopened": "Reopened",
    "resolved": "Resolved", "priority_updated": "Priority changed", "annotated": "Note",
}  # fmt: skip
_MOST_IN_ONE = 12
_LONGEST_NOTE = 600


def root(detail: IncidentDetail, sources: Sources) -> dict[str, Any]:
    """The incident's message as it is to be now."""
    row = detail.incident
    said = f"{name_of(row)} {text.line(row['title'], 600) or 'Untitled'}: {', '.join(facts_of(row, sources))}"
    return {"text": text.harmless(said, 2000), "blocks": [summary(detail, sources)]}


def digest(message: dict[str, Any]) -> bytes:
    """What is equal for equal messages."""
    return hashlib.sha256(json.dumps(message)).digest()


def to_tell(timeline: Sequence[IncidentEvent]) -> list[IncidentEvent]:
    """The events that a thread tells of."""
    return [event for event in timeline if event.kind in _WORDS]


def reply(events: Sequence[IncidentEvent], sources: Sources) -> dict[str, Any]:
    """One reply that tells of all the events, in their order; of very many only of the newest."""
    told = events[-_MOST_IN_ONE:]
    shown: list[blocks.Block] = []
    said: list[str] = []
    if len(events) > len(told):
        shown.append(blocks.context(f"{len(events) - len(told)} earlier changes are not told here."))
    for event in told:
        line = _line(event, sources)
        note = event.note.content if event.note else None
        quote = [blocks.quote(blocks.words(text.shown(note, _LONGEST_NOTE) or "(empty)"))] if note is not None else []
        shown.append(blocks.rich(blocks.section(blocks.words(line)), *quote))
        said.append(text.harmless(line, 300))
    return {"text": text.cut("\n".join(said), blocks.LONGEST_FALLBACK), "blocks": blocks.fitted(shown)}


def similar(found: Sequence[Alike], sources: Sources) -> dict[str, Any]:
    """The reply that names past incidents like it, with what mended them."""
    title = blocks.rich(blocks.section(blocks.words("Similar incidents of the past", "bold")))
    entries = [
        quotation(Quote(one.role, one.snippet, one.author, one.at, one.title, one.url), sources.zone) for one in found
    ]
    names = "; ".join(text.harmless(one.title, 200) for one in found)
    return {"text": f"Similar incidents of the past: {names}", "blocks": blocks.fitted([title, *entries])}


def _line(event: IncidentEvent, sources: Sources) -> str:
    by = text.line(event.actor.name, 80) if event.actor and event.actor.name else ""
    return f"{_WORDS[event.kind]}{f' by {by}' if by else ''}, {moment(event.at, sources.zone)}"
