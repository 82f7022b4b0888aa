"""Answers about the newest and the longest incidents, and sentences that are said once."""

import pytest

from em_agent.ask.answers import Answer
from em_agent.kit.postgres import Pool
from tests.ask.memory import NOW, asker_of, remember, remember_some


@pytest.fixture
async def memory(pool: Pool) -> Pool:
    """The database with a few incidents."""
    await remember_some(pool)
    return pool


async def ask(pool: Pool, text: str) -> Answer:
    """The answer."""
    return await asker_of(pool).ask(text, NOW)


def cited(answer: Answer) -> list[str]:
    """The incidents that are cited, each once."""
    return list(dict.fromkeys(one.id.removeprefix("pagerduty:incident:P") for one in answer.citations))


@pytest.mark.parametrize(
    ("question", "incidents"),
    [
        ("what caused the last outage of Production Database?", ["INC42"]),
        ("the most recent database incident", ["INC42"]),
        ("what was the latest incident?", ["INC47"]),
        ("the last 3 incidents", ["INC47", "INC42", "INC43"]),
        ("what was the last incident in January?", ["INC45"]),
        ("how did we fix it the last time the TLS handshakes failed?", ["INC43"]),
    ],
)
async def test_the_newest(memory: Pool, question: str, incidents: list[str]) -> None:
    """The last ones are the newest that fit, urgent or not, newest first."""
    answer = await ask(memory, question)
    assert not answer.abstained
    assert cited(answer) == incidents
    assert "newest of" in answer.answer


async def test_the_newest_of_which_nothing_is_told(memory: Pool) -> None:
    """Where nobody wrote what caused the last one, that is said, and the newest whose notes tell it follows."""
    await remember(memory, 48, "Checkout answers slowly", at="2026-03-30T10:00:00+00:00", urgency="low")
    answer = await ask(memory, "what caused the last outage of Checkout API?")
    assert cited(answer) == ["INC48", "INC44"]
    assert answer.answer.index("Nobody wrote a note") < answer.answer.index("The newest whose notes tell the cause:")


async def test_the_longest(memory: Pool) -> None:
    """The biggest are those that took longest, longest first, an open one as long as it has been."""
    for number, minutes in ((51, 600), (52, 20), (53, 2_000)):
        await remember(
            memory, number, "Label printing fails", at=f"2026-03-{number - 40}T10:00:00+00:00", minutes=minutes
        )
    answer = await ask(memory, "biggest incidents last month")
    assert cited(answer) == ["INC53", "INC51", "INC42", "INC43", "INC52"]
    assert "resolved after 33 h 20 min" in answer.answer
    answer = await ask(memory, "what was the longest outage last month?")
    assert cited(answer) == ["INC53"]


async def test_nothing_fits(memory: Pool) -> None:
    """Where none fits there is no last one."""
    answer = await ask(memory, "what was the last incident in August 2025?")
    assert answer.abstained
    assert "no incidents" in answer.answer


async def test_a_sentence_is_said_once(pool: Pool) -> None:
    """One that tells cause and resolution is quoted once, and what only changed by itself resolved nothing."""
    both = "The outage was caused by a bad index, fixed by dropping it."
    await remember(pool, 61, "Search answers nothing", ("Ada Young", both))
    answer = await ask(pool, "what caused #61?")
    assert answer.answer.count(both) == 1
    assert "Cause and resolution, told together:" in answer.answer
    await remember(
        pool, 62, "Baskets are empty", ("Ben Ode", "No deploy in the window, but the flag new-basket changed.")
    )
    answer = await ask(pool, "what caused #62?")
    assert answer.answer.count("new-basket") == 1
    assert "Resolution:" not in answer.answer


async def test_a_resolution_note_is_no_cause(pool: Pool) -> None:
    """What says of itself that it tells the resolution does not stand as the cause."""
    note = "Resolution Note: promoted the second replica by hand after the primary was broken."
    await remember(pool, 63, "Primary does not answer", ("Ada Young", note))
    answer = await ask(pool, "what caused #63?")
    assert [one.about for one in answer.citations if one.quote == note] == ["resolution"]
    assert "No note names the cause." in answer.answer
