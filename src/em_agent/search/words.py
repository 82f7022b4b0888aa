"""BM25 in plain SQL, as Lucene computes it: k1 1.2, b .75, idf ln(1 + (N - df + .5) / (df + .5))."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from em_agent.kit.postgres import Connection
from em_agent.search.filters import Scope

K1 = 1.2
B = 0.75
# So many of those that their rare terms found are scored by all terms, and so many of the best are given back.
CANDIDATES = 500
SHORTLIST = 128
# The postings that are read for candidates, rare terms first: common terms move scores little.
_POSTINGS = 15_000
_LOOKED_UP = 2_000
_LONGEST_QUERY = 128  # terms; of a longer one those that weigh most

_TERMS = """
SELECT t.id, t.term, t.documents, c.documents AS all_documents, c.length
FROM search.corpus AS c LEFT JOIN search.terms AS t ON t.term = ANY($1::text[])
"""
_SUMS = """
SELECT document_key AS key, count(*) AS terms,
    sum(q.weight * frequency / (frequency + $1::float8 + $2::float8 * length)) AS score
FROM unnest({terms}::integer[], {weights}::float8[]) AS q (term_id, weight)
CROSS JOIN LATERAL (
    SELECT document_key, frequency, length FROM search.postings AS p WHERE p.term_id = q.term_id AND {condition}
) AS posting
GROUP BY document_key
"""
_FIND = f"""
WITH found AS MATERIALIZED (
    {_SUMS.format(terms="$3", weights="$4", condition="{condition}")}
    ORDER BY score DESC, document_key DESC LIMIT {CANDIDATES}
),
rest AS (
    {_SUMS.format(terms="$5", weights="$6", condition="p.document_key = ANY(ARRAY(SELECT key FROM found))")}
)
SELECT key, found.score + coalesce(rest.score, 0) AS score, found.terms + coalesce(rest.terms, 0) AS terms,
    (SELECT count(*) FROM found) AS candidates
FROM found LEFT JOIN rest USING (key) ORDER BY score DESC, key DESC LIMIT {SHORTLIST}
"""  # noqa: S608 - names of ours
_SCORE = _SUMS.format(terms="$3", weights="$4", condition="p.document_key = ANY($5::integer[])")


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the query that the index has."""

    id: int
    text: str
    documents: int
    weight: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A document's score, and how many of the query's terms it has."""

    score: float
    terms: int


@dataclass(frozen=True, slots=True)
class WordQuery:
    """The query's terms, rarest first, and what lengths count for in this corpus."""

    terms: Sequence[Term]
    constant: float
    per_length: float

    @property
    def weights(self) -> dict[str, float]:
        """Each term with its weight."""
        return {term.text: term.weight for term in self.terms}

    @property
    def saturation(self) -> tuple[float, float]:
        """What is added to a frequency beneath the line: a constant, and so much for each term of the length."""
        return self.constant, self.per_length


async def weigh(connection: Connection, counts: Mapping[str, int]) -> WordQuery:
    """The query's terms with their weights, each as often as it was asked."""
    rows = await connection.fetch(_TERMS, list(counts))
    documents, length = rows[0]["all_documents"], rows[0]["length"]
    terms = [
        Term(row["id"], row["term"], row["documents"], counts[row["term"]] * idf(documents, row["documents"]))
        for row in rows
        if row["id"] is not None
    ]
    return of_terms(terms, documents, length)


def of_terms(terms: Sequence[Term], documents: int, length: int) -> WordQuery:
    """The query of these terms in a corpus of so many documents and so many terms in all."""
    heaviest = sorted(terms, key=lambda term: (-term.weight, term.id))[:_LONGEST_QUERY]
    rarest = sorted(heaviest, key=lambda term: (term.documents, term.id))
    mean = length / documents if length else 1.0
    return WordQuery(rarest, K1 * (1 - B), K1 * B / mean)


def idf(documents: int, containing: int) -> float:
    """How much it says that a document contains the term."""
    return math.log(1 + (documents - containing + 0.5) / (containing + 0.5))


async def find(connection: Connection, query: WordQuery, scope: Scope) -> dict[int, Scored]:
    """The documents that score best, with their scores; found by their rare terms, or by all where those find few."""
    some = within_budget(query.terms)
    found, candidates = await _find(connection, query, len(some), scope)
    if candidates < CANDIDATES and len(some) < len(query.terms):
        found, _ = await _find(connection, query, len(query.terms), scope)
    return found


def within_budget(terms: Sequence[Term]) -> Sequence[Term]:
    """The rarest terms whose postings are few enough together; one at least."""
    total = 0
    for count, term in enumerate(terms):
        total += term.documents
        if total > _POSTINGS:
            return terms[: max(count, 1)]
    return terms


async def score(connection: Connection, query: WordQuery, keys: Sequence[int]) -> dict[int, Scored]:
    """The scores of these documents."""
    rows = await connection.fetch(_SCORE, *query.saturation, *_columns(query.terms), keys) if keys else []
    none = dict.fromkeys(keys, Scored(0.0, 0))
    return none | {row["key"]: Scored(row["score"], row["terms"]) for row in rows}


async def _find(connection: Connection, query: WordQuery, count: int, scope: Scope) -> tuple[dict[int, Scored], int]:
    """What the first `count` terms find, scored by all of them; how many candidates there were."""
    if not count:
        return {}, 0
    condition, values = scope.condition(7)
    if scope.keys is not None:
        # Few are looked up in the index; among many, a hash of them tells which of the postings are theirs.
        looked_up = "p.document_key" if len(scope.keys) <= _LOOKED_UP else "p.document_key + 0"
        condition = f"{looked_up} = ANY($7::integer[])"
    elif values:
        # A subquery of its own, since a join would read all of the documents.
        condition = f"(SELECT {condition} FROM search.documents AS d WHERE d.key = p.document_key)"  # noqa: S608
    rows = await connection.fetch(
        _FIND.format(condition=condition),
        *query.saturation,
        *_columns(query.terms[:count]),
        *_columns(query.terms[count:]),
        *values,
    )
    found = {row["key"]: Scored(row["score"], row["terms"]) for row in rows}
    return found, rows[0]["candidates"] if rows else 0


def _columns(terms: Sequence[Term]) -> tuple[list[int], list[float]]:
    return [term.id for term in terms], [term.weight for term in terms]
