"""`em-agent deployed`."""

import asyncio
import json
import os
from typing import Any

import pytest

from em_agent.cli import deployed
from em_agent.cli.deployed import LINK, REPOSITORY, RUN, SHA, default_id
from em_agent.errors import RetriableError
from em_agent.kit.postgres import Pool
from tests.cli.conftest import Command
from tests.parts import gateway_on

SHA_1 = "4f3c2b1a0f9e8d7c6b5a49382716f5e4d3c2b1a0"
WORDS = ("deployed", "--service", "checkout", "--environment", "production")


@pytest.fixture(autouse=True)
def no_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the pipeline that runs it."""
    names = {*SHA, *REPOSITORY, *RUN, *LINK, "GITHUB_RUN_ATTEMPT", "GITHUB_SERVER_URL", "CI_ENVIRONMENT_NAME"}
    for name in names & set(os.environ):
        monkeypatch.delenv(name)


async def test_posts_what_the_pipeline_says(database_url: str, pool: Pool, em_agent: Command) -> None:
    """In a pipeline service and environment are enough; by hand every field can be said; what is wrong is one line."""
    pipeline = {
        "GITHUB_SHA": SHA_1, "GITHUB_REPOSITORY": "acme/checkout", "GITHUB_RUN_ID": "123", "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_SERVER_URL": "https://github.com",
    }  # fmt: skip
    async with gateway_on(database_url, EM_AGENT_API_KEYS="key") as gateway:
        here = {"EM_AGENT_API_URL": gateway.url, "EM_AGENT_API_KEY": "key"}
        started = await asyncio.to_thread(em_agent, *WORDS, "--status", "in_progress", **here, **pipeline)
        assert started.returncode == 0, started.stderr
        assert "123.2/checkout/production" in started.stdout
        rollback = ("--id", "d-9", "--kind", "rollback", "--rollback-of", "d-8", "--incident", "42", "--sha", SHA_1[:8])
        times = ("--started-at", "2026-03-01T10:00:00Z", "--finished-at", "2026-03-01T10:05:00Z")
        for status in ("ok", "duplicate"):
            outcome = await asyncio.to_thread(em_agent, *WORDS, *rollback, *times, "--json", **here)
            answer = json.loads(outcome.stdout)
            assert (answer["status"], answer["deployment"]) == (status, "d-9")
        wrong = await asyncio.to_thread(em_agent, *WORDS, "--status", "done", **here)
        assert wrong.returncode == 1
        assert wrong.stderr.startswith("em-agent: status: ")
        assert wrong.stderr.count("\n") == 1
        unknown = await asyncio.to_thread(em_agent, *WORDS, EM_AGENT_API_URL=gateway.url, EM_AGENT_API_KEY="other")
        assert unknown.returncode == 1
        assert "key" in unknown.stderr
    first, second = (
        json.loads(row["payload"]) for row in await pool.fetch("SELECT payload::text FROM events_raw ORDER BY id")
    )
    assert first.pop("started_at").endswith("Z")
    assert first == {
        "id": "123.2/checkout/production", "service": "checkout", "environment": "production", "sha": SHA_1,
        "repository": "acme/checkout", "status": "in_progress", "url": "https://github.com/acme/checkout/actions/runs/123",
    }  # fmt: skip
    assert second == {
        "id": "d-9", "service": "checkout", "environment": "production", "sha": SHA_1[:8], "status": "success",
        "started_at": "2026-03-01T10:00:00Z", "finished_at": "2026-03-01T10:05:00Z", "kind": "rollback",
        "rollback_of": "d-8", "incident": "42",
    }  # fmt: skip


def test_an_id_is_that_of_the_run() -> None:
    """One run's posts of one deployment share an id; another service, environment, run or attempt has another."""
    ids = [
        default_id("1", "1", "a", "production"),
        default_id("1", "2", "a", "production"),
        default_id("1", None, "b", "production"),
        default_id("1", None, "a", "staging"),
        default_id("2", None, "a", "production"),
        default_id(None, None, "a", "production"),
        default_id(None, None, "a", "production"),
    ]
    assert len(set(ids)) == len(ids)
    assert default_id("1", None, "a", "production") == default_id("1", "1", "a", "production")


def test_a_moment_without_an_answer_fails_no_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same body is posted again while nobody answers; in the end the error says so."""
    bodies: list[Any] = []

    def call(_: str, __: str | None, ___: str, *, body: Any) -> str:
        bodies.append(body)
        if len(bodies) < 3:
            message = "away"
            raise RetriableError(message)
        return '{"status": "ok", "id": 1}'

    monkeypatch.setattr(deployed, "call", call)
    monkeypatch.setattr(deployed, "PAUSES_SECONDS", (0.0, 0.0, 0.0))
    assert deployed._post("http://there", None, {"id": "d-1"})["status"] == "ok"
    assert bodies == [{"id": "d-1"}] * 3
    monkeypatch.setattr(deployed, "PAUSES_SECONDS", ())
    bodies.clear()
    with pytest.raises(RetriableError):
        deployed._post("http://there", None, {"id": "d-1"})
