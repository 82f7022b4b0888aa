"""What a search gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from em_agent.kit import json
from em_agent.kit.postgres import Connection
from em_agent.search.fusion import Ranked
from em_agent.search.snippets import overlap, snippet

_DOCUMENTS = """
SELECT key, id, title, url, source, number, service_id, service, status, urgency, priority, at, meta
FROM search.documents WHERE key = ANY($1::integer[])
"""
# Of a document of thousands of passages, a look at its first ones and at the one that is near has to do.
_PASSAGES = """
SELECT wanted.key, p.ordinal, p.kind, left(p.text, 20000) AS text
FROM unnest($1::integer[], $2::integer[]) AS wanted (key, nearest) CROSS JOIN LATERAL (
    SELECT ordinal, kind, text FROM search.passages WHERE document_key = wanted.key
    ORDER BY (ordinal = wanted.nearest) IS TRUE DESC, ordinal LIMIT $3
) AS p
ORDER BY wanted.key, p.ordinal
"""
_PASSAGES_READ, _PASSAGES_OF_EACH = 4_000, 40  # of all documents together, but so many of each in any case


Text = tuple[int, str, str]  # ordinal, kind, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document that was found, with a verbatim piece of its best passage and what made its score."""

    key: int
    id: str
    title: str
    snippet: str
    score: float
    url: str | None
    source: str
    meta: Mapping[str, Any]
    is_exact: bool
    words: float
    meaning: float | None
    number: int | None
    service_id: str | None
    service: str | None
    status: str | None
    urgency: str | None
    priority: str | None
    at: datetime | None


async def read_hits(connection: Connection, ranked: Sequence[Ranked], weights: Mapping[str, float]) -> list[Hit]:
    """The ranked documents that are still there, in full; `weights` are the stems that the snippets should show."""
    keys = [one.candidate.key for one in ranked]
    rows = {row["key"]: row for row in await connection.fetch(_DOCUMENTS, keys)} if keys else {}
    passages: dict[int, list[Text]] = {key: [] for key in keys}
    nearest = [one.candidate.ordinal for one in ranked]
    of_each = max(_PASSAGES_OF_EACH, _PASSAGES_READ // max(len(keys), 1))
    for row in await connection.fetch(_PASSAGES, keys, nearest, of_each) if keys else ():
        passages[row["key"]].append((row["ordinal"], row["kind"], row["text"]))
    there = [one for one in ranked if one.candidate.key in rows]
    return [_hit(one, rows[one.candidate.key], passages[one.candidate.key], weights) for one in there]


def _hit(one: Ranked, row: asyncpg.Record, passages: Sequence[Text], weights: Mapping[str, float]) -> Hit:
    best = _best(passages, one.candidate.ordinal, weights)
    return Hit(
        **{**row, "meta": json.loads(row["meta"])},
        snippet=snippet(best, weights) or row["title"],
        score=one.score,
        is_exact=one.candidate.tier > 0,
        words=one.candidate.words,
        meaning=one.candidate.meaning,
    )


def _best(passages: Sequence[Text], nearest: int | None, weights: Mapping[str, float]) -> str:
    """The passage that says most of what was asked, one near in meaning before others; the title where it is alone."""
    bodies = [passage for passage in passages if passage[1] != "title"] or passages
    total = sum(weights.values()) or 1.0
    scored = (
        (overlap(text, weights) / total + 0.5 * (ordinal == nearest), -ordinal, text) for ordinal, _, text in bodies
    )
    return max(scored, default=(0.0, 0, ""))[2]
