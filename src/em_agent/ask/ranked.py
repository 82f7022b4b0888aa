"""Answers about the newest or the longest incidents."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from em_agent.ask import single
from em_agent.ask.answers import Draft, day_range
from em_agent.ask.cues import Aspect
from em_agent.ask.evidence import Evidence, gather
from em_agent.ask.finding import Finder, filters_of
from em_agent.ask.lists import MOST_LISTED, tell_list
from em_agent.ask.questions import Filters, Question, of_services
from em_agent.ask.quoting import ABOUT, SURE, tell
from em_agent.ask.ranks import Rank
from em_agent.ask.scope import has_topic, is_about_services, none_there, told
from em_agent.ask.sources import Source, rank_ids, read_sources, told_of
from em_agent.kit.postgres import Pool
from em_agent.search.filters import Filters as SearchFilters

if TYPE_CHECKING:  # it brings numpy along, which a role has only when it embeds
    from em_agent.search.embedder import Embedder

_FOUND = 50  # by the topic, to be put in order
_CLOSE = 0.7  # of the best one's score
_NEXT = 10  # among which one is looked for whose notes tell more
_MOST_READ = 4


class Ranked:
    """Tells of the first incidents in an order."""

    def __init__(self, pool: Pool, finder: Finder, embedder: "Embedder | None") -> None:
        """Find them by these."""
        self._pool = pool
        self._finder = finder
        self._embedder = embedder

    async def tell(self, draft: Draft, question: Question, rank: Rank) -> Sequence[Source]:
        """Write about them; what was told of, none where there are none."""
        if is_about_services(question):
            question = of_services(question, question.about)
            among = None
        elif has_topic(question):
            among = await self._about_topic(draft, question)
            if not among:
                return []
        else:
            among = None
        limit = min(rank.count or MOST_LISTED, MOST_LISTED)
        filters = filters_of(question) if among is None else SearchFilters()
        ids, count = await rank_ids(self._pool, filters, max(limit, _NEXT), rank.order, among)
        if not ids:
            draft.abstain(none_there(question, draft.zone))
            return []
        sources = await read_sources(self._pool, ids)
        if question.period:
            draft.notice(f"From {day_range(question.period.since, question.period.until, draft.zone)}:")
        draft.notice(_heading(question, rank, count, min(limit, len(sources))))
        if limit == 1:
            return await self._tell_first(draft, question, rank, sources)
        if question.intent in {"cause", "fix"}:
            for source in sources[:limit]:
                tell(draft, await self._gather(source, question), _aspect(question), in_full=False)
        else:
            tell_list(draft, sources[:limit], question.topic)
        return sources[:limit]

    async def _about_topic(self, draft: Draft, question: Question) -> list[str]:
        """The incidents that are about it, nearly as well as the best."""
        found = await self._finder.find(draft, question, _FOUND)
        return [one.id for one in found if one.score >= _CLOSE * found[0].score]

    async def _tell_first(
        self, draft: Draft, question: Question, rank: Rank, sources: Sequence[Source]
    ) -> Sequence[Source]:
        """All that is known of it; where its notes don't tell what is asked, the next whose notes do."""
        source, aspect = sources[0], _aspect(question)
        target = (await told_of(self._pool, [source]))[0]
        if target.id != source.id:
            draft.notice(f"Incident {source.name} was merged into {target.name}:")
        evidence = await self._gather(target, question)
        tell(draft, evidence, aspect)
        if question.intent == "incident":
            detail = await single.detail_of(self._pool, source.incident["id"]) if source.incident else None
            if detail:
                single.tell_figures(draft, source, detail)
        elif evidence.sureness(aspect) < SURE and (other := await self._next_telling(question, sources, target)):
            draft.say()
            draft.say(f"The {rank.order} whose notes tell the {ABOUT[aspect]}:")
            tell(draft, other, aspect)
            return [target, other.source]
        return [target]

    async def _next_telling(self, question: Question, sources: Sequence[Source], told: Source) -> Evidence | None:
        """What the next of them says whose notes tell what is asked."""
        noted = [one for one in sources if one.has_notes and one.id != told.id]
        for source in noted[:_MOST_READ]:
            evidence = await self._gather(source, question)
            if evidence.sureness(_aspect(question)) >= SURE:
                return evidence
        return None

    async def _gather(self, source: Source, question: Question) -> Evidence:
        return await gather(source, question.topic, self._embedder)


def _aspect(question: Question) -> Aspect:
    return "fix" if question.intent == "fix" else "cause"


def _heading(question: Question, rank: Rank, count: int, shown: int) -> str:
    """Which of how many they are."""
    which = f"The {rank.order}" if shown == 1 else f"The {shown} {rank.order}"
    names = f" with {told(question.filters)}" if question.filters != Filters() else ""
    which += f" of {count} {'incident' if count == 1 else 'incidents'}{names}"
    return f"{which}, an open one as long as it has been:" if rank.order == "longest" else f"{which}:"
