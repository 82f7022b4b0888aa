"""Which questions are about the newest or the longest incidents."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from em_agent.ask.names import Names
from em_agent.ask.questions import Question, read_question

NAMES = Names(services=["Checkout API", "Production Database"], teams=["Storage"], priorities=["P1"])


def read(text: str) -> Question:
    """The question as it is understood."""
    return read_question(text, NAMES, ZoneInfo("UTC"), datetime(2026, 4, 1, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "order", "count", "intent"),
    [
        ("what caused the last outage of Checkout API?", "newest", 1, "cause"),
        ("the most recent database incident", "newest", 1, "incident"),
        ("how was the latest Checkout API outage fixed?", "newest", 1, "fix"),
        ("what was the last incident in October?", "newest", 1, "incident"),
        ("how long did the last checkout outage take?", "newest", 1, "incident"),
        ("what broke last?", "newest", 1, "cause"),
        ("how did we fix it the last time the disk was full?", "newest", 1, "fix"),
        ("the last 3 incidents", "newest", 3, "list"),
        ("the three latest outages of Checkout API", "newest", 3, "list"),
        ("show me the latest outages", "newest", None, "list"),
        ("biggest incidents last month", "longest", None, "list"),
        ("what was the longest outage last quarter?", "longest", 1, "incident"),
    ],
)
def test_ranks(text: str, order: str, count: int | None, intent: str) -> None:
    """Order and number are understood, and what else is wanted of them."""
    question = read(text)
    assert question.rank is not None
    assert (question.rank.order, question.rank.count, question.intent) == (order, count, intent)
    assert not {"latest", "recent", "biggest", "longest"} & set(question.words)


@pytest.mark.parametrize(
    "text",
    [
        "what caused the database outage last week?",
        "incidents in the last 3 days",
        "what happened in the last quarter?",
        "what caused the outage last night?",
        "did the last deployment cause the outage?",
        "what is the biggest cause of outages?",
        "how many incidents did we have last month?",
        "what was our longest time to resolve last month?",
        "how long did it last?",
    ],
)
def test_periods_and_other_things(text: str) -> None:
    """A period that is over, another thing that was the last, and a figure are no rank of incidents."""
    assert read(text).rank is None


@pytest.mark.parametrize(
    "text", ["are we getting better or worse?", "is Checkout API getting better?", "have we improved since January?"]
)
def test_how_things_go(text: str) -> None:
    """Whether it gets better is told by the figures, beside those of the time before."""
    question = read(text)
    assert question.intent == "number"
    assert question.is_compared
    assert [measure.field for measure in question.measures] == [
        "incidents",
        "time_to_acknowledge_seconds",
        "time_to_resolve_seconds",
    ]
