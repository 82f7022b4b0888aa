"""Tells what a search found because it answers from what it found because there is nothing better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from em_agent.ask.questions import Question
from em_agent.ask.words import words_of
from em_agent.search.analyse import analyse
from em_agent.search.query import Search
from em_agent.search.results import Hit
from em_agent.search.words import idf


@dataclass(frozen=True, slots=True)
class Bar:
    """The least that the best hit has to score, by meaning with words and by words alone."""

    with_meaning: float
    by_words: float


# Measured on the evaluation set's questions about what never happened: below, half of what is found is noise. Where a
# window or a service leaves few documents, the question has said the rest of what it is about.
ANYWHERE = Bar(0.475, 0.34)
AMONG_FEW = Bar(0.36, 0.2)
FEW_DOCUMENTS = 50

# What is added to the bar where no text anywhere has a word of the question: much for half of them, next to nothing for
# one in five, which people say in their own way.
_UNKNOWN = 0.11

_WORDS_PART = 0.2
_BEST = 3  # whose score decides for all
_BEHIND = 0.72  # of the best: a hit further behind is about something else
_BEHIND_IN_LISTS = 0.66
_BEHIND_IN_GROUPS = 0.58  # what fits no group is told of in one line
_ALL_WORDS = 0.99
_LISTED = {"list", "similar", "recurring", "search"}


_TERMS = """
SELECT t.id, t.term, t.documents, c.documents AS all_documents
FROM search.corpus AS c LEFT JOIN search.terms AS t ON t.term = ANY($1::text[])
"""
_HAVE = """
SELECT document_key, term_id FROM search.postings
WHERE document_key = ANY($1::integer[]) AND term_id = ANY($2::integer[])
"""


async def relevant(
    search: Search, question: Question, hits: Sequence[Hit], *, are_few: bool, ease: float = 1.0
) -> list[Hit]:
    """The hits that are about what was asked, in their order: none where the best of them is not.

    A list takes more of them: what is nearly as near, and what has every word. `ease` lowers the bar to that part.
    """
    by_meaning = any(hit.meaning is not None for hit in hits)
    covered, unknown = await coverage(search, question, hits)
    scores = {hit.key: _score(hit, covered.get(hit.key, 0.0), by_meaning=by_meaning) for hit in hits}
    best = max((scores[hit.key] for hit in hits[:_BEST]), default=0.0)
    bar = AMONG_FEW if are_few else ANYWHERE
    least = ease * (bar.with_meaning if by_meaning else bar.by_words)
    if by_meaning and not are_few:
        least += _UNKNOWN * unknown**2
    exact = [hit for hit in hits if hit.is_exact]
    if exact and question.intent in {"search", "incident"}:
        return exact
    if best < least and not exact:
        return []
    if question.intent in _LISTED:
        behind = _BEHIND_IN_GROUPS if question.intent == "recurring" else _BEHIND_IN_LISTS
        enough = max(behind * best, behind * least)
        return [
            hit for hit in hits if hit.is_exact or scores[hit.key] >= enough or covered.get(hit.key, 0.0) >= _ALL_WORDS
        ]
    top = max((hit.score for hit in hits), default=0.0)
    return [hit for hit in hits if hit.is_exact or (hit.score >= _BEHIND * top and scores[hit.key] >= _BEHIND * best)]


def _score(hit: Hit, covered: float, *, by_meaning: bool) -> float:
    return (hit.meaning or 0.0) + _WORDS_PART * covered if by_meaning else covered


def _own_words(question: Question) -> list[str]:
    """The words of the topic, without those that narrow the search: what is left has them all."""
    filters = question.filters
    names = {word for name in (*filters.services, *filters.teams) for word in words_of(name)}
    return [word for word in question.words if word not in names] or list(question.words)


async def coverage(search: Search, question: Question, hits: Sequence[Hit]) -> tuple[Mapping[int, float], float]:
    """For each hit, the part of the question's words that it, or its service's name, has; the part that no text has.

    Among those of a hit rare words count for more, unknown ones for most.
    """
    async with search.reading() as connection:
        counts, *names = await analyse(connection, [" ".join(_own_words(question)), *question.about])
        if not counts or not hits:
            return {}, 0.0
        rows = await connection.fetch(_TERMS, list(counts))
        known = {row["id"]: row["term"] for row in rows if row["id"] is not None}
        weights = dict.fromkeys(counts, idf(rows[0]["all_documents"], 0)) | {
            row["term"]: idf(row["all_documents"], row["documents"]) for row in rows if row["id"] is not None
        }
        by_service = {name: set(terms) & set(counts) for name, terms in zip(question.about, names, strict=True)}
        found = {hit.key: set(by_service.get(hit.service or "", ())) for hit in hits}
        for row in await connection.fetch(_HAVE, list(found), list(known)):
            found[row["document_key"]].add(known[row["term_id"]])
    total = sum(weights.values())
    unknown = set(counts).difference(known.values(), *by_service.values())
    parts = {key: sum(weights[term] for term in terms) / total for key, terms in found.items()}
    return parts, len(unknown) / len(counts)
