"""`Asker`: from a question to an answer with its sources."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from em_agent.ask import single
from em_agent.ask.answers import Answer, Draft, day_range
from em_agent.ask.lists import MOST_LISTED, tell_list
from em_agent.ask.model import Model, rewrite
from em_agent.ask.names import read_names
from em_agent.ask.numbers import answer_number
from em_agent.ask.questions import Filters, Question, read_question
from em_agent.ask.quoting import gather, headline, tell
from em_agent.ask.recurring import MOST_COMPARED, tell_recurring
from em_agent.ask.relevance import FEW_DOCUMENTS, relevant
from em_agent.ask.scope import answer_of, has_topic, is_narrowed, none_there, told
from em_agent.ask.sources import Source, count_ids, list_ids, read_sources, search_filters
from em_agent.errors import InvalidError
from em_agent.incidents.read import IncidentDetail
from em_agent.kit.postgres import Pool, reachable
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search.filters import Filters as SearchFilters
from em_agent.search.query import Search
from em_agent.search.results import Hit

if TYPE_CHECKING:  # it brings numpy along, which a role has only when it embeds
    from em_agent.search.embedder import Embedder

MOST_CHARACTERS = 10_000
_TOLD = 3  # incidents that are told of where several fit as well
_LISTED = 6
_CLOSE = 0.9  # of the best hit's score
_SEARCHED = 10
_SEARCHED_CHARACTERS = 2_000
_NEAREST = 3
_EASE = 0.8  # of the bar: what is named where nothing answers
NOTHING = "I don't know: nothing in the incidents and documents that I have answers this."


class Asker:
    """Answers questions out of the memory and the metrics."""

    def __init__(  # noqa: PLR0913 - what it asks
        self,
        search: Search,
        meter: IncidentMeter,
        pool: Pool,
        *,
        timezone: ZoneInfo,
        embedder: "Embedder | None" = None,
        model: Model | None = None,
    ) -> None:
        """Ask these; without a model the answer is made of quotes, without an embedder found by words."""
        self._search = search
        self._meter = meter
        self._pool = pool
        self._zone = timezone
        self._embedder = embedder
        self._model = model

    async def ask(self, text: str, now: datetime) -> Answer:
        """The answer to the question as it stands at `now`.

        Raises:
            InvalidError: the question is empty or too long.
            RetriableError: the database does not answer.

        """
        if not text.strip():
            message = "q is empty: ask a question."
            raise InvalidError(message)
        if len(text) > MOST_CHARACTERS:
            message = f"q is longer than {MOST_CHARACTERS} characters: ask a shorter question."
            raise InvalidError(message)
        text = text.replace("\x00", " ").encode("utf-8", "replace").decode("utf-8")  # half a character is none
        question = read_question(text, await read_names(self._pool), self._zone, now)
        draft = Draft(self._zone)
        for note in question.notes:
            draft.notice(note)
        async with reachable():
            sources = await self._answer(draft, question, now)
        if self._model is not None and sources and not draft.abstained:
            await rewrite(draft, self._model, question.text, sources)
        return answer_of(draft, question)

    async def _answer(  # noqa: PLR0911 - one for each kind
        self, draft: Draft, question: Question, now: datetime
    ) -> Sequence[Source]:
        """Write the answer; the documents that a model may write it from, none where it has to stand as it is."""
        if question.incident is not None and (detail := await single.detail_of(self._pool, question.incident)):
            return await self._about_one(draft, question, detail)
        if question.incident is not None and not any(word.isalpha() for word in question.words):
            draft.abstain(f"I know no incident {question.incident}.")
            return []
        if question.intent == "number":
            await answer_number(draft, self._meter, question, now)
            return []
        if question.intent == "list" and not has_topic(question):
            return await self._list_window(draft, question)
        if question.intent == "recurring":
            return await self._recurring(draft, question)
        if not has_topic(question) and is_narrowed(question):
            return await self._tell_window(draft, question)
        if not has_topic(question) and question.intent in {"cause", "fix", "incident"}:
            ids, _ = await list_ids(self._pool, SearchFilters(), _NEAREST)
            draft.abstain("I don't know which incident is meant: say when it was, where, or what.")
            self._name(draft, "The newest of high urgency:", await read_sources(self._pool, ids))
            return []
        return await self._from_search(draft, question)

    async def _about_one(self, draft: Draft, question: Question, detail: IncidentDetail) -> Sequence[Source]:
        """One incident that the question names."""
        found = await read_sources(self._pool, [single.source_id(detail)])
        source = found[0] if found else single.bare_source(detail)
        if question.intent == "similar":
            outcome = await self._search.similar(source.id, MOST_LISTED) if found else None
            return await self._similar(draft, question, outcome.hits if outcome else (), f"like {source.name}")
        evidence = await gather(source, question.topic, self._embedder)
        tell(draft, evidence, "fix" if question.intent == "fix" else "cause")
        if question.intent not in {"cause", "fix"}:
            draft.say("Its times:")
            single.tell_figures(draft, source, detail)
        return [source]

    async def _from_search(self, draft: Draft, question: Question) -> Sequence[Source]:
        hits = await self._find(draft, question)
        if not hits:
            return []
        if question.intent in {"list", "similar"}:
            return await self._similar(draft, question, hits, "that fit" if question.intent == "list" else "like this")
        close = [hit for hit in hits if question.intent == "search" or hit.score >= _CLOSE * hits[0].score]
        close = close[: _LISTED if question.intent == "search" else _TOLD]
        sources = await self._read(close)
        first = "fix" if question.intent == "fix" else "cause"
        for index, source in enumerate(sources):
            if index == 1:
                draft.say()
                draft.say("Others that fit nearly as well:")
                if question.intent == "search":
                    tell_list(draft, sources[1:], question.topic)
                    break
            evidence = await gather(source, question.topic, self._embedder)
            tell(draft, evidence, first, in_full=index == 0)  # type: ignore[arg-type]
            if index == 0 and question.intent == "incident" and source.incident:
                detail = await single.detail_of(self._pool, source.incident["id"])
                if detail:
                    draft.say("Its times:")
                    single.tell_figures(draft, source, detail)
        return sources

    async def _similar(self, draft: Draft, question: Question, hits: Sequence[Hit], what: str) -> Sequence[Source]:
        sources = await self._read(hits[:MOST_LISTED])
        if not sources:
            draft.abstain(f"I know no incidents {what}.")
            return []
        self._say_window(draft, question)
        count = "1 incident or document" if len(sources) == 1 else f"{len(sources)} incidents or documents"
        draft.say(f"{count} {what}, the nearest first:")
        tell_list(draft, sources, question.topic, with_fix=question.intent == "similar")
        return sources

    async def _recurring(self, draft: Draft, question: Question) -> Sequence[Source]:
        period = question.period
        if has_topic(question):
            hits = await self._find(draft, question, MOST_COMPARED)
            sources = await self._read(hits)
        else:
            filters = search_filters(
                question.filters, period.since if period else None, period.until if period else None
            )
            ids, _ = await list_ids(self._pool, filters, MOST_COMPARED)
            sources = await read_sources(self._pool, ids)
            if not sources:
                draft.abstain(none_there(question, self._zone))
        if not sources:
            return []
        self._say_window(draft, question)
        incidents = [source for source in sources if source.incident and not source.incident.get("merged_into")]
        await tell_recurring(draft, incidents or sources, question.topic, self._embedder)
        return sources[:_TOLD]

    async def _list_window(self, draft: Draft, question: Question) -> Sequence[Source]:
        sources, count = await self._of_window(draft, question)
        if not sources:
            return []
        self._say_window(draft, question)
        shown = f", {len(sources)} of them here" if count > len(sources) else ""
        draft.say(f"{count} {'incident' if count == 1 else 'incidents'}{shown}, urgent ones first:")
        tell_list(draft, sources, question.topic)
        return sources[:_TOLD]

    async def _tell_window(self, draft: Draft, question: Question) -> Sequence[Source]:
        """What happened in a window, or to a service, where nothing else is said of it."""
        sources, count = await self._of_window(draft, question)
        if not sources:
            return []
        self._say_window(draft, question)
        if count > _TOLD:
            draft.say(f"{count} incidents fit; these are the {_TOLD} that are most urgent and newest:")
        for source in sources[:_TOLD]:
            evidence = await gather(source, question.topic, self._embedder)
            tell(draft, evidence, "fix" if question.intent == "fix" else "cause", in_full=count == 1)
        return sources[:_TOLD]

    async def _of_window(self, draft: Draft, question: Question) -> tuple[list[Source], int]:
        period = question.period
        filters = search_filters(question.filters, period.since if period else None, period.until if period else None)
        ids, count = await list_ids(self._pool, filters, MOST_LISTED)
        if not ids:
            draft.abstain(none_there(question, self._zone))
        return await read_sources(self._pool, ids), count

    async def _find(self, draft: Draft, question: Question, top_k: int = _SEARCHED) -> list[Hit]:
        """What is about the question; where a filter leaves nothing, without it, and said so."""
        period = question.period
        window = (period.since, period.until) if period else (None, None)
        hits, nearest = await self._search_with(draft, question, search_filters(question.filters, *window), top_k)
        if not hits and question.filters != Filters():
            wider, nearest = await self._search_with(draft, question, search_filters(Filters(), *window), top_k)
            if wider:
                draft.notice(f"Nothing fits with {told(question.filters)}; this is without that.")
            hits = wider
        if hits:
            return hits
        if period is not None and not (await list_ids(self._pool, search_filters(Filters(), *window), 1))[1]:
            draft.abstain(none_there(question, self._zone))
            return []
        draft.abstain(NOTHING)
        if period is not None:
            draft.say(f"I looked at {day_range(period.since, period.until, self._zone)} only.")
        near = await relevant(self._search, question, nearest, are_few=False, ease=_EASE)
        self._name(draft, "Nearest to it, though hardly about it:", await self._read(near[:_NEAREST]))
        return []

    def _name(self, draft: Draft, heading: str, sources: Sequence[Source]) -> None:
        """Name incidents without citing them: they answer nothing."""
        if sources:
            draft.say(heading)
        for source in sources:
            draft.say(f"- {headline(draft, source)}")

    async def _read(self, hits: Sequence[Hit]) -> list[Source]:
        return await read_sources(self._pool, [hit.id for hit in hits])

    async def _search_with(
        self, draft: Draft, question: Question, filters: SearchFilters, top_k: int
    ) -> tuple[list[Hit], Sequence[Hit]]:
        """The hits that are relevant, and all."""
        outcome = await self._search.search(question.topic[:_SEARCHED_CHARACTERS], top_k, filters)
        draft.degraded.update(outcome.degraded)
        are_few = filters != SearchFilters() and (await count_ids(self._pool, filters)) <= FEW_DOCUMENTS
        kept = await relevant(self._search, question, outcome.hits, are_few=are_few)
        return kept, outcome.hits

    def _say_window(self, draft: Draft, question: Question) -> None:
        if question.period:
            draft.notice(f"From {day_range(question.period.since, question.period.until, self._zone)}:")
