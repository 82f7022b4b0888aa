"""Nearest passages by their vectors: exactly where they are few, by the model's HNSW index beyond.

Vectors travel as arrays of real, which go in binary on any connection. They have the length one, so that the inner
product is the cosine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from em_agent.kit.postgres import Connection
from em_agent.search.filters import Scope
from em_agent.search.vectors import comparable, quoted

PASSAGES = 100  # what one walk through the index finds
_MORE = 8
# The passages of some documents that a model has read, document by document. Where the table has just been filled, its
# statistics know of no model, and the index over models would be taken for the shorter way: it leads to all there are.
OF_DOCUMENTS = """
unnest($3::integer[]) AS wanted (key) CROSS JOIN LATERAL (
    SELECT document_key, ordinal, embedding FROM search.passages
    WHERE document_key = wanted.key AND model IS NOT DISTINCT FROM $2
    OFFSET 0
) AS p
"""
_EXACT = f"""
SELECT p.document_key AS key, min(p.embedding <#> $1::real[]::halfvec) AS distance
FROM {OF_DOCUMENTS} GROUP BY 1 ORDER BY 2 LIMIT $4
"""  # noqa: S608 - a text of ours
_NEAREST = """
SELECT p.document_key AS key FROM search.passages AS p
WHERE p.model = {model} AND {condition} ORDER BY {embedding} <#> $1::real[]::halfvec({dimensions}) LIMIT $2
"""
_SCORE = f"""
SELECT DISTINCT ON (p.document_key) p.document_key AS key, p.ordinal, -(p.embedding <#> $1::real[]::halfvec) AS score
FROM {OF_DOCUMENTS} ORDER BY p.document_key, score DESC, p.ordinal
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class MeaningQuery:
    """The query's vector and the model that made it."""

    vector: Sequence[float]
    model: str


@dataclass(frozen=True, slots=True)
class Nearest:
    """A document's passage that is nearest to the query, and its cosine."""

    ordinal: int
    score: float


async def find(connection: Connection, query: MeaningQuery, scope: Scope, at_least: int) -> list[int]:
    """The keys of the nearest documents, nearest first; all there are where they are fewer than `at_least`."""
    if scope.keys is not None:
        rows = await connection.fetch(_EXACT, query.vector, query.model, scope.keys, max(PASSAGES, at_least))
        return [row["key"] for row in rows]
    condition, values = scope.condition(3)
    if values:
        # A subquery of its own, since a join would be turned round and lose the order of the index.
        condition = f"(SELECT {condition} FROM search.documents AS d WHERE d.key = p.document_key)"  # noqa: S608
    dimensions = len(query.vector)
    sql = _NEAREST.format(
        model=quoted(query.model), condition=condition, embedding=comparable(dimensions), dimensions=dimensions
    )
    limit = max(PASSAGES, at_least)
    while True:
        rows = await connection.fetch(sql, query.vector, limit, *values)
        keys = list(dict.fromkeys(row["key"] for row in rows))
        if len(keys) >= at_least or len(rows) < limit:
            return keys
        limit *= _MORE  # one document with many passages crowds the others out


async def score(connection: Connection, query: MeaningQuery, keys: Sequence[int]) -> dict[int, Nearest]:
    """The best passage of each of these documents that has vectors."""
    rows = await connection.fetch(_SCORE, query.vector, query.model, keys)
    return {row["key"]: Nearest(row["ordinal"], row["score"]) for row in rows}
