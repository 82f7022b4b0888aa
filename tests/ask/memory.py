"""A small memory: incidents with their notes, in the tables that answers are made of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from em_agent.ask.asker import Asker
from em_agent.ask.model import Model
from em_agent.domain.documents import Document, Passage
from em_agent.kit.postgres import Pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search import store
from em_agent.search.query import Search

NOW = datetime(2026, 4, 1, 10, 30, tzinfo=UTC)  # a Wednesday
Note = tuple[str, str]  # author, text

_INCIDENT = """
INSERT INTO incidents (id, number, title, status, urgency, priority, service_id, service, team_ids, teams, url,
    triggered_at, acknowledged_at, resolved_at, time_to_acknowledge_seconds, time_to_resolve_seconds, active_seconds,
    reopen_count, escalation_count, is_merged, is_auto_resolved, last_event_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, 60, $14, $14, 0, 0, false, false, $11)
"""


async def remember(  # noqa: PLR0913 - the fields of an incident
    pool: Pool,
    number: int,
    title: str,
    *notes: Note,
    service: str = "Checkout API",
    team: str = "Payments",
    at: str = "2026-03-24T10:00:00+00:00",
    minutes: int | None = 30,
    urgency: str = "high",
) -> str:
    """Put an incident and its document where answers find them; the document's id."""
    id_, begin = f"PINC{number}", datetime.fromisoformat(at)
    end = begin + timedelta(minutes=minutes) if minutes is not None else None
    url = f"https://acme.example.com/incidents/{id_}"
    passages = [Passage("title", title)]
    passages += [
        Passage("note", text, author, begin + timedelta(minutes=5 * n)) for n, (author, text) in enumerate(notes, 1)
    ]
    status = "resolved" if end else "triggered"
    document = Document(
        id=f"pagerduty:incident:{id_}", source="pagerduty", title=title, passages=tuple(passages), url=url,
        number=number, service_id=f"S-{service}", service=service, team_ids=(team,), teams=(team,), urgency=urgency,
        status=status, priority="P1", at=begin,
    )  # fmt: skip
    async with pool.acquire() as connection:
        await connection.execute(
            _INCIDENT, id_, number, title, status, urgency, "P1", f"S-{service}", service, [team], url, begin,
            begin + timedelta(minutes=1), end, (minutes or 0) * 60.0 if end else None,
        )  # fmt: skip
        await store.index(connection, [document])
    return document.id


async def remember_some(pool: Pool) -> None:
    """Six incidents of a shop."""
    await remember(
        pool, 42, "Database connections exhausted",
        ("Ada Young", "Checkout answers 500. We suspect the load balancer."),
        ("Ben Ode", "Ruled out the load balancer. Root cause: the nightly report opened 400 sessions and never closed them."),
        ("Ben Ode", "Killed the idle sessions and restarted the pooler. Orders flow again."),
        ("Ada Young", "Post-mortem: the report job had no connection limit. We gave it a pool of its own with ten connections."),
        service="Production Database", at="2026-03-24T10:00:00+00:00",
    )  # fmt: skip
    await remember(
        pool, 43, "TLS handshakes fail at the edge",
        ("Cyd Lee", "The certificate of shop.example.com expired at midnight because the renewal job ran without permissions."),
        ("Cyd Lee", "Renewed it by hand and reloaded the proxies."),
        service="Edge", team="Network", at="2026-03-03T00:10:00+00:00",
    )  # fmt: skip
    await remember(
        pool, 44, "Checkout latency above 2 s",
        ("Ada Young", "A deployment removed the index on orders, so every query scanned the whole table."),
        ("Ada Young", "Rolled back the deployment; latency is normal."),
        service="Checkout API", at="2026-02-10T15:00:00+00:00",
    )  # fmt: skip
    await remember(
        pool, 45, "Database connections exhausted again",
        ("Ben Ode", "Connections were exhausted because the export job leaked database connections."),
        ("Ben Ode", "Killed the export job's connections."),
        service="Production Database", at="2026-01-12T08:00:00+00:00",
    )  # fmt: skip
    await remember(
        pool, 46, "Search index stale",
        ("Dan Roe", "The indexer was stuck on a malformed document."),
        ("Dan Roe", "Skipped the document and restarted the indexer."),
        service="Catalog", team="Search", at="2025-11-05T09:00:00+00:00",
    )  # fmt: skip
    await remember(
        pool,
        47,
        "Disk almost full on log host",
        service="Logging",
        team="Network",
        minutes=None,
        at="2026-04-01T09:00:00+00:00",
    )


def asker_of(pool: Pool, model: Model | None = None, zone: str = "UTC") -> Asker:
    """An asker by words alone: what it finds is the same on every machine."""
    return Asker(Search(pool, None), IncidentMeter(pool), pool, timezone=ZoneInfo(zone), model=model)


def verbatim(quotes: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether every quote stands in one of the texts, character by character."""
    return all(any(quote in text for text in texts) for quote in quotes)
