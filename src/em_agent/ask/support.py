"""Checks what a model wrote against the excerpts that it cites, and keeps what they say."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from em_agent.ask.sentences import split
from em_agent.ask.sources import Source
from em_agent.ask.words import stem, telling_words, words_of
from em_agent.domain.documents import Passage

MOST_SENTENCES = 12
LONGEST_CHARACTERS = 500
MOST_CHARACTERS = 12_000
_LEAST_COVERED = 0.7  # of a sentence's telling words
_FEWEST_WORDS = 2

_NUMBERS = re.compile(r"\s*[\[(【]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\])】]")
_MARKUP = re.compile(r"[*_`~#|]+|^\s*(?:[-•>]+|\d{1,2}[.)])\s+", re.MULTILINE)
_UNWANTED = re.compile(
    r"[<>@{}\\]|https?:|www\.|!\[|\]\(|[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", re.IGNORECASE
)
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'’-]*\w|\b\w+(?:[-_./:]\w+)+|\b\w*\d\w*[a-zA-Z]\w*\b|\b[a-z]+[A-Z]\w*")
_NOT = re.compile(
    (
        r"\b(?:not|no|never|none|nobody|nothing|without|neither|nor|cannot|unrelated|wasn|isn|didn|doesn"
        r"|weren|hadn|couldn|ruled)\b|n['’]t\b"
    ),
    re.IGNORECASE,
)
# What a sentence may say of excerpts without their saying it.
_NEUTRAL = frozenset(
    stem(word)
    for word in (
        "incident incidents outage issue problem cause caused causes causing because resolve resolved resolution fix "
        "fixed fixing note notes according reported team engineers afterwards later then first finally led result "
        "resulted occurred happened service services therefore also triggered due root mitigated mitigation restored "
        "addressed wrote written said states stated describes identified found"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What the model was given under a number: a passage's text, and who said it when."""

    source: Source
    passage: Passage
    text: str
    said: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that the excerpts of these numbers support, each with its sentence that does."""

    text: str
    numbers: tuple[int, ...]
    quotes: dict[int, str]


def supported(written: str, excerpts: Sequence[Excerpt]) -> list[Claim]:
    """The sentences that say nothing beyond what they cite, in their order, cleaned of markup."""
    claims: list[Claim] = []
    for text, numbers in _sentences(written[:MOST_CHARACTERS]):
        cited = tuple(number for number in dict.fromkeys(numbers) if 1 <= number <= len(excerpts))
        if not cited or len(cited) != len(set(numbers)) or len(text) > LONGEST_CHARACTERS or _UNWANTED.search(text):
            continue
        claim = _checked(text, cited, excerpts)
        if claim and claim.text not in {other.text for other in claims}:
            claims.append(claim)
        if len(claims) == MOST_SENTENCES:
            break
    return claims


def _sentences(written: str) -> Iterator[tuple[str, list[int]]]:
    """Each sentence with the numbers that stand behind it."""
    for line in written.splitlines():
        begin = 0
        marks = list(_NUMBERS.finditer(line))
        for index, mark in enumerate(marks):
            following = marks[index + 1] if index + 1 < len(marks) else None
            if following and not line[mark.end() : following.start()].strip(" .,;"):
                continue  # [1][2]: the numbers of one sentence
            first = index
            while first and not line[marks[first - 1].end() : marks[first].start()].strip(" .,;"):
                first -= 1
            text = line[begin : marks[first].start()]
            numbers = [int(n) for m in marks[first : index + 1] for n in re.findall(r"\d+", m[1])]
            begin = mark.end()
            clean = _MARKUP.sub(" ", text).strip(" \t.,;:–—-")
            # What stands before without a number of its own is said by nobody.
            spans = split(clean)
            if spans:
                last = clean[spans[-1][0] : spans[-1][1]]
                yield f"{' '.join(last.split()).rstrip('.')}.", numbers


def _checked(text: str, cited: Sequence[int], excerpts: Sequence[Excerpt]) -> Claim | None:
    whole = " ".join(_all_of(excerpts[number - 1]) for number in cited)
    known = {stem(word) for word in words_of(whole)}
    telling = telling_words(text)
    words = [word for word in telling if word not in _NEUTRAL]
    if not words or len(telling) < _FEWEST_WORDS or sum(word in known for word in words) < _LEAST_COVERED * len(words):
        return None
    if not _numbers_in(text) <= _numbers_in(whole) or not _names_in(text, whole):
        return None
    quotes = {number: _nearest(text, excerpts[number - 1].text) for number in cited}
    if any(not quote for quote in quotes.values()):
        return None
    best = max(quotes.values(), key=lambda quote: _shared(text, quote))
    if (_NOT.search(text) is None) != (_NOT.search(best) is None):
        return None  # it says the contrary, or may
    return Claim(text, tuple(cited), quotes)


def _all_of(excerpt: Excerpt) -> str:
    source = excerpt.source
    return f"{excerpt.text} {source.title} {excerpt.said} {source.name} {source.service or ''}"


def _numbers_in(text: str) -> set[str]:
    return {number.rstrip(".,:") for number in _DIGITS.findall(text)}


def _names_in(text: str, whole: str) -> bool:
    """Whether every name and identifier of the text stands in the whole; a first word may be one by chance."""
    lower = whole.casefold()
    return all(
        match[0].casefold() in lower or (match.start() == 0 and match[0].isalpha() and match[0][1:].islower())
        for match in _NAME.finditer(text)
    )


def _nearest(text: str, excerpt: str) -> str:
    """The excerpt's sentence that shares most words with the text; empty where none shares any."""
    sentences = [excerpt[begin:end] for begin, end in split(excerpt)]
    best = max(sentences, key=lambda sentence: _shared(text, sentence), default="")
    return best if best and _shared(text, best) else ""


def _shared(text: str, other: str) -> float:
    mine, theirs = set(telling_words(text)), set(telling_words(other))
    return len(mine & theirs) / math.sqrt(max(len(theirs), 1))  # a long sentence shares some by chance
