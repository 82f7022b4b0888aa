"""Finds the incidents and documents that a question is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from em_agent.ask.answers import Draft, day_range
from em_agent.ask.questions import Filters, Question, of_services
from em_agent.ask.quoting import headline
from em_agent.ask.relevance import FEW_DOCUMENTS, coverage, relevant
from em_agent.ask.scope import is_about_services, none_there, told
from em_agent.ask.sources import Source, count_ids, list_ids, read_sources, search_filters, told_of
from em_agent.search.filters import Filters as SearchFilters
from em_agent.search.query import Search
from em_agent.search.results import Hit

NEAREST = 3
_SEARCHED = 10
_SEARCHED_CHARACTERS = 2_000
_EASE = 0.8  # of the bar: what is named where nothing answers
_BY_NAME = 0.9  # what an incident scores that is found by the name of its service, of what the best text scores
_WHOLLY = 0.99
NOTHING = "I don't know: nothing in the incidents and documents that I have answers this."


@dataclass(frozen=True, slots=True)
class Found:
    """A document that may answer, and how well it fits: 1 and more is best."""

    id: str
    score: float


class Finder:
    """Finds by words, meaning, and the names of services."""

    def __init__(self, search: Search, zone: ZoneInfo) -> None:
        """Search by this, and say times in the zone."""
        self._search = search
        self._pool = search.pool
        self._zone = zone

    async def read(self, found: Iterable[Found], *, follow: bool = False) -> list[Source]:
        """The documents, in their order; with `follow` the target of one that was merged without notes in its place."""
        sources = await read_sources(self._pool, [one.id for one in found])
        return await told_of(self._pool, sources) if follow else sources

    async def find(self, draft: Draft, question: Question, top_k: int = _SEARCHED) -> list[Found]:
        """What is about the question, best first; where a filter leaves nothing, without it. The draft says so."""
        hits, nearest = await self._search_with(draft, question, top_k)
        if is_about_services(question):
            return await self._with_services(draft, question, hits, top_k)
        if not hits and question.filters != Filters():
            wider, nearest = await self._search_with(draft, of_services(question, None), top_k)
            if wider:
                draft.notice(f"Nothing fits with {told(question.filters)}; this is without that.")
            hits = wider
        elif not hits and question.about:
            hits, _ = await self._search_with(draft, of_services(question, question.about), top_k)
        if not hits:
            await self._say_nothing(draft, question, nearest)
        return [Found(hit.id, hit.score) for hit in hits]

    async def _with_services(self, draft: Draft, question: Question, hits: Sequence[Hit], top_k: int) -> list[Found]:
        """What has the question's every word, and the incidents of the services that its words may be the name of."""
        covered, _ = await coverage(self._search, question, hits)
        found = {
            hit.id: hit.score
            for hit in hits
            if hit.is_exact or hit.service in question.about or covered.get(hit.key, 0.0) >= _WHOLLY
        }
        named = of_services(question, question.about)
        ids, count = await self.list_ids(named, top_k)
        if question.intent in {"cause", "fix"} and count > 1 and found.keys() <= set(ids):
            draft.notice(f"{count} incidents fit, of {told(named.filters)}; what their notes tell most of comes first:")
        best = max(found.values(), default=1.0)
        # All of the service's fit: what else a text shares with the question's words says little.
        found |= {id_: max(found.get(id_, 0.0), _BY_NAME * best) for id_ in ids}
        found = found or {hit.id: hit.score for hit in hits}
        if not found:
            await self._say_nothing(draft, named, ())
        return [Found(id_, score) for id_, score in sorted(found.items(), key=lambda item: -item[1])]

    async def list_ids(self, question: Question, limit: int) -> tuple[list[str], int]:
        """The ids of incidents of the question's time and names, noted ones first for all but lists; their count."""
        return await list_ids(self._pool, filters_of(question), limit, noted_first=question.intent != "list")

    async def of_window(self, draft: Draft, question: Question, limit: int) -> tuple[list[Source], int]:
        """The incidents of the question's time and names, and their count; the draft says where there are none."""
        ids, count = await self.list_ids(question, limit)
        if not ids:
            draft.abstain(none_there(question, self._zone))
        return await read_sources(self._pool, ids), count

    async def _say_nothing(self, draft: Draft, question: Question, nearest: Sequence[Hit]) -> None:
        period = question.period
        if period is not None and not (await list_ids(self._pool, filters_of(question), 1))[1]:
            draft.abstain(none_there(question, self._zone))
            return
        draft.abstain(NOTHING)
        if period is not None:
            draft.say(f"I looked at {day_range(period.since, period.until, self._zone)} only.")
        near = await relevant(self._search, question, nearest, are_few=False, ease=_EASE)
        sources = await read_sources(self._pool, [hit.id for hit in near[:NEAREST]])
        name(draft, "Nearest to it, though hardly about it:", sources)

    async def _search_with(self, draft: Draft, question: Question, top_k: int) -> tuple[list[Hit], Sequence[Hit]]:
        """The hits that are relevant, and all."""
        filters = filters_of(question)
        outcome = await self._search.search(question.topic[:_SEARCHED_CHARACTERS], top_k, filters)
        draft.degraded.update(outcome.degraded)
        are_few = filters != SearchFilters() and (await count_ids(self._pool, filters)) <= FEW_DOCUMENTS
        kept = await relevant(self._search, question, outcome.hits, are_few=are_few)
        return kept, outcome.hits


def name(draft: Draft, heading: str, sources: Sequence[Source]) -> None:
    """Name incidents without citing them: they answer nothing."""
    if sources:
        draft.say(heading)
    for source in sources:
        draft.say(f"- {headline(draft, source)}")


def filters_of(question: Question) -> SearchFilters:
    """What the question narrows the search to."""
    period = question.period
    return search_filters(question.filters, period.since if period else None, period.until if period else None)
