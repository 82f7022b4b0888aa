"""The documents that answers quote: incidents and the user's own, with their passages and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from em_agent.ask.questions import Filters
from em_agent.ask.ranks import Order
from em_agent.domain.documents import Passage
from em_agent.kit.postgres import Pool, reachable
from em_agent.search.filters import Filters as SearchFilters

INCIDENT_PREFIX = "pagerduty:incident:"
_MOST_CHARACTERS = 200_000  # of one document: a note of that length is no note

_DOCUMENTS = """
SELECT key, id, title, url, source, number, service, at FROM search.documents WHERE id = ANY($1::text[])
"""
_PASSAGES = f"""
SELECT document_key, kind, text, author, at
FROM (
    SELECT *, sum(length(text)) OVER (PARTITION BY document_key ORDER BY ordinal) AS characters
    FROM search.passages WHERE document_key = ANY($1::integer[])
) AS p
WHERE characters <= {_MOST_CHARACTERS} ORDER BY document_key, ordinal
"""  # noqa: S608 - a number of ours
_INCIDENTS = """
SELECT id, number, title, status, urgency, priority, service, teams, triggered_at, acknowledged_at, resolved_at,
    time_to_acknowledge_seconds, time_to_resolve_seconds, active_seconds, reopen_count, escalation_count, is_merged,
    merged_into, url, (SELECT number FROM incidents AS target WHERE target.id = one.merged_into) AS merged_into_number
FROM incidents AS one WHERE id = ANY($1::text[])
"""
_IDS = """
SELECT id FROM search.documents AS d WHERE source = 'pagerduty' AND {condition}
ORDER BY {first} at DESC NULLS LAST, key DESC LIMIT {limit}
"""
_URGENT_FIRST = "(urgency = 'high') IS TRUE DESC,"
_NOTED_FIRST = "EXISTS (SELECT FROM search.passages WHERE document_key = d.key AND kind <> 'title') DESC,"
# An open one is as long as it has been.
_LONGEST_FIRST = f"""
(SELECT coalesce(time_to_resolve_seconds, extract(epoch FROM now() - triggered_at) * (status <> 'resolved')::integer)
 FROM incidents WHERE incidents.id = substr(d.id, {len(INCIDENT_PREFIX) + 1})) DESC NULLS LAST,
"""  # noqa: S608 - a number of ours
_COUNT_ALL = "SELECT count(*) FROM search.documents AS d WHERE {condition}"
_COUNT = "SELECT count(*) FROM search.documents AS d WHERE source = 'pagerduty' AND {condition}"


@dataclass(frozen=True, slots=True)
class Source:
    """A document; `incident` is its row where it is one."""

    id: str
    title: str
    url: str | None
    number: int | None
    service: str | None
    at: datetime | None
    passages: Sequence[Passage]
    incident: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How it is called in a sentence."""
        return f"#{self.number}" if self.number is not None else self.id.removeprefix(INCIDENT_PREFIX)

    @property
    def has_notes(self) -> bool:
        """Whether it has any text but its title."""
        return any(passage.kind != "title" for passage in self.passages)


async def read_sources(pool: Pool, ids: Sequence[str]) -> list[Source]:
    """The documents with these ids, in that order; those that are not there are left out.

    Raises:
        RetriableError: the database does not answer.

    """
    if not ids:
        return []
    async with reachable(), pool.acquire() as connection:
        documents = {row["id"]: dict(row) for row in await connection.fetch(_DOCUMENTS, list(ids))}
        keys = [row["key"] for row in documents.values()]
        passages: dict[int, list[Passage]] = {key: [] for key in keys}
        for row in await connection.fetch(_PASSAGES, keys):
            passages[row["document_key"]].append(Passage(row["kind"], row["text"], row["author"], row["at"]))
        names = [id_.removeprefix(INCIDENT_PREFIX) for id_ in documents if id_.startswith(INCIDENT_PREFIX)]
        incidents = {row["id"]: dict(row) for row in await connection.fetch(_INCIDENTS, names)}
    return [
        _source(documents[id_], passages[documents[id_]["key"]], incidents.get(id_.removeprefix(INCIDENT_PREFIX), {}))
        for id_ in dict.fromkeys(ids)
        if id_ in documents
    ]


def _source(row: Mapping[str, Any], passages: Sequence[Passage], incident: Mapping[str, Any]) -> Source:
    return Source(row["id"], row["title"], row["url"], row["number"], row["service"], row["at"], passages, incident)


async def told_of(pool: Pool, sources: Sequence[Source]) -> list[Source]:
    """The sources, where one that was merged and of which nobody wrote gives way to what it was merged into.

    Raises:
        RetriableError: the database does not answer.

    """
    told = {source.id: source for source in sources}
    gone = {id_: _target(source) for id_, source in told.items() if not source.has_notes and _target(source)}
    targets = {source.id: source for source in await read_sources(pool, list(gone.values()))}
    kept = (targets.get(gone.get(id_, ""), source) for id_, source in told.items())
    return list({source.id: source for source in kept}.values())


def _target(source: Source) -> str:
    merged_into = source.incident.get("merged_into")
    return f"{INCIDENT_PREFIX}{merged_into}" if merged_into else ""


async def list_ids(
    pool: Pool, filters: SearchFilters, limit: int, *, noted_first: bool = False
) -> tuple[list[str], int]:
    """The ids of incidents that the filters leave, urgent ones first and then the newest, and how many there are."""
    return await _list(pool, filters, limit, f"{_NOTED_FIRST if noted_first else ''} {_URGENT_FIRST}")


async def rank_ids(
    pool: Pool, filters: SearchFilters, limit: int, order: Order, among: Sequence[str] | None = None
) -> tuple[list[str], int]:
    """The ids of incidents that the filters leave, `among` these where it is given, in order; how many there are."""
    return await _list(pool, filters, limit, _LONGEST_FIRST if order == "longest" else "", among)


async def _list(
    pool: Pool, filters: SearchFilters, limit: int, first: str, among: Sequence[str] | None = None
) -> tuple[list[str], int]:
    condition, values = filters.condition(1)
    if among is not None:
        condition, values = f"{condition} AND d.id = ANY(${len(values) + 1}::text[])", [*values, list(among)]
    async with reachable(), pool.acquire() as connection:
        rows = await connection.fetch(_IDS.format(condition=condition, first=first, limit=int(limit)), *values)
        count = await connection.fetchval(_COUNT.format(condition=condition), *values)
    return [row["id"] for row in rows], count


async def count_ids(pool: Pool, filters: SearchFilters) -> int:
    """How many documents the filters leave."""
    condition, values = filters.condition(1)
    async with reachable():
        count: int = await pool.fetchval(_COUNT_ALL.format(condition=condition), *values)
    return count


def search_filters(filters: Filters, since: datetime | None, until: datetime | None) -> SearchFilters:
    """The filters of the question as the search takes them."""
    return SearchFilters(
        service=filters.services,
        team=filters.teams,
        urgency=filters.urgencies,
        priority=filters.priorities,
        status=filters.statuses,
        since=since,
        until=until,
    )
