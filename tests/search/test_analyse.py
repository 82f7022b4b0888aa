"""Texts as terms."""

import string
import time
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from em_agent.kit.postgres import Pool
from em_agent.search.analyse import LONGEST_TERM, analyse, tokens


async def terms(pool: Pool, text: str) -> Counter[str]:
    """The terms of one text."""
    async with pool.acquire() as connection:
        return (await analyse(connection, [text]))[0]


async def test_words_are_stemmed_and_stop_words_dropped(pool: Pool) -> None:
    """Forms of an English word are one term, in any case; words that say nothing are none."""
    assert await terms(pool, "The databases, the DATABASE and the database's") == {"databas": 3}


async def test_identifiers_stay_whole(pool: Pool) -> None:
    """What punctuation joins is found whole, unstemmed, and by its parts."""
    for identifier in (
        "us-east-1",
        "checkout-api",
        "order_service",
        "db-7.prod.example.com",
        "10.0.0.1:5432",
        "a/b.py",
    ):
        assert (await terms(pool, f"see ({identifier}).")).keys() >= {identifier}, identifier
    assert (await terms(pool, "E1205"))["e1205"] == 1
    assert (await terms(pool, "checkout-api"))["checkout"] == 1


async def test_other_languages(pool: Pool) -> None:
    """Accents, cases and widths are folded; what is written without spaces is found by its pairs."""
    assert await terms(pool, "STRASSE Straße ＤＩＳＫ") == {"strass": 2, "disk": 1}
    assert await terms(pool, "数据库崩溃") == {"数据": 1, "据库": 1, "库崩": 1, "崩溃": 1}
    assert await terms(pool, "🔥 -- !!") == {}


async def test_long_texts_are_counted_exactly(pool: Pool) -> None:
    """A word counts as often as it stands there, beyond what a tsvector counts."""
    assert (await terms(pool, "outage " * 100_000 + "rollback"))["outag"] == 100_000


@given(st.lists(st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8), max_size=50))
def test_every_word_counts(words: list[str]) -> None:
    """The tokens of plain words are the words."""
    assert tokens(" ".join(words)) == Counter(words)


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    """Whatever the text is, its tokens are short, not empty, and the same in upper case where case folds."""
    assert all(0 < len(token) <= LONGEST_TERM for token in tokens(text))


def test_megabytes_without_a_space() -> None:
    """Encoded data takes no longer than prose."""
    started = time.monotonic()
    assert tokens("a" * 1_000_000 + " " + "a-" * 300_000 + "_a" * 300_000)
    assert time.monotonic() - started < 5
