"""A text as passages: paragraphs that are short enough for a model to take whole."""

import re
from collections.abc import Iterator

LONGEST_CHARACTERS = 1_000  # about the 256 tokens that the bundled model reads
_HEADING_CHARACTERS = 80  # what is shorter says little alone, and goes with what follows

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_SENTENCE_END = re.compile(r"[.!?\u3002\uff01\uff1f]+[\"')\]]*\s+|\n+")
_SPACE = re.compile(r"\s+")

Span = tuple[int, int]


def paragraphs(text: str, longest: int = LONGEST_CHARACTERS) -> list[str]:
    """The text's paragraphs, each a verbatim piece of it, in order; nothing but space is left out between them.

    Those longer than `longest` characters are cut at the ends of sentences, else at a space, else anywhere.
    """
    pieces = (piece for span in _with_headings(text, longest) for piece in _cut(text, span, longest))
    stripped = (text[start:end].strip() for start, end in pieces)
    return [piece for piece in stripped if piece]


def _with_headings(text: str, longest: int) -> Iterator[Span]:
    """Spans between blank lines; a short one reaches to the end of the next."""
    start = 0
    for blank in _BLANK_LINE.finditer(text):
        if len(text[start : blank.start()].strip()) >= _HEADING_CHARACTERS or blank.start() - start > longest:
            yield start, blank.start()
            start = blank.end()
    yield start, len(text)


def _cut(text: str, span: Span, longest: int) -> Iterator[Span]:
    start, end = span
    while end - start > longest:
        cut = _last_end(_SENTENCE_END, text, start, longest) or _last_end(_SPACE, text, start, longest)
        cut = cut or start + longest
        yield start, cut
        start = cut
    yield start, end


def _last_end(pattern: re.Pattern[str], text: str, start: int, longest: int) -> int | None:
    """The last place in reach behind what the pattern finds, unless that is nearly at the beginning."""
    ends = [match.end() for match in pattern.finditer(text, start, start + longest)]
    return ends[-1] if ends and ends[-1] - start > longest // 4 else None
