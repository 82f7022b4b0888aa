"""Exactly one answer, whatever dies or refuses in between."""

import asyncio
import itertools
import json
import time
from urllib.parse import urlencode

import pytest

from em_agent.errors import RetriableError
from em_agent.kit.postgres import Pool
from em_agent.slack import jobs, kept
from em_agent.slack import worker as working
from em_agent.slack.poster import Poster
from tests.fake_slack import FakeSlack, Rule
from tests.parts import Gateway
from tests.slack.happenings import happened, tell
from tests.slack.part import Answering, StandInTeller, answering_on
from tests.waiting import eventually


async def all_done(pool: Pool) -> bool:
    """Whether no job is left to do."""
    return bool(await pool.fetchval("SELECT count(*) = 0 FROM slack_jobs WHERE finished_at IS NULL"))


async def test_acknowledged_while_answers_take_long(
    slack: FakeSlack, app: Gateway, answering: Answering, pool: Pool
) -> None:
    """Commands are acknowledged in well under a second while every answer hangs, and each is answered once it may."""
    answering.teller.may_answer.clear()
    acks = [await slack.command(app.url, f"ask question {n}") for n in range(20)]
    acks += await asyncio.gather(*(slack.command(app.url, f"ask question {n}") for n in range(20, 40)))
    assert all(ack.is_timely for ack in acks)
    assert max(ack.seconds for ack in acks) < 1
    assert slack.conversations.said == []
    answering.teller.may_answer.set()
    await eventually(lambda: all_done(pool))
    assert len(slack.conversations.private()) == 40


