"""Picks the sentences of an incident that tell its cause or its fix.

Cue words come first: of what similarity to the question finds, causes are told no better than by chance. Similarity
then chooses between sentences that say as much.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from em_agent.ask.cues import Aspect, weight_of
from em_agent.ask.sentences import Sentence, is_review
from em_agent.ask.words import telling_words
from em_agent.domain.documents import Passage

MOST_SENTENCES = 3
_REVIEW_BONUS = {"cause": 1.0, "fix": 1.2}
_LATE_BONUS = {"cause": 0.3, "fix": 1.2}
_OVERLAP_BONUS = 0.6  # the question tells what people saw: a sentence in its words often tells the same
_MEANING_BONUS = 1.2
_ALIKE = 0.75  # of the words of the shorter one: what repeats a sentence says nothing more
_LEAST_WORDS = 3
_SECTION_BONUS = {
    ("cause", "cause"): 1.6, ("cause", "fix"): -0.6, ("cause", "plan"): -1.6,
    ("fix", "fix"): 1.6, ("fix", "cause"): -0.8, ("fix", "plan"): -0.4,
}  # fmt: skip
_REVIEW_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Pick:
    """A sentence and how much it says."""

    sentence: Sentence
    score: float


def pick(
    sentences: Sequence[Sentence],
    aspect: Aspect,
    question: str,
    *,
    meanings: Sequence[float] | None = None,
    limit: int = MOST_SENTENCES,
) -> list[Pick]:
    """Up to `limit` sentences that tell it, best first; `meanings` are their similarities to the question, 0 to 1."""
    words = [set(telling_words(sentence.text)) for sentence in sentences]
    weights = _weights(set(telling_words(question)), words)
    last = max((sentence.passage for sentence in sentences), default=0)
    scored = [
        Pick(
            sentence,
            _score(sentence, aspect, last)
            + _OVERLAP_BONUS * sum(weights[word] for word in words[index] & weights.keys())
            + _MEANING_BONUS * (meanings[index] if meanings else 0.0)
            - (len(words[index]) < _LEAST_WORDS),
        )
        for index, sentence in enumerate(sentences)
    ]
    chosen: list[Pick] = []
    for candidate in sorted(scored, key=lambda each: -each.score):
        if len(chosen) == limit:
            break
        if not any(_repeats(candidate.sentence.text, other.sentence.text) for other in chosen):
            chosen.append(candidate)
    return chosen


def _weights(asked: set[str], sentences: Sequence[set[str]]) -> dict[str, float]:
    """What each word of the question is worth in a sentence: the rarer in the incident, the more; 1 in all."""
    found = {word: sum(word in words for words in sentences) for word in asked}
    values = {word: math.log(1 + len(sentences) / count) for word, count in found.items() if count}
    total = sum(values.values()) + math.log(1 + len(sentences)) * sum(not count for count in found.values()) / 2
    return {word: value / total for word, value in values.items()} if total else {}


def _score(sentence: Sentence, aspect: Aspect, last: int) -> float:
    score = weight_of(sentence.text, aspect)
    if sentence.is_review:
        score += _REVIEW_BONUS[aspect]
    score += _SECTION_BONUS.get((aspect, sentence.section or ""), 0.0)
    return score + _LATE_BONUS[aspect] * (sentence.passage / last if last else 1.0)


def _repeats(text: str, other: str) -> bool:
    mine, theirs = set(telling_words(text)), set(telling_words(other))
    shorter = min(len(mine), len(theirs))
    return bool(shorter) and len(mine & theirs) / shorter >= _ALIKE


def review_of(passages: Sequence[Passage], resolved_at: datetime | None) -> int | None:
    """The index of the note that looks back: one that says so, else a long one written after the resolution."""
    notes = [index for index, passage in enumerate(passages) if passage.kind == "note"]
    said = [index for index in notes if is_review(passages[index])]
    if said:
        return said[-1]
    late = [
        index
        for index in notes
        if len(passages[index].text) >= _REVIEW_CHARACTERS
        and resolved_at is not None
        and (at := passages[index].at) is not None
        and at >= resolved_at
    ]
    return max(late, key=lambda index: len(passages[index].text)) if late else None
