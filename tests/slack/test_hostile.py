"""Whatever an incident holds, its messages are within Slack's limits and nothing in them acts."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from em_agent.domain.incidents import Ref
from em_agent.kit.postgres import Pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.slack import text
from em_agent.slack.answers.answer import Answer, plain_answer
from em_agent.slack.answers.ask import ask_answer
from em_agent.slack.answers.found import Alike, Quote, Told
from em_agent.slack.answers.incident import incident_answer
from em_agent.slack.answers.incidents import incidents_answer
from em_agent.slack.answers.quotes import quotation
from em_agent.slack.answers.similar import similar_answer
from em_agent.slack.answers.sources import Sources
from em_agent.slack.listeners.commands import answer_command
from tests.fake_slack import live_markup, problems_of
from tests.slack.happenings import happened, noted, tell
from tests.slack.part import StandInFinder, StandInTeller

HOSTILE = [
    "<!channel> <!here> <!everyone>",
    "<@U123ABC> <@W1|boss>",
    "<#C0123|general> <!subteam^S1|@ops> <!date^1392734382^{date}|x>",
    "<https://evil.example|click> <mailto:a@b.example|mail> https://evil.example http://x.example/y?z=1",
    "*bold* _italic_ ~strike~ `code` ```pre``` **x** __y__",
    "&lt;!channel&gt; &amp;lt;!channel&amp;gt;",
    "> quote\n>>> more\n&gt; sneaky",
    "\u202ereversed\u202c \u2066isolated\u2069 \u200f\u061c",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \U0001f525\U0001f9d1\u200d\U0001f692 :skull: :fire_engine:",
    "x" * 40_000,
    "\U0001f525" * 40_000,
    "<!channel>" * 4_000,
    "&" * 40_000,
    "\n" * 5_000 + "end",
    "a\u0300" * 20_000,
    "\x00\x01\x1b[31mred\x7f\x85",
    "|`*_~<>&" * 500,
    ":0",
    "",
    " ",
]
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=300),
    st.text(alphabet="<>!@#|&;*_~`:/. \n\u202e\u200fabU1\U0001f525", max_size=400),
)
URLS = st.one_of(
    st.sampled_from(
        [
            "https://pd.example/i/1",
            "javascript:alert(1)",
            "https://x.example/|<!channel>",
            "",
            None,
            "https://" + "x" * 5000,
        ]
    ),
    TEXTS,
)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def check(answer: Answer, *urls: str | None) -> None:
    """See that every message of the answer is valid, and that nothing in it acts but our own buttons and links."""
    allowed = frozenset(url for url in urls if url is not None)
    for pages in range(1, len(answer.pages) + 2):
        for message in (answer.message(7, pages), answer.message(7, pages, is_shared=True)):
            assert problems_of(message) == []
            assert live_markup(message, allowed_urls=allowed) == []
        shared = answer.shared(pages, "UASKER", "<!channel> *ada*")
        assert problems_of(shared) == []
        assert live_markup(shared, allowed_urls=allowed) == ["user element"]


@settings(max_examples=300)
@given(TEXTS, st.integers(1, 300))
@example("&" * 50, 10)
def test_harmless(said: str, limit: int) -> None:
    """Text for markup is one line, within the limit as Slack counts, and nothing of it is read as markup."""
    shown = text.harmless(said, limit)
    assert text.length(shown) <= limit
    assert "\n" not in shown
    assert live_markup({"text": shown}) == []


@settings(max_examples=200)
@given(TEXTS, st.integers(2, 300))
def test_quoted(said: str, limit: int) -> None:
    """Every line of a quotation has its sign, and nothing else in it is markup."""
    shown = text.quoted(said, limit)
    assert text.length(shown) <= limit
    assert all(line.startswith("> ") for line in shown.split("\n") if shown)
    assert live_markup({"text": shown}) == []


@given(TEXTS, st.integers(1, 200))
def test_cut(said: str, limit: int) -> None:
    """What is cut is within the limit, and begins as the whole does."""
    shown = text.cut(said, limit)
    assert text.length(shown) <= limit
    assert shown == said or said.startswith(shown[:-1])


@pytest.mark.parametrize(
    "said", ["Checkout is slow (p99 > 3 s)", "db-1.internal: too many connections", "\u00dcberlast \u2013 Z\u00fcrich"]
)
def test_plain_words_stay(said: str) -> None:
    """What is harmless reads as it was written."""
    assert text.harmless(said, 200).replace("\u200b", "").replace("&gt;", ">") == said
    assert text.shown(said, 200) == said


@settings(max_examples=60)
@given(TEXTS, TEXTS, TEXTS, URLS)
def test_quotation(said: str, author: str, title: str, url: str | None) -> None:
    """A quotation of anything by anybody is valid and plain."""
    quote = Quote("cause", said, author, NOW, title, url)
    check(Answer("fallback", ((quotation(quote, ZoneInfo("UTC")),),)), url)


@settings(max_examples=60)
@given(TEXTS)
def test_sentences_of_ours(said: str) -> None:
    """A sentence that repeats what somebody typed is valid and plain."""
    check(plain_answer(f"I do not know {said}.", can_share=True))


@settings(max_examples=25)
@given(title=TEXTS, note=TEXTS, service=TEXTS, person=TEXTS, url=URLS)
async def test_answers(  # noqa: PLR0913 - each is a text
    pool: Pool, title: str, note: str, service: str, person: str, url: str | None
) -> None:
    """Every answer about an incident whose every text is hostile is valid and plain."""
    told = Told(
        f"{title}\n{note}", tuple(Quote("note", note, person, NOW, title, url) for _ in range(9)), abstained=False
    )
    teller = StandInTeller(told)
    teller.may_answer.set()
    finder = StandInFinder([Alike(f"P{n}", title, url, note) for n in range(12)])
    sources = Sources(pool, IncidentMeter(pool), ZoneInfo("UTC"), teller=teller, finder=finder, now=lambda: NOW)
    await _write(pool, title.replace("\x00", ""), note.replace("\x00", ""), service.replace("\x00", ""), person, url)
    for answer in (
        await incident_answer(sources, "42"),
        await incidents_answer(sources, ""),
        await similar_answer(sources, "42"),
        await ask_answer(sources, title.replace("\x00", "") or "why?") if title.strip("\x00 \n") else plain_answer("-"),
    ):
        check(answer, url)
    for words in (title, f"incidents {service}", f"mttr {service}", f"incident {note}", f"similar {person}"):
        outcome = await answer_command(sources, 1, {"text": words, "command": title})
        assert outcome.answer is not None
        check(outcome.answer, url)


async def _write(  # noqa: PLR0913
    pool: Pool, title: str, note: str, service: str, person: str, url: Any
) -> None:
    actor = Ref("PUSR1", person.replace("\x00", "") or None, "user_reference")
    fields: dict[str, Any] = {
        "title": title, "url": (url or "").replace("\x00", "") or None, "actor": actor,
        "service": Ref("PSVC1", service or None), "priority": Ref("PPRI1", title[:50] or None),
    }  # fmt: skip
    await pool.execute("DELETE FROM incidents; DELETE FROM incident_events")
    await tell(
        pool, happened("triggered", **fields), happened("acknowledged", seconds=5, **fields),
        *(noted(note, seconds=10 + n, by=actor.name or "") for n in range(9) if note),
    )  # fmt: skip
