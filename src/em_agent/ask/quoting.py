"""The parts of an answer that quote one incident: its cause, its resolution, the note that looks back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from em_agent.ask.answers import Citation, Draft, one_line, span
from em_agent.ask.cues import Aspect, weight_of
from em_agent.ask.extract import Pick, pick, review_of
from em_agent.ask.sentences import Sentence, sentences_of
from em_agent.ask.sources import Source
from em_agent.errors import EmAgentError

if TYPE_CHECKING:  # it brings numpy along, which a role has only when it embeds
    from em_agent.search.embedder import Embedder

log = structlog.get_logger()

_MOST_EMBEDDED = 48  # sentences of one incident: more would take longer than a person waits
_NOTE_SENTENCES = 2
_QUESTION_CHARACTERS = 2_000
_FEWEST_POINTS = 0.2  # below, a sentence speaks against itself
_SURE = 1.6
_FAR = 2.0
_BEHIND = 0.4  # of the best sentence: others say little beside it
_HEADINGS: dict[Aspect, tuple[str, str]] = {
    "cause": ("Cause:", "No note names the cause outright; nearest to it:"),
    "fix": ("Resolution:", "No note says outright what resolved it; nearest to it:"),
}
ABOUT: dict[Aspect, str] = {"cause": "cause", "fix": "resolution"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an incident's texts say to a question."""

    source: Source
    causes: Sequence[Pick]
    fixes: Sequence[Pick]
    note: Sequence[Sentence]

    @property
    def is_empty(self) -> bool:
        """Whether nobody wrote anything that could be quoted."""
        return not (self.causes or self.fixes or self.note)


async def gather(source: Source, question: str, embedder: "Embedder | None", *, limit: int = 3) -> Evidence:
    """The sentences of the document that tell its cause and its fix, up to `limit` each."""
    sentences = sentences_of(source.passages)
    meanings = await _meanings(question, sentences, embedder)
    causes = _without_fixes(_telling(pick(sentences, "cause", question, meanings=meanings, limit=2 * limit)))[:limit]
    fixes = _telling(pick(sentences, "fix", question, meanings=meanings, limit=limit))
    note = review_of(source.passages, source.incident.get("resolved_at"))
    quoted = {(one.sentence.passage, one.sentence.start) for one in (*causes, *fixes)}
    own = [] if note is None else [sentence for sentence in sentences if sentence.passage == note]
    fresh = [sentence for sentence in own if (sentence.passage, sentence.start) not in quoted]
    return Evidence(source, causes, fixes, (fresh or own)[:_NOTE_SENTENCES])


def _telling(picks: Sequence[Pick]) -> list[Pick]:
    return [one for one in picks if one.score >= _FEWEST_POINTS]


async def _meanings(question: str, sentences: Sequence[Sentence], embedder: "Embedder | None") -> list[float] | None:
    """How near each sentence is to the question, 0 to 1; None where no model says."""
    if embedder is None or not sentences or len(sentences) > _MOST_EMBEDDED:
        return None
    try:
        vectors = await embedder.embed(
            [question[:_QUESTION_CHARACTERS], *(sentence.text for sentence in sentences)], is_query=True
        )
    except (EmAgentError, TimeoutError) as error:
        log.warning("ask.degraded", side="dense", error=str(error))
        return None
    return [max(0.0, float(value)) for value in vectors[1:] @ vectors[0]]


def tell(draft: Draft, evidence: Evidence, first: Aspect, *, in_full: bool = True) -> None:
    """Write what is known of the incident: head, the asked aspect first, the other, the note, the link."""
    source = evidence.source
    draft.say(headline(draft, source))
    second: Aspect = "fix" if first == "cause" else "cause"
    own, others = evidence.causes, evidence.fixes
    if first == "fix":
        own, others = others, own
    for aspect in (first, second):
        picks = own if aspect == first else _beside(own, others)
        if picks:
            sure, unsure = _HEADINGS[aspect]
            draft.say(sure if max(one.score for one in picks) >= _SURE else unsure)
            for one in _in_order(picks if in_full else picks[:1]):
                draft.quote(cite(source, one.sentence, ABOUT[aspect]))
    if evidence.note and in_full:
        draft.say("Post-mortem note:")
        for sentence in evidence.note:
            draft.quote(cite(source, sentence, "note"))
    if evidence.is_empty:
        draft.say("Nobody wrote a note about it.")
        draft.citations.append(cite_title(source))
    if source.url:
        draft.say(f"Link: {source.url}")


def _without_fixes(causes: Sequence[Pick]) -> list[Pick]:
    """Without those, but for the best, whose words tell a fix by far more than a cause.

    Their words are weighed, not their scores, in which a late note counts for more to a fix.
    """
    return [
        one
        for index, one in enumerate(causes)
        if not index or weight_of(one.sentence.text, "fix") - weight_of(one.sentence.text, "cause") < _FAR
    ]


def _beside(told: Sequence[Pick], others: Sequence[Pick]) -> list[Pick]:
    """What the other aspect has of its own, and surely; its best again, where that tells this rather than the other."""
    scores = {(one.sentence.passage, one.sentence.start): one.score for one in told}
    fresh = [one for one in others if (one.sentence.passage, one.sentence.start) not in scores]
    kept = [one for one in fresh if one.score >= max(_SURE, _BEHIND * others[0].score)]
    again = [
        one
        for one in others[:1]
        if one.score >= max(_SURE, scores.get((one.sentence.passage, one.sentence.start), one.score + 1))
    ]
    return kept or again


def _in_order(picks: Sequence[Pick]) -> list[Pick]:
    """As they were written."""
    return sorted(picks, key=lambda one: (one.sentence.passage, one.sentence.start))


def headline(draft: Draft, source: Source) -> str:
    """Number and title, and when and where it was."""
    row = source.incident
    facts = [source.service or "", draft.time(row.get("triggered_at") or source.at)]
    if row.get("status") == "resolved":
        seconds = row.get("time_to_resolve_seconds")
        facts.append(f"resolved after {span(seconds)}" if seconds is not None else "resolved")
    elif row:
        facts.append(f"still {row['status']}")
    if row.get("merged_into"):
        facts.append(f"merged into {row['merged_into']}")
    details = ", ".join(one_line(fact, 80) for fact in facts if fact)
    prefix = f"Incident {source.name}: " if row or source.number is not None else ""
    return f"{prefix}{one_line(source.title)}{f' ({details})' if details else ''}"


def cite(source: Source, sentence: Sentence, about: str) -> Citation:
    """The citation of a sentence."""
    return Citation(source.id, source.title, source.url, sentence.text, about, sentence.author, sentence.at)


def cite_title(source: Source) -> Citation:
    """The citation of a document of which only the title is quoted."""
    return Citation(source.id, source.title, source.url, source.title, "incident", None, source.at)
