"""BM25 in plain SQL, as Lucene computes it: k1 1.2, b .75, idf ln(1 + (N - df + .5) / (df + .5))."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from em_agent.kit.postgres import Connection
from em_agent.search.filters import Scope

K1 = 1.2
B = 0.75
# So many are scored by all terms where the rare ones alone found them; where all terms did, the best are enough.
CANDIDATES = 500
SHORTLIST = 100
# The postings that are read for candidates, rare terms first: common terms move scores little.
_POSTINGS = 20_000
_LOOKED_UP = 2_000
_LONGEST_QUERY = 128  # terms; of a longer one those that weigh most

_TERMS = """
SELECT t.id, t.term, t.documents, c.documents AS all_documents, c.length
FROM search.corpus AS c LEFT JOIN search.terms AS t ON t.term = ANY($1::text[])
"""
_SATURATED = "frequency / (frequency + $3::float8 + $4::float8 * length)"
_FIND = f"""
SELECT document_key AS key, sum(q.weight * {_SATURATED}) AS score, count(*) AS terms
FROM unnest($1::integer[], $2::float8[]) AS q (term_id, weight)
CROSS JOIN LATERAL (
    SELECT document_key, frequency, length FROM search.postings AS p WHERE p.term_id = q.term_id
) AS posting
WHERE {{condition}}
GROUP BY document_key ORDER BY score DESC, document_key DESC LIMIT $5
"""  # noqa: S608 - names of ours
_SCORE = f"""
SELECT d.key, coalesce(scored.score, 0) AS score, scored.terms
FROM search.documents AS d JOIN search.contents AS c ON c.document_key = d.key
CROSS JOIN LATERAL (
    SELECT sum(weight * {_SATURATED}) AS score, count(*) AS terms
    FROM (
        SELECT q.weight, c.frequencies[array_position(c.term_ids, q.term_id)]::float8 AS frequency, d.length
        FROM unnest($1::integer[], $2::float8[]) AS q (term_id, weight)
    ) AS found
    WHERE frequency IS NOT NULL
) AS scored
WHERE d.key = ANY($5::integer[])
"""  # noqa: S608 - names of ours


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

    def parameters(self, terms: Sequence[Term]) -> tuple[list[int], list[float], float, float]:
        """The first four parameters of each query here."""
        return [term.id for term in terms], [term.weight for term in terms], self.constant, self.per_length


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
    """The documents that score best by their rare terms, with their exact scores; by all terms where those find few."""
    some = within_budget(query.terms)
    found = await _find(connection, query, some, scope)
    if len(some) == len(query.terms):
        return found
    if len(found) < CANDIDATES:
        return await _find(connection, query, query.terms, scope)
    rest = await _score(connection, query, query.terms[len(some) :], list(found))
    return {
        key: Scored(scored.score + rest[key].score, scored.terms + rest[key].terms) for key, scored in found.items()
    }


def within_budget(terms: Sequence[Term]) -> Sequence[Term]:
    """The rarest terms whose postings are few enough together; one at least."""
    total = 0
    for count, term in enumerate(terms):
        total += term.documents
        if total > _POSTINGS:
            return terms[: max(count, 1)]
    return terms


async def score(connection: Connection, query: WordQuery, keys: Sequence[int]) -> dict[int, Scored]:
    """The exact scores of these documents."""
    return await _score(connection, query, query.terms, keys)


async def _find(connection: Connection, query: WordQuery, terms: Sequence[Term], scope: Scope) -> dict[int, Scored]:
    condition, values = scope.condition(6)
    if not terms:
        return {}
    if scope.keys is not None:
        # Few are looked up in the index; among many, a hash of them tells which of the postings are theirs.
        looked_up = "document_key" if len(scope.keys) <= _LOOKED_UP else "document_key + 0"
        condition = f"{looked_up} = ANY($6::integer[])"
    elif values:
        condition = f"EXISTS (SELECT FROM search.documents AS d WHERE d.key = document_key AND {condition})"
    limit = SHORTLIST if len(terms) == len(query.terms) else CANDIDATES
    rows = await connection.fetch(_FIND.format(condition=condition), *query.parameters(terms), limit, *values)
    return {row["key"]: Scored(row["score"], row["terms"]) for row in rows}


async def _score(
    connection: Connection, query: WordQuery, terms: Sequence[Term], keys: Sequence[int]
) -> dict[int, Scored]:
    rows = await connection.fetch(_SCORE, *query.parameters(terms), keys) if keys else []
    return {row["key"]: Scored(row["score"], row["terms"]) for row in rows}
