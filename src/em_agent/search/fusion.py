"""One score out of two."""

from collections.abc import Sequence
from dataclasses import dataclass

WORDS_WEIGHT = 0.45
# The share of what the query's words weigh together that a document has where it is plainly about them: one that has
# less is the best by words of a poor lot. Few repetitions reach it, for each word's weight is only neared.
_PLENTY = 0.65


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document with what speaks for it.

    `tier` is 0 unless the query names it outright; `meaning` is None where it has no vectors, `ordinal` its nearest
    passage.
    """

    key: int
    tier: int
    words: float
    meaning: float | None
    ordinal: int | None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and its score: up to 1, and above where it was named."""

    candidate: Candidate
    score: float


def fuse(candidates: Sequence[Candidate], weight_of_words: float) -> list[Ranked]:
    """The candidates, best first: each side divided by its best score, about half and half.

    The scores themselves are fused, not the ranks: how much better a document is than the next would be lost. Where
    even the best has little of the words' weight, which a question in other words than the texts does to them, words
    count for less.
    """
    best_words = max((candidate.words for candidate in candidates), default=0.0)
    best_meaning = max((candidate.meaning or 0.0 for candidate in candidates), default=0.0)
    has_meaning = any(candidate.meaning is not None for candidate in candidates)
    weight = WORDS_WEIGHT if has_meaning else 1.0
    if has_meaning:
        best_words = max(best_words, _PLENTY * weight_of_words)
    ranked = [
        Ranked(
            candidate,
            candidate.tier
            + weight * _part(candidate.words, best_words)
            + (1 - weight) * _part(candidate.meaning or 0.0, best_meaning),
        )
        for candidate in candidates
    ]
    return sorted(ranked, key=lambda one: (-one.score, -one.candidate.key))


def _part(score: float, best: float) -> float:
    return max(score, 0.0) / best if best > 0 else 0.0
