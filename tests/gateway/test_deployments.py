"""`POST /webhooks/deployment`: who may post, what is refused, what is kept."""

import hashlib
import json
from typing import Any

import pytest

from em_agent.kit.postgres import Pool
from tests.parts import Gateway, gateway_on

BODY: dict[str, Any] = {
    "id": "d-1",
    "service": "checkout",
    "environment": "production",
    "status": "success",
    "finished_at": "2026-03-01T10:00:00+01:00",
    "approved_by": {"name": "Mira"},
}
JSON = {"Content-Type": "application/json"}


def _body(**fields: Any) -> bytes:
    return json.dumps({**BODY, **fields}).encode()


async def _rows(pool: Pool) -> int:
    count: int = await pool.fetchval(
        "SELECT (SELECT count(*) FROM events_raw) + (SELECT count(*) FROM outbox) + (SELECT count(*) FROM quarantine)"
    )
    return count


async def test_what_is_kept(gateway: Gateway, pool: Pool) -> None:
    """The body is kept as it came, further fields too; the status is the type, the finish the time, the hash the id."""
    body = _body()
    first = await gateway.post(body, JSON, "deployment")
    assert first.json() == {"status": "ok", "id": first.json()["id"]}
    assert (await gateway.post(body, JSON, "deployment")).json() == {"status": "duplicate", "id": first.json()["id"]}
    row = await pool.fetchrow(
        "SELECT source, event_type, delivery_id, occurred_at::text, payload::text, signature, headers::text "
        "FROM events_raw"
    )
    assert row is not None
    digest = hashlib.sha256(body).hexdigest()
    assert tuple(row)[:4] == ("deployment", "deployment.success", digest, "2026-03-01 09:00:00+00")
    assert row["payload"].encode() == body
    assert row["signature"] is None
    changed = await gateway.post(_body(status="failure"), JSON, "deployment")
    assert changed.json()["status"] == "ok"


async def test_a_key_is_asked_where_keys_are(database_url: str, pool: Pool) -> None:
    """With keys set a post without a right one is 401, says what is asked, and writes nothing, whatever its body is."""
    async with gateway_on(database_url, EM_AGENT_API_KEYS="one,two") as gateway:
        wrong = [{}, {"Authorization": "Bearer three"}, {"Authorization": "one"}, {"Authorization": "Basic one"},
                 {"Authorization": "Bearer one,two"}]  # fmt: skip
        for headers in wrong:
            for body in (_body(), b"", b"not json", b"x" * 600_000):
                answer = await gateway.post(body, {**JSON, **headers}, "deployment")
                assert (answer.status_code, list(answer.json())) == (401, ["detail"])
                assert answer.headers["www-authenticate"] == "Bearer"
        assert await _rows(pool) == 0
        for key in ("one", "two"):
            headers = {**JSON, "Authorization": f"Bearer {key}", "Host": "em-agent.example.com"}
            assert (await gateway.post(_body(id=key), headers, "deployment")).status_code == 200


async def test_without_keys_this_machine_alone_may_post(gateway: Gateway, pool: Pool) -> None:
    """Without keys a post with a foreign Host or Origin is 403 and writes nothing."""
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = await gateway.post(_body(), {**JSON, **headers}, "deployment")
        assert (answer.status_code, list(answer.json())) == (403, ["detail"])
    assert await _rows(pool) == 0


async def test_a_wrong_body_is_refused(gateway: Gateway, pool: Pool) -> None:
    """A body that lacks something or says it wrongly is 422 with the field named, and writes nothing."""
    wrong = [
        ("service", _body(service=None)), ("status", _body(status="done")), ("sha", _body(sha="not one")),
        ("finished_at", _body(finished_at="soon")), ("finished_at", _body(finished_at=None)), ("kind", _body(kind="odd")),
        ("id", b"{}"),
    ]  # fmt: skip
    for name, body in wrong:
        answer = await gateway.post(body, JSON, "deployment")
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(f"{name}: ")
    assert await _rows(pool) == 0


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"not json", b"[1]", b'"x"', b"null", b"\xff\xfe", b"service=checkout", b"{} {}",
     _body(service="a\x00b"), _body(note="\x00"), _body(note="\ud800"), _body()[:-1]],
)  # fmt: skip
async def test_what_is_no_object_is_refused(gateway: Gateway, pool: Pool, body: bytes) -> None:
    """A body that cannot be read is 422 with a sentence: nothing of it is kept, since its sender can mend it."""
    answer = await gateway.post(body, JSON, "deployment")
    assert (answer.status_code, list(answer.json())) == (422, ["detail"])
    assert await _rows(pool) == 0


async def test_odd_numbers_and_depths_are_kept(gateway: Gateway, pool: Pool) -> None:
    """What only PostgreSQL reads in a further field does not keep a deployment out."""
    deep = '{"x":' * 1500 + "1" + "}" * 1500
    for extra in ('"n": 1e999', f'"n": {"9" * 400}', f'"n": {deep}'):
        body = f"{_body().decode()[:-1]}, {extra}}}".encode()
        assert (await gateway.post(body, JSON, "deployment")).json()["status"] == "ok"
    assert await pool.fetchval("SELECT count(*) FROM events_raw WHERE payload->>'service' = 'checkout'") == 3


async def test_the_rate_limit_holds(database_url: str) -> None:
    """More posts a second than the setting allows are 429."""
    async with gateway_on(database_url, EM_AGENT_RATE_LIMIT_PER_SECOND="1") as gateway:
        answers = [await gateway.post(_body(id=n), JSON, "deployment") for n in range(4)]
    assert {answer.status_code for answer in answers} == {200, 429}
