"""The documents of incidents, made of their state, and put into the index."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from em_agent.domain.documents import Document, Passage
from em_agent.incidents import pending
from em_agent.integrations.pagerduty.alerts import read_alerts
from em_agent.integrations.pagerduty.rows import SNAPSHOT
from em_agent.kit import json
from em_agent.kit.postgres import Connection
from em_agent.search import store
from em_agent.search.chunks import paragraphs
from em_agent.search.store import Indexed

SOURCE = "pagerduty"
_PREFIX = f"{SOURCE}:incident:"

# A resolution's text comes as a note too, which begins with this.
_RESOLUTION = "Resolution Note: "

_INCIDENTS = """
SELECT id, number, title, url, status, urgency, priority, service_id, service, team_ids, teams, triggered_at,
    acknowledged_at, resolved_at, merged_into
FROM incidents AS i
WHERE id = ANY($1) AND NOT EXISTS (
    SELECT FROM search.gone_incidents AS g
    WHERE g.incident_id = i.id AND NOT EXISTS (
        SELECT FROM incident_events AS e WHERE e.incident_id = i.id AND e.received_at > g.found_at
    )
)
ORDER BY id
"""

# What people wrote: notes, status updates, and the text of a resolution.
_TEXTS = """
SELECT incident_id, event_id, at, 'annotated' AS kind, author, content AS text FROM incident_notes
WHERE incident_id = ANY($1)
UNION ALL
SELECT incident_id, event_id, at, kind, actor, text FROM incident_events
WHERE incident_id = ANY($1) AND kind IN ('status_update_published', 'resolved') AND text IS NOT NULL
ORDER BY incident_id, at, event_id
"""

# Those of the newest look that had any: alerts are read only where somebody asks for them.
_ALERTS = """
SELECT DISTINCT ON (e.incident_id) e.incident_id, (r.payload->'alerts')::text AS alerts
FROM incident_events AS e JOIN events_raw AS r ON r.id = e.event_id
WHERE e.incident_id = ANY($1) AND e.source = $2 AND r.payload->'alerts' IS NOT NULL
ORDER BY e.incident_id, e.received_at DESC, e.event_id DESC
"""


def document_id(incident_id: str) -> str:
    """The id of an incident's document."""
    return _PREFIX + incident_id


async def incident_documents(connection: Connection, incident_ids: Sequence[str]) -> list[Document]:
    """The documents of those of the incidents that are there; the same state gives the same document.

    Of what PagerDuty has no longer there is none.
    """
    texts: dict[str, list[asyncpg.Record]] = {}
    rows = await connection.fetch(_INCIDENTS, incident_ids)
    for text in await connection.fetch(_TEXTS, incident_ids):
        texts.setdefault(text["incident_id"], []).append(text)
    alerts = {row["incident_id"]: row["alerts"] for row in await connection.fetch(_ALERTS, incident_ids, SNAPSHOT)}
    return [_document(row, texts.get(row["id"], []), alerts.get(row["id"])) for row in rows]


async def index_incidents(connection: Connection, incident_ids: Iterable[str]) -> Indexed:
    """Make the incidents' documents anew; one of an incident that is no more goes.

    It is a transaction of its own: within another it could wait for those who wait for that one. What an incident was
    marked for before its state was read is done with; a mark that was made meanwhile stays.
    """
    ids = sorted(set(incident_ids))
    async with connection.transaction():
        await pending.lock(connection, ids)
        seen = await pending.marks(connection, ids)
        documents = await incident_documents(connection, ids)
        indexed = await store.index(connection, documents)
        there = {document.id for document in documents}
        gone = [document_id(incident_id) for incident_id in ids if document_id(incident_id) not in there]
        if gone:
            await store.remove(connection, gone)
        await pending.clear(connection, seen)
    return indexed


def _document(row: asyncpg.Record, texts: Sequence[asyncpg.Record], alerts: str | None) -> Document:
    title = (row["title"] or "").strip()
    name = f"Incident #{row['number']}" if row["number"] is not None else f"Incident {row['id']}"
    return Document(
        id=document_id(row["id"]),
        source=SOURCE,
        title=row["title"] if title else name,
        passages=(*_passages(title, texts), *_alert_passages(title, alerts)),
        url=row["url"],
        number=row["number"],
        service_id=row["service_id"],
        service=row["service"],
        team_ids=tuple(row["team_ids"]),
        teams=tuple(row["teams"]),
        urgency=row["urgency"],
        status=row["status"],
        priority=row["priority"],
        at=row["triggered_at"],
        meta=_meta(row),
    )


def _passages(title: str, texts: Sequence[asyncpg.Record]) -> Iterator[Passage]:
    if title:
        yield Passage("title", title)
    notes = {row["text"] for row in texts if row["kind"] == "annotated"}
    for row in texts:
        text = row["text"]
        if row["kind"] == "resolved" and not notes.isdisjoint({text, _RESOLUTION + text}):
            continue
        for paragraph in paragraphs(text):
            yield Passage("note", paragraph, row["author"], row["at"])


def _alert_passages(title: str, alerts: str | None) -> Iterator[Passage]:
    for text, at in read_alerts(json.loads(alerts) if alerts else None):
        if text != title:
            for paragraph in paragraphs(text):
                yield Passage("paragraph", paragraph, at=at)


def _meta(row: asyncpg.Record) -> dict[str, Any]:
    plain = ("number", "service", "teams", "status", "urgency", "priority", "merged_into")
    times = ("triggered_at", "acknowledged_at", "resolved_at")
    return {
        "incident_id": row["id"],
        **{name: row[name] for name in plain},
        **{name: _time(row[name]) for name in times},
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
