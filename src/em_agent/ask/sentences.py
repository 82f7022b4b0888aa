"""Sentences of what people wrote, each a verbatim piece of its passage."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from em_agent.domain.documents import Passage, PassageKind

LONGEST_CHARACTERS = 480
_FEWEST_LETTERS = 2

# A sentence ends at its mark before a space and something that can begin another; not after "e.g." or "no.", nor after
# the number of a list or an initial.
_END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\bca)(?<!\bcf)(?<!\bno)(?<!\bNo)(?<!\bapprox)(?<!\bincl)(?<!\b[A-Z])"
    r"(?<!^\d)(?<!\n\d)(?<!^\d\d)(?:[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+)\s*|\s*\n\s*",
)
_LOWER = re.compile(r"[a-zß-öø-ÿ]")
_CLAUSE = re.compile(r"[;:,]\s+|\s+[-–—]\s+")
_SPACE = re.compile(r"\s+")
_BULLET = re.compile(r"(?:[-*•>#]+|\d{1,2}[.)])\s+")
_LETTER = re.compile(r"[^\W\d_]")

# What a note that looks back begins with, as PagerDuty and people write it.
_REVIEW = re.compile(
    r"\W*(?:resolution\s+notes?|post-?\s?mortem(?:\s+notes?|\s+summary)?|root\s+causes?(?:\s+analysis)?|rca|"
    r"(?:incident\s+)?(?:retrospective|retro|review|summary|report|write-?up)|lessons?\s+learned|conclusion|tl;?dr|"
    r"resolution|resolved|cause|wrap-?up|follow-?up)\b[^.\n]{0,40}?[:\n–—-]",
    re.IGNORECASE,
)


# Headings, as far as they tell what follows. A heading is short, and no sentence.
Section = Literal["cause", "fix", "plan", "other"]
_HEADINGS: tuple[tuple[Section, str], ...] = (
    (
        "plan",
        (
            r"actions?(?:\s+items?|\s+points?)?|follow-?ups?|next\s+steps?|to-?dos?|prevention"
            r"|lessons?(?:\s+learned)?|improvements?|next\s+time"
        ),
    ),
    (
        "cause",
        (
            r"(?:root\s+|probable\s+|actual\s+)?causes?(?:\s+analysis)?|rca|triggers?|reasons?"
            r"|why(?:\s+it\s+happened)?|explanation|background|details?|what\s+(?:happened|went\s+wrong|broke)"
            r"|contributing(?:\s+factors?)?|sequence(?:\s+of\s+events)?|analysis|diagnosis|findings?"
            r"|the\s+(?:bug|fault|problem)|problem"
        ),
    ),
    (
        "fix",
        (
            r"(?:the\s+)?(?:fix(?:es)?|remed(?:y|ies)|resolution(?:\s+notes?)?|mitigations?|recovery|repair"
            r"|solution|workaround|response|what\s+(?:we\s+did|helped|fixed\s+it)|measures(?:\s+taken)?"
            r"|how\s+(?:we|it\s+was)\s+(?:fixed|resolved)(?:\s+it)?|restoration)"
        ),
    ),
    (
        "other",
        (
            r"summary|impact|detection|timeline|tl;?dr|overview|scope|duration|customer\s+impact|participants"
            r"|severity|what\s+went\s+well|status|(?:customers|users)\s+saw|(?:what|things\s+that)\s+did(?:n't"
            r"|\s+not)\s+help|why\s+(?:it|this|we|nobody|no\s+one)\b[^:*]{0,60}\b(?:seen|notic\w+|caught"
            r"|detect\w+|alert\w*)\b[^:*]{0,30}"
        ),
    ),
)
_HEADING = tuple(
    (section, re.compile(rf"\W*(?:{words})(?:\s+and\s+\w+)?\W*", re.IGNORECASE)) for section, words in _HEADINGS
)
# Before its text in the same line: "Cause: the fuse", "**Lessons.** Have two".
_LABEL = tuple(
    (section, re.compile(rf"\W*(?:{words})\s*(?:[:–—]|[.:]?\*\*)", re.IGNORECASE)) for section, words in _HEADINGS
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, `start` characters into the text of the passage with that index.

    `is_review` where its note looks back; `section` is what the heading above it, or the label before it, announces.
    """

    text: str
    passage: int
    start: int
    kind: PassageKind
    author: str | None
    at: datetime | None
    is_review: bool
    section: Section | None = None


def is_review(passage: Passage) -> bool:
    """Whether the passage says of itself that it looks back."""
    return _REVIEW.match(passage.text) is not None


def sentences_of(passages: Sequence[Passage]) -> list[Sentence]:
    """The sentences of all passages but titles, in their order, without headings."""
    found: list[Sentence] = []
    reviewed = set[tuple[str | None, datetime | None]]()
    section: Section | None = None
    previous: tuple[str | None, datetime | None] | None = None
    for index, passage in enumerate(passages):
        if passage.kind == "title":
            continue
        # A long note is several passages of one author and time.
        note = (passage.author, passage.at)
        if is_review(passage):
            reviewed.add(note)
        section, previous = section if note == previous else None, note
        for start, end in split(passage.text):
            text = passage.text[start:end]
            heading = heading_of(text)
            if heading:
                section = heading
                continue
            own = label_of(text) or section
            has_looked_back = note in reviewed
            found.append(Sentence(text, index, start, passage.kind, passage.author, passage.at, has_looked_back, own))
    return found


def heading_of(text: str) -> Section | None:
    """What the text announces, where it is a heading."""
    return next((section for section, heading in _HEADING if heading.fullmatch(text)), None)


def label_of(text: str) -> Section | None:
    """What the text announces of itself: "Cause: the fuse"."""
    return next((section for section, label in _LABEL if label.match(text)), None)


def split(text: str) -> list[tuple[int, int]]:
    """Where the sentences of the text begin and end; what has no letters is none."""
    spans = (part for begin, end in _ended(text) for part in _short(text, begin, end))
    trimmed = (_trim(text, begin, end) for begin, end in spans)
    return [(begin, end) for begin, end in trimmed if len(_LETTER.findall(text, begin, end)) >= _FEWEST_LETTERS]


def _ended(text: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for mark in _END.finditer(text):
        is_within = "\n" not in mark[0] and mark[0].startswith(".") and _LOWER.match(text, mark.end())
        if mark.start() < begin or (is_within and mark.start() - begin < 12):  # noqa: PLR2004 - an abbreviation
            continue
        yield begin, mark.end()
        begin = mark.end()
    yield begin, len(text)


def _short(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The span, cut at clauses, else at spaces, where it is longer than a sentence is."""
    while end - begin > LONGEST_CHARACTERS:
        limit = begin + LONGEST_CHARACTERS
        cuts = [match.end() for match in _CLAUSE.finditer(text, begin, limit)]
        cuts = [cut for cut in cuts if cut - begin > LONGEST_CHARACTERS // 3]
        cuts = cuts or [match.end() for match in _SPACE.finditer(text, begin, limit)]
        cut = cuts[-1] if cuts else limit
        yield begin, cut
        begin = cut
    yield begin, end


def _trim(text: str, begin: int, end: int) -> tuple[int, int]:
    """Without the space around it and the mark of a list."""
    while begin < end and text[begin].isspace():
        begin += 1
    if bullet := _BULLET.match(text, begin, end):
        begin = bullet.end()
    while end > begin and text[end - 1].isspace():
        end -= 1
    return begin, end
