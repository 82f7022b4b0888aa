"""The terms of a text: one reading for what is indexed and what is asked.

A text is folded (NFKC, case) and read as two streams. Words are its runs of letters and digits: those of a to z go
through PostgreSQL's English dictionary, which stems them and drops stop words, others stay as they are; runs of
Chinese, Japanese or Korean characters become their pairs. Identifiers are what punctuation joins without a space,
unstemmed: `us-east-1`, `order_service`, `db-7.prod.example.com`, `10.0.0.1`. Every occurrence counts, however long the
text: a tsvector would stop at 255 of a word.
"""

import asyncio
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from em_agent.kit.postgres import Connection

LONGEST_TERM = 100  # characters; of longer ones, such as encoded data, the beginning is the term
_CACHED_LEXEMES = 20_000
# What takes some milliseconds to read, for which nobody else should have to wait.
_LONG_CHARACTERS = 20_000

# Possessive and from the beginning of a word only, so that a megabyte without a space is read once.
_IDENTIFIER = re.compile(r"\b(?:\w++(?:[-./:@#+=~\\]++\w++)+|[^\W_]++(?:_++[^\W_]++)+)")
_WORD = re.compile(r"[^\W_]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]+")
_lexemes: dict[str, str | None] = {}


def tokens(text: str) -> Counter[str]:
    """The words and identifiers of a text as they stand there, folded, with their counts."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words: Iterable[str] = _WORD.findall(folded)
    if _CJK.search(folded):
        words = [part for word in words for part in _pairs(word)]
    counts = Counter(words)
    counts.update(_IDENTIFIER.findall(folded))
    return _shortened(counts)


async def analyse(connection: Connection, texts: Sequence[str]) -> list[Counter[str]]:
    """The terms of each text with their frequencies."""
    characters = sum(len(text) for text in texts)
    read = _read(texts) if characters < _LONG_CHARACTERS else await asyncio.to_thread(_read, texts)
    lexemes = await _look_up(connection, set().union(*read))
    return [_to_terms(counts, lexemes) for counts in read]


def _read(texts: Sequence[str]) -> list[Counter[str]]:
    return [tokens(text) for text in texts]


def _to_terms(counts: Counter[str], lexemes: dict[str, str | None]) -> Counter[str]:
    terms: Counter[str] = Counter()
    for token, count in counts.items():
        term = lexemes.get(token, token)
        if term is not None:
            terms[term] += count
    return terms


async def _look_up(connection: Connection, given: set[str]) -> dict[str, str | None]:
    """The dictionary's form of each token that is in its alphabet."""
    english = [token for token in given if token.isascii() and token.isalpha()]
    unknown = [token for token in english if token not in _lexemes]
    if unknown:
        rows = await connection.fetch(
            "SELECT word, search.lexeme(word) AS lexeme FROM unnest($1::text[]) AS word", unknown
        )
        found = {row["word"]: row["lexeme"] for row in rows}
        if len(_lexemes) + len(found) > _CACHED_LEXEMES:
            known = {token: _lexemes[token] for token in english if token in _lexemes}
            _lexemes.clear()
            return {**known, **found}
        _lexemes.update(found)
    return {token: _lexemes[token] for token in english}


def _pairs(word: str) -> list[str]:
    """The word in pieces where it is written without spaces: a word of two characters is then found anywhere."""
    parts, end = [], 0
    for run in _CJK.finditer(word):
        parts += [word[end : run.start()], *_bigrams(run[0])]
        end = run.end()
    return [part for part in (*parts, word[end:]) if part]


def _bigrams(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)]


def _shortened(counts: Counter[str]) -> Counter[str]:
    long = [token for token in counts if len(token) > LONGEST_TERM]
    for token in long:
        counts[token[:LONGEST_TERM]] += counts.pop(token)
    return counts
