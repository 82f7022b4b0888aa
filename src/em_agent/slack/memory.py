"""Answers to questions, and incidents like another one, out of the memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from em_agent.ask.answers import Citation
from em_agent.ask.asker import Asker
from em_agent.ask.extract import pick
from em_agent.ask.quoting import ABOUT, cite
from em_agent.ask.sentences import sentences_of
from em_agent.ask.sources import INCIDENT_PREFIX, Source, read_sources
from em_agent.kit.postgres import reachable
from em_agent.search.filters import Filters
from em_agent.search.query import Search
from em_agent.slack.answers.followups import is_follow_up
from em_agent.slack.answers.found import Alike, Quote, Told

_QUOTED = frozenset({"cause", "resolution", "note"})
# What our own text says before a quotation that is shown apart.
_HEADINGS = frozenset({"Cause:", "Resolution:", "Post-mortem note:"})
_FEWEST_POINTS = 2.0  # of a sentence that is shown as a fix
_LEAST_ALIKE = 0.45  # of a meaning: below, incidents only share their form


class MemoryTeller:
    """Answers questions by the asker."""

    def __init__(self, asker: Asker) -> None:
        """Ask `asker`."""
        self._asker = asker

    async def tell(self, question: str, now: datetime, *, context: str | None) -> Told:
        """The answer; a question that only makes sense after the one before is asked together with that.

        Raises:
            InvalidError: the question cannot be understood.
            RetriableError: the database does not answer.

        """
        whole = f"{context} {question}" if context is not None and is_follow_up(question) else question
        answer = await self._asker.ask(whole, now)
        quotes = _apart(citation for citation in answer.citations if citation.about in _QUOTED)
        urls = frozenset(citation.url for citation in answer.citations if citation.url)
        return Told(_own_words(answer.answer, answer.citations), quotes, answer.abstained, urls)


class MemoryFinder:
    """Finds resolved incidents by the search."""

    def __init__(self, search: Search) -> None:
        """Search by `search`."""
        self._search = search

    async def similar(self, incident_id: str, limit: int) -> Sequence[Alike]:
        """The most alike of those that are resolved and began before it, best first, each with what mended it.

        Raises:
            NotFoundError: the memory does not know the incident.
            RetriableError: the database does not answer.

        """
        document_id = f"{INCIDENT_PREFIX}{incident_id}"
        async with reachable():
            begun = await self._search.pool.fetchval("SELECT at FROM search.documents WHERE id = $1", document_id)
            filters = Filters(source=("pagerduty",), status=("resolved",), until=begun)
            outcome = await self._search.similar(document_id, limit, filters)
        near = {hit.id: hit for hit in outcome.hits if hit.meaning is None or hit.meaning >= _LEAST_ALIKE}
        return [_alike(source, near[source.id].snippet) for source in await read_sources(self._search.pool, list(near))]


def _alike(source: Source, snippet: str) -> Alike:
    title = f"{source.name} {source.title}"
    incident_id = source.id.removeprefix(INCIDENT_PREFIX)
    found = pick(sentences_of(source.passages), "fix", source.title, limit=1)
    if found and found[0].score >= _FEWEST_POINTS:
        fix = cite(source, found[0].sentence, ABOUT["fix"])
        return Alike(incident_id, title, source.url, fix.quote, fix.about, fix.author, fix.at)
    return Alike(incident_id, title, source.url, snippet)


def _apart(citations: Iterable[Citation]) -> list[Quote]:
    """The quotations, each once: a note may be the cause already."""
    found: dict[tuple[str, str], Quote] = {}
    for citation in citations:
        found.setdefault((citation.id, citation.quote), _quote(citation))
    return list(found.values())


def _quote(citation: Citation) -> Quote:
    return Quote(citation.about, citation.quote, citation.author, citation.at, citation.title, citation.url)


def _own_words(answer: str, citations: Sequence[Citation]) -> str:
    """The answer without the quotations, which are shown apart, and what only leads to them."""
    quotes = tuple(f'  "{citation.quote}"' for citation in citations if citation.about in _QUOTED)
    lines = [line for line in answer.splitlines() if not quotes or not line.startswith(quotes)]
    links = {f"Link: {citation.url}" for citation in citations if citation.about in _QUOTED}
    has_gone = len(lines) < len(answer.splitlines())
    return "\n".join(line for line in lines if not has_gone or (line not in _HEADINGS and line not in links))
