"""What the texts of an incident say to a question: the sentences that tell its cause, its fix, and what was learnt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from em_agent.ask.cues import Aspect, weight_of
from em_agent.ask.extract import Pick, pick, review_of
from em_agent.ask.sentences import Sentence, label_of, sentences_of
from em_agent.ask.sources import Source
from em_agent.errors import EmAgentError

if TYPE_CHECKING:  # it brings numpy along, which a role has only when it embeds
    from em_agent.search.embedder import Embedder

log = structlog.get_logger()

_MOST_EMBEDDED = 48  # sentences of one incident: more would take longer than a person waits
_QUESTION_CHARACTERS = 2_000
_FEWEST_POINTS = 0.2  # below, a sentence speaks against itself
_FAR = 2.0
_SUREST = 3.0
_OUTRIGHT = 2.6


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an incident's texts say to a question.

    `note` is the note that looks back; `newest` the newest note; `nearness` how near the title or sentence
    that is nearest to the question is, 0 to 1.
    """

    source: Source
    causes: Sequence[Pick]
    fixes: Sequence[Pick]
    note: Sequence[Sentence]
    newest: Sequence[Sentence]
    nearness: float

    def sureness(self, aspect: Aspect) -> float:
        """How surely the best sentence tells that, 0 to 3: enough is enough."""
        picks = self.causes if aspect == "cause" else self.fixes
        return min(max((one.score for one in picks), default=0.0), _SUREST)


async def gather(source: Source, question: str, embedder: "Embedder | None", *, limit: int = 3) -> Evidence:
    """The sentences of the document that tell its cause and its fix, up to `limit` each."""
    sentences = sentences_of(source.passages)
    nearness, meanings = await _meanings(question, source.title, sentences, embedder)
    causes = _telling(pick(sentences, "cause", question, meanings=meanings, limit=2 * limit))
    causes = _without_fixes([one for one in causes if not is_labelled_fix(one.sentence)])[:limit]
    fixes = _telling(pick(sentences, "fix", question, meanings=meanings, limit=limit))
    note = review_of(source.passages, source.incident.get("resolved_at"))
    newest = sentences[-1].passage if sentences else None
    return Evidence(
        source,
        causes,
        fixes,
        note=[sentence for sentence in sentences if sentence.passage == note],
        newest=[sentence for sentence in sentences if sentence.passage == newest],
        nearness=nearness,
    )


def is_labelled_fix(sentence: Sentence) -> bool:
    """Whether it says of itself that it tells the resolution, and names no cause outright."""
    return label_of(sentence.text) == "fix" and weight_of(sentence.text, "cause") < _OUTRIGHT


def _telling(picks: Sequence[Pick]) -> list[Pick]:
    return [one for one in picks if one.score >= _FEWEST_POINTS]


async def _meanings(
    question: str, title: str, sentences: Sequence[Sentence], embedder: "Embedder | None"
) -> tuple[float, list[float] | None]:
    """How near the nearest of them is to the question, and each sentence, 0 to 1; 0 and None where no model says."""
    if embedder is None or len(sentences) > _MOST_EMBEDDED:
        return 0.0, None
    texts = [question[:_QUESTION_CHARACTERS], title[:_QUESTION_CHARACTERS], *(sentence.text for sentence in sentences)]
    try:
        vectors = await embedder.embed(texts, is_query=True)
    except (EmAgentError, TimeoutError) as error:
        log.warning("ask.degraded", side="dense", error=str(error))
        return 0.0, None
    near = [max(0.0, float(value)) for value in vectors[1:] @ vectors[0]]
    return max(near), near[1:]


def _without_fixes(causes: Sequence[Pick]) -> list[Pick]:
    """Without those, but for the best, whose words tell a fix by far more than a cause.

    Their words are weighed, not their scores, in which a late note counts for more to a fix.
    """
    return [
        one
        for index, one in enumerate(causes)
        if not index or weight_of(one.sentence.text, "fix") - weight_of(one.sentence.text, "cause") < _FAR
    ]
