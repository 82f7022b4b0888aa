"""How good a ranking or an answer is: the measures that the field uses."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import log2

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """The ranking's discounted gain as a share of the best one's: 1 is all answers first, in the order of their grades."""
    best = sum(grade / log2(place + 2) for place, grade in enumerate(sorted(grades.values(), reverse=True)[:depth]))
    gain = sum(grades.get(found, 0) / log2(place + 2) for place, found in enumerate(ranking[:depth]))
    return gain / best if best else 0.0


def recall(ranking: Sequence[str], grades: Mapping[str, int], depth: int = 10) -> float:
    """The share of the relevant ones that stand among the first."""
    relevant = [key for key, grade in grades.items() if grade > 0]
    return len(set(relevant) & set(ranking[:depth])) / min(len(relevant), depth) if relevant else 0.0


def sentences(text: str) -> list[str]:
    """The text's sentences: a line ends one too."""
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence and sentence.strip()]


def is_quoted(facts: Iterable[str], quotes: Sequence[str], within: int = 3) -> bool:
    """Whether any of the facts stands in the first sentences of the quotes."""
    quoted = [sentence for quote in quotes for sentence in sentences(quote)][:within]
    told = _folded(" ".join(quoted))
    return any(_folded(fact) in told for fact in facts)


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def _folded(text: str) -> str:
    return " ".join(text.split())
