"""A piece of a passage that shows why it was found: verbatim, in one stretch, of bounded length."""

import re
from collections.abc import Mapping

LONGEST_CHARACTERS = 320

_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?\u3002\uff01\uff1f])\s+|\n+)(?=\S)")
_LONGEST_READ = 20_000


def snippet(text: str, weights: Mapping[str, float]) -> str:
    """The stretch whose stems weigh most, from a sentence's beginning where one is near; else the first."""
    read = text[:_LONGEST_READ].strip()
    if len(read) <= LONGEST_CHARACTERS:
        return read
    starts = [match.end() for match in _SENTENCE_START.finditer(read)] or [0]
    starts += [space for place in _places(read, weights) if (space := _word_before(read, place)) is not None]
    weighed = [(overlap(read[start : start + LONGEST_CHARACTERS], weights), start) for start in starts]
    most = max(weight for weight, _ in weighed)
    best = max(start for weight, start in weighed if weight == most) if most else 0
    return _ended(read[best : best + LONGEST_CHARACTERS], is_cut=best + LONGEST_CHARACTERS < len(read))


def overlap(text: str, weights: Mapping[str, float]) -> float:
    """How much of what was asked stands in the text."""
    lower = text.casefold()
    return sum(weight for stem, weight in weights.items() if stem in lower)


def _places(text: str, weights: Mapping[str, float]) -> list[int]:
    lower = text.casefold()
    return [place for stem in weights if (place := lower.find(stem)) >= 0]


def _word_before(text: str, place: int) -> int | None:
    """Where to begin some words before a place that no sentence's beginning is near."""
    space = text.rfind(" ", 0, max(place - LONGEST_CHARACTERS // 3, 0))
    return space + 1 if space >= 0 else None


def _ended(piece: str, *, is_cut: bool) -> str:
    if not is_cut:
        return piece.strip()
    space = max(piece.rfind(" "), piece.rfind("\n"))
    return piece[: space if space > LONGEST_CHARACTERS // 2 else None].strip()
