"""What the gateway answers to deliveries, methods, paths and signatures."""

import asyncio
from urllib.parse import urlsplit

from em_agent.integrations.pagerduty.webhook import EVENT_TYPES
from em_agent.kit.postgres import Pool
from tests.deliveries import SECRET, delivery, signature, signed
from tests.parts import Gateway, gateway_on


async def _count(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT (SELECT count(*) FROM events_raw) + (SELECT count(*) FROM quarantine)")
    return count


async def test_a_first_delivery_is_ok_and_the_same_again_a_duplicate(gateway: Gateway, pool: Pool) -> None:
    """The first delivery answers its row's id, and every repetition answers the same id."""
    body = delivery("triggered")
    first = await gateway.post(body)
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/json"
    event_id = first.json()["id"]
    assert first.json() == {"status": "ok", "id": event_id}
    for _ in range(3):
        again = await gateway.post(body)
        assert (again.status_code, again.json()) == (200, {"status": "duplicate", "id": event_id})
    assert await _count(pool) == 1


async def test_the_first_row_of_an_empty_database_is_number_one(gateway: Gateway) -> None:
    """The guide's test delivery, which has neither id nor time, gets id 1."""
    body = b'{"event":{"event_type":"incident.triggered","data":{"id":"PTEST","type":"incident"}}}'
    assert (await gateway.post(body)).content == b'{"status":"ok","id":1}'


async def test_repetitions_leave_no_gaps_worth_mentioning(gateway: Gateway) -> None:
    """A delivery after a repetition is still a first one, with a larger id."""
    first, second = delivery("triggered"), delivery("resolved", 5)
    (one,) = await gateway.store(first)
    await gateway.post(first)
    (two,) = await gateway.store(second)
    assert two > one


async def test_what_is_kept_of_a_delivery(gateway: Gateway, pool: Pool) -> None:
    """The row has the body byte for byte, the envelope's facts, and harmless headers alone."""
    body = b'{ "event": {"id": "01X",\t"event_type":"incident.triggered", "occurred_at":"2026-03-01T13:00:00.123+01:00"}}\n'
    headers = {
        **signed(body),
        "X-Webhook-Id": "w-1",
        "X-Webhook-Subscription": "PSUB",
        "Authorization": "Bearer very-secret",
        "X-Custom": "very-secret",
        "User-Agent": "PagerDuty-Webhook/V3.0",
    }
    await gateway.post(body, headers)
    row = await pool.fetchrow(
        "SELECT source, event_type, delivery_id, payload::text AS payload, occurred_at::text AS occurred_at, "
        "signature, headers::text AS headers, received_at > now() - interval '1 minute' AS is_recent FROM events_raw"
    )
    assert row is not None
    assert row["payload"].encode() == body
    assert (row["source"], row["event_type"], row["delivery_id"]) == ("pagerduty", "incident.triggered", "01X")
    assert row["occurred_at"] == "2026-03-01 12:00:00.123+00"
    assert row["signature"] == signature(body)
    assert "w-1" in row["headers"]
    assert "PSUB" in row["headers"]
    assert "very-secret" not in row["headers"]
    assert row["is_recent"]
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1


async def test_every_event_type_is_taken(gateway: Gateway, pool: Pool) -> None:
    """Every V3 event type, and types that nobody has heard of, are ordinary rows."""
    types = [*sorted(EVENT_TYPES), "incident.invented", "nonsense", "x" * 1000]
    for kind in types:
        body = b'{"event":{"event_type":"%s","data":{"id":"P1"}}}' % kind.encode()
        assert (await gateway.post(body)).json()["status"] == "ok"
    assert {row["event_type"] for row in await pool.fetch("SELECT event_type FROM events_raw")} == set(types)


async def test_other_methods_are_not_allowed(gateway: Gateway) -> None:
    """Any method but POST is 405 with the exact body; HEAD without one, and the connection goes on."""
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await gateway.client.request(method, "/webhooks/pagerduty")
        assert answer.status_code == 405
        assert answer.content == b'{"detail":"Method Not Allowed"}'
        assert answer.headers["allow"] == "POST"
    answer = await gateway.client.head("/webhooks/pagerduty")
    assert (answer.status_code, answer.content) == (405, b"")
    assert (await gateway.client.get("/webhooks/pagerduty")).status_code == 405


async def test_an_unknown_source_is_not_found(gateway: Gateway) -> None:
    """A source that does not exist is 404 in the common error shape, whatever the method."""
    for path in ("/webhooks/nobody", "/webhooks/", "/webhooks/pagerduty/more", "/webhooks/PagerDuty"):
        for method in ("GET", "POST"):
            answer = await gateway.client.request(method, path, headers=signed(b""))
            assert answer.status_code == 404
            assert list(answer.json()) == ["detail"]


async def test_a_trailing_slash_makes_no_difference(gateway: Gateway) -> None:
    """The path with a slash at its end is the same source."""
    body = delivery("triggered")
    assert (await gateway.post(body, source="pagerduty/")).json()["status"] == "ok"
    assert (await gateway.post(body)).json()["status"] == "duplicate"


_WRONG = (
    None, "", "v1=", "v1", "v1=deadbeef", "v2={good}", "{good}", "V1={good}", "v1={GOOD}", "v1={good}0", "v1={short}",
    "v1=zz", ",,,", "v1={other}", "v1={other},v1={other}", "sha256={good}", "v1 = {good}", "v1=\u00e9{good}",
    "v1=" + "a" * 30_000,
)  # fmt: skip


async def test_a_wrong_signature_writes_nothing(gateway: Gateway, pool: Pool) -> None:
    """A signature that is missing, malformed or of something else is 401, and nothing is written."""
    body = delivery("triggered")
    good, other = (signature(body, secret).removeprefix("v1=") for secret in (SECRET, "another"))
    for value in _WRONG:
        headers = {b"Content-Type": b"application/json"}
        if value is not None:
            text = value.replace("{good}", good).replace("{GOOD}", good.upper()).replace("{short}", good[:-1])
            headers[b"X-PagerDuty-Signature"] = text.replace("{other}", other).encode("latin-1")
        answer = await gateway.client.post("/webhooks/pagerduty", content=body, headers=headers)
        assert answer.status_code == 401, value
        assert list(answer.json()) == ["detail"]
    assert await _count(pool) == 0


async def test_a_signature_of_another_body_is_refused(gateway: Gateway, pool: Pool) -> None:
    """Neither a changed body nor one that is unreadable gets in with a signature of something else."""
    headers = signed(delivery("triggered"))
    for body in (delivery("resolved"), b"", b"not json", b"\xff"):
        assert (await gateway.post(body, headers)).status_code == 401
    assert await _count(pool) == 0


async def test_rotation(database_url: str) -> None:
    """With two secrets either one's signature is good, alone or among others; a retired one's is not."""
    async with gateway_on(database_url, PAGERDUTY_WEBHOOK_SECRET=" old , new ") as gateway:
        for secrets in (["old"], ["new"], ["retired", "new"], ["old", "new"]):
            body = delivery("triggered")
            assert (await gateway.post(body, signed(body, *secrets))).status_code == 200
        for secrets in (["retired"], [SECRET], ["old , new"]):
            body = delivery("triggered")
            assert (await gateway.post(body, signed(body, *secrets))).status_code == 401


async def test_signatures_in_two_headers(gateway: Gateway) -> None:
    """Signatures that come in headers of their own count like those in one."""
    body = delivery("triggered")
    pairs = [("X-PagerDuty-Signature", signature(body, "other")), ("X-PagerDuty-Signature", signature(body))]
    answer = await gateway.client.post("/webhooks/pagerduty", content=body, headers=pairs)
    assert answer.status_code == 200


async def test_the_rate_limit(database_url: str, pool: Pool) -> None:
    """Over the limit a delivery is 429 with Retry-After and not written; unsigned ones don't use the limit up."""
    async with gateway_on(database_url, EM_AGENT_RATE_LIMIT_PER_SECOND="3") as gateway:
        for _ in range(20):
            assert (await gateway.post(b"{}", {})).status_code == 401
        answers = [await gateway.post(delivery("triggered")) for _ in range(10)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert [answer.status_code for answer in answers[:3]] == [200] * 3
        assert refused
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert all(list(answer.json()) == ["detail"] for answer in refused)
        assert await _count(pool) == len(answers) - len(refused)


async def test_a_source_without_secret_is_refused_on_a_wider_address(database_url: str, pool: Pool) -> None:
    """Where other machines can reach the gateway, a source without a secret is 403 unless a setting allows it."""
    wide = {"EM_AGENT_HOST": "0.0.0.0", "EM_AGENT_API_KEYS": "key", "PAGERDUTY_WEBHOOK_SECRET": ""}
    async with gateway_on(database_url, **wide) as gateway:
        answer = await gateway.post(delivery("triggered"), {})
        assert answer.status_code == 403
        assert "PAGERDUTY_WEBHOOK_SECRET" in answer.json()["detail"]
        assert await _count(pool) == 0
    async with gateway_on(database_url, **wide, EM_AGENT_ALLOW_UNSIGNED="true") as gateway:
        assert (await gateway.post(delivery("triggered"), {})).status_code == 200


async def test_without_a_secret_signatures_are_not_looked_at(open_gate: Gateway) -> None:
    """On loopback without a secret a delivery counts with any signature and with none."""
    assert (await open_gate.post(delivery("triggered"), {})).status_code == 200
    assert (await open_gate.post(delivery("triggered"), {"X-PagerDuty-Signature": "v1=bad"})).status_code == 200


async def test_one_delivery_from_fifty_connections_at_once(gateway: Gateway, pool: Pool) -> None:
    """Of many equal deliveries at once exactly one is ok and one row is written; all answer its id."""
    body = delivery("triggered")
    answers = [answer.json() for answer in await asyncio.gather(*(gateway.post(body) for _ in range(50)))]
    assert sorted(answer["status"] for answer in answers) == ["duplicate"] * 49 + ["ok"]
    assert len({answer["id"] for answer in answers}) == 1
    assert await _count(pool) == 1


async def test_the_same_deliveries_to_two_gateways_at_once(database_url: str, pool: Pool) -> None:
    """Two gateways that get the same deliveries in different orders write each once, and neither waits for ever."""
    bodies = [delivery("triggered") for _ in range(40)]
    async with gateway_on(database_url) as one, gateway_on(database_url) as two:
        posts = [
            gate.post(body)
            for pair in zip(bodies, reversed(bodies), strict=True)
            for gate, body in zip((one, two), pair, strict=True)
        ]
        answers = [(await post).json() for post in [asyncio.ensure_future(post) for post in posts]]
    statuses = [answer["status"] for answer in answers]
    assert statuses.count("ok") == 40
    assert statuses.count("duplicate") == 40
    assert len({answer["id"] for answer in answers}) == 40
    assert await _count(pool) == 40
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 40


async def test_pipelined_requests_on_one_connection(gateway: Gateway) -> None:
    """Requests sent one behind the other on a connection, without waiting, are answered in their order."""
    bodies = [delivery("triggered") for _ in range(3)]
    host = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    for body in bodies:
        writer.write(_request(body, signature(body)) + body)
    found = b""
    while found.count(b'"status":"ok"') < 3:
        chunk = await asyncio.wait_for(reader.read(65536), 5)
        assert chunk
        found += chunk
    writer.close()
    await writer.wait_closed()


async def test_a_sender_that_leaves_in_the_middle_of_its_body(gateway: Gateway, pool: Pool) -> None:
    """A body that never becomes complete writes nothing, and the next delivery is served."""
    body = delivery("triggered")
    host = urlsplit(gateway.url)
    for _ in range(5):
        _, writer = await asyncio.open_connection(host.hostname, host.port)
        writer.write(_request(body, signature(body)) + body[: len(body) // 2])
        await writer.drain()
        writer.transport.abort()
    await gateway.store(body)
    assert await _count(pool) == 1


async def test_a_sender_that_leaves_without_its_answer(gateway: Gateway, pool: Pool) -> None:
    """A complete delivery whose sender hangs up is stored or not, but its resend is always answered."""
    host = urlsplit(gateway.url)
    bodies = [delivery("triggered") for _ in range(10)]
    for body in bodies:
        _, writer = await asyncio.open_connection(host.hostname, host.port)
        writer.write(_request(body, signature(body)) + body)
        await writer.drain()
        writer.transport.abort()
    for body in bodies:
        assert (await gateway.post(body)).json()["status"] in {"ok", "duplicate"}
    assert await _count(pool) == 10


def _request(body: bytes, value: str) -> bytes:
    return (
        b"POST /webhooks/pagerduty HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"X-PagerDuty-Signature: %s\r\nContent-Length: %d\r\n\r\n" % (value.encode(), len(body))
    )
