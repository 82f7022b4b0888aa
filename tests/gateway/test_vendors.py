"""What only one vendor does: forms, pings, stamps of time, long bodies."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import httpx2
import pytest

from em_agent.events.message import PAYLOAD_LIMIT_BYTES
from em_agent.events.outbox import unpublished
from em_agent.integrations.registry import SOURCES
from em_agent.integrations.source import MEBIBYTE
from em_agent.kit.postgres import Pool
from tests.parts import Gateway, gateway_on
from tests.payloads import payload_files
from tests.sending import body_of_case, named, proof, sent_at

SECRET = "s3cr3t+/="
GITHUB, JIRA, LINEAR = (SOURCES[name] for name in ("github", "jira", "linear"))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def vendors(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway that knows everybody's secret."""
    secrets = {source.secret_env: SECRET for source in SOURCES.values() if source.secret_env}
    async with gateway_on(database_url, **secrets) as gateway:
        yield gateway


async def _github(
    gateway: Gateway, case: str, body: bytes, delivery_id: str | None = None, **headers: str
) -> httpx2.Response:
    sent = named(GITHUB, case, delivery_id) | proof(GITHUB, body, SECRET) | headers
    return await gateway.post(body, sent, "github")


async def test_a_form_is_kept_as_its_json(vendors: Gateway, pool: Pool) -> None:
    """A form-encoded delivery is signed as it came, and kept as the JSON in its field, like the same as JSON."""
    for case in payload_files("github"):
        text = body_of_case(GITHUB, case)
        for form in (urlencode({"payload": text}).encode(), b"a=1&payload=" + quote(text).encode() + b"&b=2"):
            answer = await _github(vendors, case, form, **FORM)
            assert answer.json()["status"] == "ok", answer.text
            row = await pool.fetchrow(
                "SELECT event_type, payload::text FROM events_raw WHERE id = $1", answer.json()["id"]
            )
            assert row is not None
            assert row["payload"].encode() == text
            assert row["event_type"] == case.partition("--")[0]
    form = urlencode({"payload": "{}"}).encode()
    wrong = named(GITHUB, "push") | proof(GITHUB, b"{}", SECRET) | FORM
    assert (await vendors.post(form, wrong, "github")).status_code == 401


@pytest.mark.parametrize(
    "form",
    [b"", b"payload=", b"payload", b"other=%7B%7D", b"payload=%5B1%5D", b"payload=%ff", b"payload=%7B%00%7D", b"%%%"],
)
async def test_a_form_that_holds_no_object_is_set_aside(vendors: Gateway, pool: Pool, form: bytes) -> None:
    """A signed form without an object in it is kept apart, byte for byte as it came."""
    answer = await _github(vendors, "push", form, **FORM)
    assert answer.json()["status"] == "quarantined"
    assert await pool.fetchval("SELECT body FROM quarantine WHERE id = $1", answer.json()["id"]) == form


async def test_json_that_is_called_a_form_is_read(vendors: Gateway) -> None:
    """A JSON body that lies about its type is read as what it is."""
    answer = await _github(vendors, "push", body_of_case(GITHUB, "push"), **FORM)
    assert answer.json()["status"] == "ok"


async def test_ping(vendors: Gateway, pool: Pool) -> None:
    """GitHub's ping is answered 200, and kept as what it is."""
    answer = await _github(vendors, "ping", body_of_case(GITHUB, "ping"))
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert await pool.fetchval("SELECT event_type FROM events_raw") == "ping"


async def test_the_header_names_the_delivery(vendors: Gateway, pool: Pool) -> None:
    """The same body under two ids is two deliveries; under one id, sent again by hand, it is one."""
    body = body_of_case(GITHUB, "push")
    first = await _github(vendors, "push", body, "id-1")
    assert (await _github(vendors, "push", body, "id-1")).json() == {"status": "duplicate", "id": first.json()["id"]}
    assert (await _github(vendors, "push", body, "id-2")).json()["status"] == "ok"
    assert (await _github(vendors, "push", body, "x" * 201)).json()["status"] == "ok"
    ids = [row["delivery_id"] for row in await pool.fetch("SELECT delivery_id FROM events_raw ORDER BY id")]
    assert ids[:2] == ["id-1", "id-2"]
    assert ids[2:] == [hashlib.sha256(body).hexdigest()]


