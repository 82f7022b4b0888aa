"""What is let in, what is acknowledged when, and what is written down of it."""

import asyncio
import json
import time
from urllib.parse import urlencode

import pytest

from em_agent.kit.postgres import Pool
from tests.fake_slack import FakeSlack
from tests.fake_slack.server import SIGNING_SECRET, signed
from tests.faults import proxy_before
from tests.parts import Gateway, gateway_on

PATHS = ("/slack/commands", "/slack/interactions", "/slack/events")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def kept(pool: Pool) -> int:
    """How many requests are written down."""
    count: int = await pool.fetchval("SELECT count(*) FROM slack_jobs")
    return count


def body_for(path: str, slack: FakeSlack) -> bytes:
    """A body that the path takes."""
    if path == "/slack/events":
        return json.dumps(slack.event_payload(type="app_mention", text="<@UBOT> hi", channel="C1")).encode()
    if path == "/slack/commands":
        return urlencode(slack.command_fields("help")).encode()
    return urlencode({"payload": json.dumps({"type": "block_actions", "trigger_id": "t1", "actions": []})}).encode()


@pytest.mark.parametrize("path", PATHS)
async def test_only_what_is_signed_is_taken(path: str, slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """A signature that is missing, of another secret, of another body, stale, early or odd is 401 and writes nothing."""
    body = body_for(path, slack)
    now = time.time()
    wrong: list[dict[str, str]] = [
        {},
        {"X-Slack-Signature": signed(body)["X-Slack-Signature"]},
        {"X-Slack-Request-Timestamp": str(int(now))},
        signed(body, secret="another"),
        signed(body + b" "),
        signed(body, at=now - 301),
        signed(body, at=now + 302),
        {**signed(body), "X-Slack-Request-Timestamp": "soon"},
        {**signed(body), "X-Slack-Request-Timestamp": ""},
        {**signed(body), "X-Slack-Request-Timestamp": "9" * 400},
        {**signed(body), "X-Slack-Signature": "v0="},
        {**signed(body), "X-Slack-Signature": "v0=" + "0" * 64},
        {**signed(body), "X-Slack-Signature": signed(body)["X-Slack-Signature"].replace("v0", "v1")},
    ]
    for headers in wrong:
        answer = await app.client.post(path, content=body, headers={**FORM, **headers})
        assert answer.status_code == 401, headers
        assert set(answer.json()) == {"detail"}
    stamp = signed(body)["X-Slack-Request-Timestamp"].encode()
    odd = await app.client.post(
        path, content=body, headers=[(b"X-Slack-Request-Timestamp", stamp), (b"X-Slack-Signature", b"v0=\xe9\xff")]
    )
    assert odd.status_code == 401
    assert await kept(pool) == 0
    edge = await app.client.post(path, content=body, headers={**FORM, **signed(body, at=now - 290)})
    assert (edge.status_code, edge.content) == (200, b"")
    assert await kept(pool) == 1


async def test_challenge_has_to_be_signed(app: Gateway) -> None:
    """The question for the address is answered with its own text, if it is signed."""
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB"}).encode()
    assert (await app.client.post("/slack/events", content=body)).status_code == 401
    answer = await app.client.post("/slack/events", content=body, headers=signed(body))
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aB"})


@pytest.mark.parametrize("path", PATHS)
async def test_not_there_without_a_secret(path: str, database_url: str, slack: FakeSlack) -> None:
    """Without the signing secret the endpoints are not there, whatever is sent."""
    body = body_for(path, slack)
    async with gateway_on(database_url, SLACK_BOT_TOKEN="xoxb-1") as gateway:
        answer = await gateway.client.post(path, content=body, headers=signed(body))
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail"}


async def test_several_secrets(database_url: str, slack: FakeSlack) -> None:
    """While a secret is replaced, both are good."""
    async with gateway_on(database_url, SLACK_SIGNING_SECRET=f"new-one,{SIGNING_SECRET}") as gateway:
        assert (await slack.command(gateway.url, "help")).is_timely
        body = body_for("/slack/commands", slack)
        answer = await gateway.client.post("/slack/commands", content=body, headers=signed(body, secret="new-one"))
        assert answer.status_code == 200


async def test_guard_lets_slack_through(database_url: str, slack: FakeSlack) -> None:
    """Slack comes with a foreign Host and without a key: its signature is what counts."""
    body = body_for("/slack/commands", slack)
    async with gateway_on(database_url, **slack.settings) as gateway:
        answer = await gateway.client.post(
            "/slack/commands", content=body, headers={**signed(body), "Host": "em.example.com"}
        )
        assert answer.status_code == 200
    async with gateway_on(database_url, EM_AGENT_API_KEYS="k", **slack.settings) as gateway:
        answer = await gateway.client.post("/slack/commands", content=body, headers=signed(body))
        assert answer.status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_the_same_request_is_written_down_once(path: str, slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """A request that is sent again, at once or many times at a time, is acknowledged and changes nothing."""
    body = body_for(path, slack)
    answers = await asyncio.gather(*(slack.send(app.url, path, body) for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    assert await kept(pool) == 1


async def test_the_same_words_twice_are_two_requests(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """Who says the same thing again wants another answer."""
    await slack.command(app.url, "incidents")
    await slack.command(app.url, "incidents")
    assert await kept(pool) == 2


async def test_nonsense(app: Gateway, pool: Pool) -> None:
    """Signed nonsense is refused in a sentence; a body that is too long, and a wrong method, too."""
    for path, body in [
        ("/slack/commands", b"text=help"),
        ("/slack/interactions", b"payload=nothing"),
        ("/slack/interactions", b"payload=[1]"),
        ("/slack/events", b"{"),
        ("/slack/events", b"[]"),
    ]:
        answer = await app.client.post(path, content=body, headers=signed(body))
        assert answer.status_code == 400, body
        assert set(answer.json()) == {"detail"}
    long = b"text=" + b"x" * (1024 * 1024)
    assert (await app.client.post("/slack/commands", content=long, headers=signed(long))).status_code == 413
    assert (await app.client.get("/slack/commands")).status_code == 405
    assert (await app.client.post("/slack/commands", headers={"Host": "[::1"})).status_code == 401
    assert (await app.client.post("/slack/other")).status_code == 404
    assert await kept(pool) == 0


async def test_odd_characters_are_kept(slack: FakeSlack, app: Gateway, pool: Pool) -> None:
    """What PostgreSQL's own types refuse is written down all the same."""
    fields = {**slack.command_fields("ask \x00 \U0001f525"), "trigger_id": "t\x00"}
    assert (await slack.send(app.url, "/slack/commands", urlencode(fields).encode())).is_timely
    assert await kept(pool) == 1


async def test_slow_database(database_url: str, pool: Pool, slack: FakeSlack) -> None:
    """While the database hangs, a command is answered in words and an event with 503, within Slack's three seconds."""
    async with proxy_before(database_url) as (proxy, url), gateway_on(url, **slack.settings) as gateway:
        assert (await slack.command(gateway.url, "help")).is_timely
        proxy.stall()
        ack = await slack.command(gateway.url, "incidents")
        assert ack.is_timely
        assert "could not take this" in json.loads(ack.body)["text"]
        assert json.loads(ack.body)["response_type"] == "ephemeral"
        payload = slack.event_payload(type="app_mention", text="<@UBOT> why?", channel="C1")
        [ack] = await slack.event(gateway.url, payload, times=1)
        assert ack.status == 503
        assert ack.seconds < 3
        await proxy.restore()
        assert [ack.status for ack in await slack.event(gateway.url, payload, times=10)][-1] == 200
        key = f"event:{payload['event_id']}"
        assert await pool.fetchval("SELECT count(*) FROM slack_jobs WHERE key = $1", key) == 1


async def test_no_database(database_url: str, slack: FakeSlack) -> None:
    """Without the database nothing is acknowledged as taken."""
    async with proxy_before(database_url) as (proxy, url), gateway_on(url, **slack.settings) as gateway:
        await proxy.cut()
        ack = await slack.command(gateway.url, "help")
        assert "could not take this" in json.loads(ack.body)["text"]
        assert [ack.status for ack in await slack.event(gateway.url, slack.event_payload(type="x"), times=2)] == [
            503,
            503,
        ]


async def test_slack_is_asked_nothing_before_the_acknowledgement(slack: FakeSlack, app: Gateway) -> None:
    """The gateway calls no method of Slack's."""
    for path in PATHS:
        assert (await slack.send(app.url, path, body_for(path, slack))).is_timely
    assert slack.calls == []
