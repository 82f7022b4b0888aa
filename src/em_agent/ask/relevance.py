"""Tells what a search found because it answers from what it found because there is nothing better."""

from collections.abc import Mapping, Sequence

from em_agent.ask.questions import Question
from em_agent.search.analyse import analyse
from em_agent.search.query import Search
from em_agent.search.results import Hit
from em_agent.search.words import idf

# Measured on the evaluation set's questions about what never happened: below, half of what is found is noise.
LEAST = 0.475
LEAST_BY_WORDS = 0.34
_WORDS_PART = 0.2
_BEST = 3  # whose score decides for all
_BEHIND = 0.72  # of the best: a hit further behind is about something else

_TERMS = """
SELECT t.id, t.term, t.documents, c.documents AS all_documents
FROM search.corpus AS c LEFT JOIN search.terms AS t ON t.term = ANY($1::text[])
"""
_HAVE = """
SELECT document_key, term_id FROM search.postings
WHERE document_key = ANY($1::integer[]) AND term_id = ANY($2::integer[])
"""


async def relevant(search: Search, question: Question, hits: Sequence[Hit], *, by_meaning: bool) -> list[Hit]:
    """The hits that are about what was asked, in their order: none where the best of them is not."""
    exact = [hit for hit in hits if hit.is_exact]
    covered = await _coverage(search, question, hits)
    scores = {hit.key: _score(hit, covered.get(hit.key, 0.0), by_meaning=by_meaning) for hit in hits}
    best = max((scores[hit.key] for hit in hits[:_BEST]), default=0.0)
    if best < (LEAST if by_meaning else LEAST_BY_WORDS) and not exact:
        return []
    top = max((hit.score for hit in hits), default=0.0)
    return [hit for hit in hits if hit.is_exact or (hit.score >= _BEHIND * top and scores[hit.key] >= _BEHIND * best)]


def _score(hit: Hit, covered: float, *, by_meaning: bool) -> float:
    return (hit.meaning or 0.0) + _WORDS_PART * covered if by_meaning else covered


async def _coverage(search: Search, question: Question, hits: Sequence[Hit]) -> Mapping[int, float]:
    """For each hit, the part of the question's words that it has; rare words count for more, unknown ones for most."""
    async with search.reading() as connection:
        counts = (await analyse(connection, [" ".join(question.words)]))[0]
        if not counts or not hits:
            return {}
        rows = await connection.fetch(_TERMS, list(counts))
        known = {row["id"]: idf(row["all_documents"], row["documents"]) for row in rows if row["id"] is not None}
        unknown = (len(counts) - len(known)) * idf(rows[0]["all_documents"], 0)
        total = sum(known.values()) + unknown
        found: dict[int, float] = {}
        for row in await connection.fetch(_HAVE, [hit.key for hit in hits], list(known)):
            found[row["document_key"]] = found.get(row["document_key"], 0.0) + known[row["term_id"]]
    return {key: value / total for key, value in found.items()}