async def test_one_delivery_over_many_connections(vendors: Gateway, pool: Pool) -> None:
    """The same delivery, sent at once over many connections, is one row, and every answer names it."""
    body = body_of_case(GITHUB, "push")
    answers = await asyncio.gather(*(_github(vendors, "push", body, "same") for _ in range(30)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.json()["status"] for answer in answers) == ["duplicate"] * 29 + ["ok"]
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1


async def test_an_unknown_event_is_kept(vendors: Gateway, pool: Pool) -> None:
    """An event that nobody has heard of is an ordinary row under its own name."""
    for event, body, kept in (
        ("star", b'{"action":"created"}', "star.created"),
        ("fork", b"{}", "fork"),
        ("odd", b'{"action":5}', "odd"),
    ):
        answer = await _github(vendors, event, body)
        assert answer.json()["status"] == "ok"
        assert await pool.fetchval("SELECT event_type FROM events_raw WHERE id = $1", answer.json()["id"]) == kept


async def test_the_older_signature_proves_nothing(vendors: Gateway) -> None:
    """GitHub's SHA-1 header beside a wrong or missing SHA-256 one does not let a delivery in."""
    body = body_of_case(GITHUB, "push")
    right = proof(GITHUB, body, SECRET)["x-hub-signature-256"]
    for headers in (
        {"X-Hub-Signature": right},
        {"X-Hub-Signature": right, "X-Hub-Signature-256": "sha256=" + "0" * 64},
    ):
        assert (await vendors.post(body, named(GITHUB, "push") | headers, "github")).status_code == 401


async def test_linear_sends_just_now_or_not_at_all(vendors: Gateway, pool: Pool) -> None:
    """A signed body that says it was sent over a minute ago or ahead is 401; within a minute, either way, it is taken."""
    now, body = time.time(), body_of_case(LINEAR, "Issue.update")
    for seconds, status in ((-62, 401), (-3600, 401), (63, 401), (-50, 200), (50, 200), (0, 200)):
        sent = sent_at(body, now + seconds)
        headers = named(LINEAR, "Issue.update") | proof(LINEAR, sent, SECRET)
        assert (await vendors.post(sent, headers, "linear")).status_code == status, seconds
    wrong = sent_at(body, now)
    headers = named(LINEAR, "Issue.update") | proof(LINEAR, wrong, "another")
    assert "signature" in (await vendors.post(wrong, headers, "linear")).json()["detail"]
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 3


async def test_a_retry_of_linears_is_the_same_delivery(vendors: Gateway) -> None:
    """A try again has another stamp and another signature, but the id of the first: it is a duplicate."""
    answers = []
    for seconds in (-30, 0):
        body = sent_at(body_of_case(LINEAR, "Issue.update"), time.time() + seconds)
        headers = named(LINEAR, "Issue.update", "234d1a4e") | proof(LINEAR, body, SECRET)
        answers.append((await vendors.post(body, headers, "linear")).json())
    assert answers[1] == {"status": "duplicate", "id": answers[0]["id"]}


async def test_clocks_that_disagree(vendors: Gateway, pool: Pool) -> None:
    """A vendor's clock that is years off, or written as a text, is written down as it is, and refuses nothing."""
    stamps = (
        (4_000_000_000_000, "2096-10-02 07:06:40+00"), (1, "1970-01-01 00:00:00.001+00"), (-5, None),
        ("2009-09-09T00:08:36.796-0500", "2009-09-09 05:08:36.796+00"), ("yesterday", None),
    )  # fmt: skip
    for stamp, kept in stamps:
        body = json.dumps({"webhookEvent": "jira:issue_created", "timestamp": stamp}).encode()
        answer = await vendors.post(body, named(JIRA, "jira:issue_created") | proof(JIRA, body, SECRET), "jira")
        occurred_at = await pool.fetchval("SELECT occurred_at::text FROM events_raw WHERE id = $1", answer.json()["id"])
        assert occurred_at == kept


def _long(length: int, extra: str = "") -> bytes:
    head = b'{"ref":"refs/heads/main","commits":["'
    tail = b'"]%s}' % extra.encode()
    return head + b"x" * (length - len(head) - len(tail)) + tail


async def test_as_long_as_github_sends(vendors: Gateway, pool: Pool) -> None:
    """A body of just 25 MiB is stored, as JSON and as a form, and its message leaves it out; one byte more is 413."""
    text = _long(25 * MEBIBYTE)
    answer = await _github(vendors, "push", text)
    assert answer.json()["status"] == "ok"
    assert (await _github(vendors, "push", text + b" ")).status_code == 413
    form = b"payload=" + quote(_long(8 * MEBIBYTE)).encode().replace(b"x", b"%78")
    assert len(form) <= 25 * MEBIBYTE
    assert (await _github(vendors, "push", form, **FORM)).json()["status"] == "ok"
    assert await pool.fetchval("SELECT count(*) FROM events_raw WHERE payload->>'ref' = 'refs/heads/main'") == 2
    async with pool.acquire() as connection:
        rows = await unpublished(connection, ["github"], after=0, limit=10)
    assert [row["payload"] for row in rows] == [None, None]
    assert len(text) > PAYLOAD_LIMIT_BYTES


async def test_long_bodies_hold_up_no_short_ones(vendors: Gateway) -> None:
    """While the room for long bodies is taken by one that never ends, short deliveries pass and a long one is told 503."""
    forged = {"X-Hub-Signature-256": f"sha256={'0' * 64}"}
    going, body = asyncio.Event(), body_of_case(GITHUB, "push")

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        going.set()
        await asyncio.Event().wait()

    hanging = asyncio.create_task(vendors.client.post("/webhooks/github", content=endless(), headers=forged))
    await going.wait()
    long = asyncio.create_task(_github(vendors, "push", _long(20 * MEBIBYTE)))
    for n in range(20):
        assert (await _github(vendors, "push", body, f"short-{n}")).json()["status"] == "ok"
    answer = await long
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    async with asyncio.timeout(10):
        while (await _github(vendors, "push", _long(2 * MEBIBYTE), "again")).status_code != 200:
            await asyncio.sleep(0)


async def test_who_proves_nothing_fills_no_memory(vendors: Gateway) -> None:
    """A long body without a signature is refused before any of it is held."""
    assert (await vendors.post(b"x" * (3 * MEBIBYTE), named(GITHUB, "push"), "github")).status_code == 401
