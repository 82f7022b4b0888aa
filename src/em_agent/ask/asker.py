"""`Asker`: from a question to an answer with its sources."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from em_agent.ask import single
from em_agent.ask.answers import Answer, Draft, day_range
from em_agent.ask.cues import Aspect
from em_agent.ask.deliveries import answer_deliveries
from em_agent.ask.evidence import Evidence, gather
from em_agent.ask.finding import NEAREST, Finder, Found, name
from em_agent.ask.lists import MOST_LISTED, tell_list
from em_agent.ask.model import Model, rewrite
from em_agent.ask.names import read_names
from em_agent.ask.numbers import answer_number
from em_agent.ask.questions import Question, read_question
from em_agent.ask.quoting import tell
from em_agent.ask.ranked import Ranked
from em_agent.ask.recurring import MOST_READ, tell_recurring
from em_agent.ask.scope import answer_of, has_topic, is_about_services, is_narrowed
from em_agent.ask.sources import Source, list_ids, read_sources, told_of
from em_agent.errors import InvalidError
from em_agent.incidents.read import IncidentDetail
from em_agent.kit.postgres import Pool, reachable
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search.filters import Filters as SearchFilters
from em_agent.search.query import Search

if TYPE_CHECKING:  # it brings numpy along, which a role has only when it embeds
    from em_agent.search.embedder import Embedder

MOST_CHARACTERS = 10_000
_TOLD = 3  # incidents that are told of where several fit as well
_LISTED = 6
_CLOSE = 0.9  # of the best hit's score
_MOST_GATHERED = 6
_NEARNESS_PART = 0.2
_SURENESS_PART = 0.2
_WRITTEN = {"cause", "fix", "incident", "search"}  # by a model; others are figures and lists, which stay as they are


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
        self._finder = Finder(search, timezone)
        self._ranked = Ranked(pool, self._finder, embedder)
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
        if self._model is not None and sources and not draft.abstained and question.intent in _WRITTEN:
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
        if question.deliveries:
            await answer_deliveries(draft, self._pool, question, now)
            return []
        if question.intent == "number":
            await answer_number(draft, self._meter, question, now)
            return []
        if question.rank:
            return await self._ranked.tell(draft, question, question.rank)
        if question.intent == "list" and not has_topic(question):
            return await self._list_window(draft, question)
        if question.intent == "recurring":
            return await self._recurring(draft, question)
        if not has_topic(question) and is_narrowed(question):
            return await self._tell_window(draft, question)
        if not has_topic(question) and question.intent in {"cause", "fix", "incident"}:
            ids, _ = await list_ids(self._pool, SearchFilters(), NEAREST)
            draft.abstain("I don't know which incident is meant: say when it was, where, or what.")
            name(draft, "The newest of high urgency:", await read_sources(self._pool, ids))
            return []
        return await self._from_search(draft, question)

    async def _about_one(self, draft: Draft, question: Question, detail: IncidentDetail) -> Sequence[Source]:
        """One incident that the question names."""
        found = await read_sources(self._pool, [single.source_id(detail)])
        source = found[0] if found else single.bare_source(detail)
        if question.intent == "similar":
            outcome = await self._search.similar(source.id, MOST_LISTED) if found else None
            alike = await read_sources(self._pool, [hit.id for hit in outcome.hits] if outcome else [])
            return self._similar(draft, question, alike, f"like {source.name}")
        target = (await told_of(self._pool, [source]))[0]
        if target.id != source.id:
            draft.notice(f"Incident {source.name} was merged into {target.name}:")
        evidence = await gather(target, question.topic, self._embedder)
        tell(draft, evidence, "fix" if question.intent == "fix" else "cause")
        if question.intent not in {"cause", "fix"}:
            single.tell_figures(
                draft, source, detail, "Its times:" if target.id == source.id else f"Times of {source.name}:"
            )
        return [target]

    async def _from_search(self, draft: Draft, question: Question) -> Sequence[Source]:
        found = await self._finder.find(draft, question)
        if not found:
            return []
        if question.intent in {"list", "similar"}:
            what = "that fit" if question.intent == "list" else "like this"
            return self._similar(draft, question, await self._finder.read(found), what)
        told = await self._nearest_first(question, found)
        first: Aspect = "fix" if question.intent == "fix" else "cause"
        tell(draft, told[0], first)
        await self._tell_times(draft, question, told[0].source)
        sources = [evidence.source for evidence in told]
        if question.intent == "search":
            rest = [one for one in found if one.id != sources[0].id][: _LISTED - 1]
            sources = [sources[0], *await self._finder.read(rest)]
        if question.intent == "search":
            with draft.kept():
                self._say_others(draft, sources)
                tell_list(draft, sources[1:], question.topic)
            return sources
        self._say_others(draft, sources)
        for evidence in told[1:]:
            tell(draft, evidence, first, in_full=False)
        return sources

    def _say_others(self, draft: Draft, sources: Sequence[Source]) -> None:
        if len(sources) > 1:
            draft.say()
            draft.say("Others that fit nearly as well:")

    async def _nearest_first(self, question: Question, found: Sequence[Found]) -> list[Evidence]:
        """What the close ones say, that first which says most about the question."""
        close = [one for one in found if one.score >= _CLOSE * found[0].score]
        # Of a service's incidents the search knows little: what they say decides.
        is_named = is_about_services(question)
        scores = {one.id: one.score for one in close}
        sources = await self._finder.read(close[: _MOST_GATHERED if is_named else _TOLD], follow=True)
        told = [await gather(source, question.topic, self._embedder) for source in sources]
        nearest = max((evidence.nearness for evidence in told), default=0.0) or 1.0
        aspect: Aspect = "fix" if question.intent == "fix" else "cause"

        def rank(evidence: Evidence) -> tuple[bool, float]:
            score = scores.get(evidence.source.id, found[0].score) + _NEARNESS_PART * evidence.nearness / nearest
            sure = _SURENESS_PART * evidence.sureness(aspect) if is_named else 0.0
            return bool(evidence.newest), score + sure  # of what nobody wrote about there is nothing to tell

        best, *others = sorted(told, key=rank, reverse=True)
        return [best, *(evidence for evidence in others if evidence.newest)][:_TOLD]

    async def _tell_times(self, draft: Draft, question: Question, source: Source) -> None:
        if question.intent == "incident" and source.incident:
            detail = await single.detail_of(self._pool, source.incident["id"])
            if detail:
                single.tell_figures(draft, source, detail)

    def _similar(self, draft: Draft, question: Question, sources: Sequence[Source], what: str) -> Sequence[Source]:
        sources = sources[:MOST_LISTED]
        if not sources:
            draft.abstain(f"I know no incidents {what}.")
            return []
        self._say_window(draft, question)
        count = "1 incident or document" if len(sources) == 1 else f"{len(sources)} incidents or documents"
        draft.say(f"{count} {what}, the nearest first:")
        tell_list(draft, sources, question.topic, with_fix=question.intent == "similar")
        return sources

    async def _recurring(self, draft: Draft, question: Question) -> Sequence[Source]:
        if has_topic(question):
            sources = await self._finder.read(await self._finder.find(draft, question, MOST_READ))
        else:
            sources, _ = await self._finder.of_window(draft, question, MOST_READ)
        if not sources:
            return []
        self._say_window(draft, question)
        incidents = [source for source in sources if source.incident and not source.incident.get("merged_into")]
        await tell_recurring(draft, incidents or sources, question.topic, self._embedder)
        return sources[:_TOLD]

    async def _list_window(self, draft: Draft, question: Question) -> Sequence[Source]:
        sources, count = await self._finder.of_window(draft, question, MOST_LISTED)
        if not sources:
            return []
        self._say_window(draft, question)
        shown = f", {len(sources)} of them here" if count > len(sources) else ""
        draft.say(f"{count} {'incident' if count == 1 else 'incidents'}{shown}, urgent ones first:")
        tell_list(draft, sources, question.topic)
        return sources[:_TOLD]

    async def _tell_window(self, draft: Draft, question: Question) -> Sequence[Source]:
        """What happened in a window, or to a service, where nothing else is said of it."""
        sources, count = await self._finder.of_window(draft, question, _TOLD)
        if not sources:
            return []
        self._say_window(draft, question)
        if count > _TOLD:
            draft.notice(f"{count} incidents fit; of those with notes these are the {_TOLD} most urgent and newest:")
        for source in sources:
            evidence = await gather(source, question.topic, self._embedder)
            tell(draft, evidence, "fix" if question.intent == "fix" else "cause", in_full=count == 1)
        return sources

    def _say_window(self, draft: Draft, question: Question) -> None:
        if question.period:
            draft.notice(f"From {day_range(question.period.since, question.period.until, self._zone)}:")
