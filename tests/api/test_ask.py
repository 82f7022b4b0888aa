"""`POST /v1/ask`, and the command that asks it."""

import json

import pytest
import typer.testing

from em_agent.cli import app
from em_agent.kit.postgres import Pool
from tests.ask.memory import remember_some
from tests.conftest import pool  # noqa: F401
from tests.parts import gateway_on

PATH = "/v1/ask"


async def test_a_question(database_url: str, pool: Pool) -> None:  # noqa: F811
    """The answer has the documented fields, and quotes with their sources."""
    await remember_some(pool)
    async with gateway_on(database_url, EMBEDDINGS_URL="none") as gateway:
        answer = await gateway.client.post(PATH, json={"q": "what caused #42?"})
        assert answer.status_code == 200
        found = answer.json()
        assert set(found) == {"answer", "citations", "abstained", "degraded", "intent", "period", "filters"}
        assert not found["abstained"]
        assert {"id", "title", "url", "quote"} <= set(found["citations"][0])
        assert found["citations"][0]["id"] == "pagerduty:incident:PINC42"
        unknown = (await gateway.client.post(PATH, json={"q": "why did the moon fall down?"})).json()
        assert (unknown["abstained"], unknown["citations"]) == (True, [])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"q": ""},
        {"q": " \n"},
        {"q": None},
        {"q": 1},
        {"q": ["x"]},
        {"q": "x" * 10_001},
        {"q": "x", "top_k": 1},
        [],
        "x",
    ],
)
async def test_bad_questions(database_url: str, body: object) -> None:
    """An empty, too long or odd question is 422 with one sentence."""
    async with gateway_on(database_url, EMBEDDINGS_URL="none") as gateway:
        answer = await gateway.client.post(PATH, json=body)
        assert answer.status_code == 422
        assert set(answer.json()) == {"detail"}


async def test_odd_questions(database_url: str, pool: Pool) -> None:  # noqa: F811
    """Whatever is asked is answered."""
    await remember_some(pool)
    async with gateway_on(database_url, EMBEDDINGS_URL="none") as gateway:
        for question in (
            "x" * 10_000, "the of and to", "'; DROP TABLE incidents; --", "😀" * 2_500, "a\x00b", "(((( & | ! <-> :*",
            "MTTR " * 2_000, "last week " * 1_000, "\u202eabc", "#" * 9_999 + "1", "%s %d {} {0}", "#99999999999999999999999",
            "incidents since 2026-01-01 by day", "MTTR by day before 2026", "MTTR in the last 50 years by day",
        ):  # fmt: skip
            answer = await gateway.client.post(
                PATH, content=json.dumps({"q": question}), headers={"Content-Type": "application/json"}
            )
            assert answer.status_code in {200, 422}, (question[:50], answer.text)
            assert answer.status_code == 200 or "4000" in answer.json()["detail"], answer.text
        half = await gateway.client.post(
            PATH, content=b'{"q": "\\ud800 outage"}', headers={"Content-Type": "application/json"}
        )
        assert half.status_code in {200, 422}


def test_the_command_refuses_nothing() -> None:
    """An empty question is refused before anything is asked."""
    outcome = typer.testing.CliRunner().invoke(app, ["ask", " "])
    assert outcome.exit_code != 0