async def test_a_worker_that_hangs_is_replaced(
    database_url: str, slack: FakeSlack, app: Gateway, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a copy stops saying that it works, another one answers; the first one's answer is not sent any more."""
    hanging = StandInTeller()
    async with answering_on(database_url, pool, slack, teller=hanging):
        await slack.command(app.url, "ask why?")
        await eventually(lambda: hanging.asked)
        await pool.execute("UPDATE slack_jobs SET lease = gen_random_uuid(), due_at = now()")  # as if it ran out
        async with answering_on(database_url, pool, slack) as other:
            await eventually(lambda: len(slack.conversations.private()) == 1)
            assert [question for question, _ in other.teller.asked] == ["why?"]
            hanging.may_answer.set()
            await eventually(lambda: all_done(pool))
            await asyncio.sleep(0.3)  # the first copy would send now
    assert len(slack.conversations.private()) == 1


async def test_a_stop_puts_jobs_back(database_url: str, slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """A worker that is told to stop leaves what it has begun to the next one, at once."""
    async with answering_on(database_url, pool, slack, teller=StandInTeller()) as first:
        await slack.command(app.url, "ask why?")
        await eventually(lambda: first.teller.asked)
    started = time.monotonic()
    async with answering_on(database_url, pool, slack):
        await eventually(slack.conversations.private)
    assert time.monotonic() - started < 5


async def test_what_passes_is_tried_again(slack: FakeSlack, app: Gateway, answering: Answering, pool: Pool) -> None:
    """An answer that cannot be found out now is looked for again."""
    answering.teller.errors = [RetriableError("the memory is away")]
    await slack.command(app.url, "ask why?")
    await eventually(slack.conversations.private)
    assert len(answering.teller.asked) == 2
    await eventually(lambda: all_done(pool))


async def test_what_fails_is_owned_up_to(slack: FakeSlack, app: Gateway, answering: Answering, pool: Pool) -> None:
    """Who asked what breaks the search for an answer hears so, once, and others are not kept waiting."""
    answering.teller.errors = [ValueError("a mistake of ours")]
    await slack.command(app.url, "ask why?")
    said = await eventually(slack.conversations.private)
    assert "Something went wrong" in said[0].words
    await slack.command(app.url, "ask why not?")
    await eventually(lambda: len(slack.conversations.private()) == 2)
    await eventually(lambda: all_done(pool))


@pytest.mark.usefixtures("answering")
async def test_rate_limit_is_waited_for(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """Slack's Retry-After is obeyed, and the answer comes once."""
    slack.rule("response_url", Rule(status=429, retry_after=2, times=2))
    await slack.command(app.url, "help")
    await eventually(slack.conversations.private)
    await eventually(lambda: all_done(pool))
    times = [at for method, _, at in slack.calls if method == "response_url"]
    assert len(times) == 3
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(times))
    assert len(slack.conversations.private()) == 1


@pytest.mark.usefixtures("answering")
async def test_an_answer_whose_receipt_is_lost_comes_once(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """Slack has the answer, but says that it failed: the second attempt takes the place of the first."""
    slack.rule("response_url", Rule(status=500, times=1, lets_through=False))
    await slack.command(app.url, "help")
    await eventually(lambda: all_done(pool))
    bodies = [body for method, body, _ in slack.calls if method == "response_url"]
    assert [body["replace_original"] for body in bodies] == [False, True]
    assert len(slack.conversations.private()) == 1


@pytest.mark.usefixtures("answering")
async def test_an_answer_in_a_thread_whose_receipt_is_lost_comes_once(
    slack: FakeSlack, app: Gateway, pool: Pool
) -> None:
    """A message that may have arrived is looked for before it is sent again."""
    slack.rule("chat.postMessage", Rule(status=502, times=1, lets_through=True))
    payload = slack.event_payload(type="app_mention", text="<@UBOT> why?", channel="C1", ts="111.1")
    await slack.event(app.url, payload)
    await eventually(lambda: all_done(pool))
    assert len(slack.conversations.public("C1", "111.1")) == 1
    assert [method for method, _, _ in slack.calls] == ["chat.postMessage", "conversations.replies"]


async def test_killed_while_sending(database_url: str, slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """After a kill in the middle of sending, the answer is sent in the place of what may have arrived."""
    await slack.command(app.url, "help")
    async with answering_on(database_url, pool, slack):
        await eventually(lambda: all_done(pool))
    url = slack.url.replace("/api/", "/response/r1")
    await pool.execute(
        "UPDATE slack_jobs SET finished_at = NULL, is_sending = true, sent_count = 0, due_at = now(), messages = $1",
        json.dumps([{"text": "again", "blocks": [], "response_url": url, "is_private": True}]),
    )
    async with answering_on(database_url, pool, slack):
        await eventually(lambda: all_done(pool))
    [said] = slack.conversations.private()
    assert said.text == "again"


@pytest.mark.usefixtures("answering")
async def test_refused_for_good(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """An archived channel ends the job, with the reason; the next one is answered."""
    slack.archived.add("C1")
    await slack.event(app.url, slack.event_payload(type="app_mention", text="<@UBOT> why?", channel="C1"))
    await eventually(lambda: all_done(pool))
    assert await pool.fetchval("SELECT error FROM slack_jobs") == "Slack refuses it: is_archived."
    await slack.event(app.url, slack.event_payload(type="app_mention", text="<@UBOT> why?", channel="C2"))
    await eventually(lambda: len(slack.conversations.said) == 1)


@pytest.mark.usefixtures("answering")
async def test_expired_address(slack: FakeSlack, app: Gateway) -> None:
    """Where the request's own address is no longer good, the answer comes by the channel."""
    slack.rule("response_url", Rule(status=404, error="expired_url"))
    await slack.command(app.url, "help")
    [said] = await eventually(slack.conversations.private)
    assert slack.calls[-1][0] == "chat.postEphemeral"
    assert said.channel == "CGENERAL"


@pytest.mark.usefixtures("answering")
async def test_answers_go_to_slack_alone(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """An address elsewhere is never posted to."""
    async with FakeSlack() as elsewhere:
        fields = {**slack.command_fields("help"), "response_url": elsewhere.url.replace("127.0.0.1", "localhost")}

        await slack.send(app.url, "/slack/commands", urlencode(fields).encode())
        await eventually(lambda: all_done(pool))
        assert elsewhere.calls == []
    assert [method for method, _, _ in slack.calls] == ["chat.postEphemeral"]


@pytest.mark.usefixtures("answering")
async def test_nothing_stays_of_what_was_asked(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """Of a finished request only its key is kept."""
    await tell(pool, happened("triggered"))
    await slack.command(app.url, "incident 42")
    await eventually(lambda: all_done(pool))
    row = await pool.fetchrow("SELECT payload, messages, key FROM slack_jobs")
    assert row is not None
    assert (row["payload"], row["messages"]) == ("{}", None)
    await pool.execute("UPDATE slack_jobs SET finished_at = now() - interval '31 days'")
    await jobs.tidy(pool)
    assert await pool.fetchval("SELECT count(*) FROM slack_answers") == 0


@pytest.mark.usefixtures("answering")
async def test_blocks_that_slack_refuses(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """Where Slack does not take the blocks, whoever asked still gets the words."""
    slack.rule("response_url", Rule(status=400, error="invalid_blocks", when=lambda body: bool(body.get("blocks"))))
    await tell(pool, happened("triggered"))
    await slack.command(app.url, "incident 42")
    [said] = await eventually(slack.conversations.private)
    assert "The database is down" in said.text
    assert said.blocks == []


@pytest.mark.parametrize("step", ["keep", "send"])
async def test_what_fails_after_the_search_ends(  # noqa: PLR0913 - fixtures
    slack: FakeSlack, app: Gateway, answering: Answering, pool: Pool, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """An answer that can never be kept, or sent, is not looked for for ever: who asked hears so, once."""

    async def fail(*_: object, **__: object) -> None:
        raise ValueError(step)

    monkeypatch.setattr(working, "LONGEST_BACKOFF_SECONDS", 0.05)
    if step == "keep":
        monkeypatch.setattr(kept, "keep", fail)
    else:
        monkeypatch.setattr(Poster, "_send", fail)
    await slack.command(app.url, "ask why?")
    await eventually(lambda: all_done(pool))
    assert step in await pool.fetchval("SELECT error FROM slack_jobs")
    assert len(answering.teller.asked) == (working.ATTEMPTS if step == "keep" else 1)
    assert ["Something went wrong" in said.words for said in slack.conversations.private()] == [True] * (step == "keep")


async def test_a_question_that_ends_the_worker(database_url: str, slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """A question over which the worker died several times is not asked once more; who asked hears so."""
    await slack.command(app.url, "ask why?")
    await pool.execute("UPDATE slack_jobs SET attempts = $1", working.ATTEMPTS)
    async with answering_on(database_url, pool, slack) as part:
        await eventually(lambda: all_done(pool))
        assert part.teller.asked == []
    [said] = slack.conversations.private()
    assert "Something went wrong" in said.words
