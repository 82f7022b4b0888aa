"""What every source of webhooks owes, tested over the registry of them all."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from em_agent.domain.deliveries import StoredEvent
from em_agent.integrations.readers import LONGEST_DELIVERY_ID, LONGEST_EVENT_TYPE
from em_agent.integrations.registry import INCIDENT_READERS, SOURCES
from em_agent.integrations.source import HmacSha256, WebhookSource
from em_agent.kit.postgres import Pool
from tests.parts import Gateway, gateway_on
from tests.payloads import event_type_of, payload, payload_files
from tests.sending import API_KEY, body_of_case, digest, named, proof

ROOT = Path(__file__).parents[2]
SECRET, OLD = "one+two/three=", "older"
# What states no time of its own: a deletion only that of the change before it.
TIMELESS = {"github": {"ping", "issues.deleted", "issue_comment.deleted"}}

SIGNED = {name: source for name, source in SOURCES.items() if source.signature is not None}
EVERY = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
EVERY_SIGNED = pytest.mark.parametrize("source", SIGNED.values(), ids=SIGNED)


@asynccontextmanager
async def gate(source: WebhookSource, database_url: str, **environment: str) -> AsyncIterator[Gateway]:
    """A gateway that knows two secrets of the source, or a key where nobody signs."""
    known = {source.secret_env: f"{OLD},{SECRET}"} if source.secret_env else {"EM_AGENT_API_KEYS": f"other,{API_KEY}"}
    async with gateway_on(database_url, **{**known, **environment}) as gateway:
        yield gateway


def first_case(source: WebhookSource) -> str:
    """The name of one of the source's payload files."""
    return next(iter(payload_files(source.name)))


def scheme_of(source: WebhookSource) -> tuple[HmacSha256, str]:
    """How the source is signed, and the setting of its secret."""
    assert source.signature is not None
    assert source.secret_env is not None
    return source.signature, source.secret_env


@EVERY
async def test_redelivery(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """Each payload file is an ordinary row, and sent again it is a duplicate with the same id."""
    cases = list(payload_files(source.name))
    bodies = [body_of_case(source, case) for case in cases]
    async with gate(source, database_url) as gateway:
        for case, body in zip(cases, bodies, strict=True):
            headers = named(source, case)
            first = await gateway.post(body, headers | proof(source, body, SECRET), source.name)
            assert first.json()["status"] == "ok", first.text
            again = await gateway.post(body, headers | proof(source, body, OLD), source.name)
            assert again.json() == {"status": "duplicate", "id": first.json()["id"]}
    rows = await pool.fetch(
        "SELECT source, event_type, occurred_at, payload::text AS payload FROM events_raw ORDER BY id"
    )
    assert [row["payload"].encode() for row in rows] == bodies
    assert {row["source"] for row in rows} == {source.name}
    assert [row["event_type"] for row in rows] == [event_type_of(case) for case in cases]
    timeless = {row["event_type"] for row in rows if row["occurred_at"] is None}
    assert timeless == TIMELESS.get(source.name, set())


@EVERY_SIGNED
async def test_signatures(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """A signature that is missing, malformed, by another method, of another body or of a retired secret is 401."""
    case = first_case(source)
    body = body_of_case(source, case)
    scheme, _ = scheme_of(source)
    hexadecimal = digest(body, SECRET)
    good = f"{scheme.prefix}{hexadecimal}"
    wrong = [
        None, "", "x", scheme.prefix, good[:-1], good + "0", good.upper(), f"sha1={hexadecimal}",
        f"sha1={hexadecimal[:40]}", f"sha512={hexadecimal}", f"none={hexadecimal}", f"md5={hexadecimal[:32]}",
        f"{scheme.prefix}{digest(body, 'retired')}", f"{scheme.prefix}{digest(body + b' ', SECRET)}",
    ]  # fmt: skip
    async with gate(source, database_url) as gateway:
        for value in wrong:
            headers = named(source, case) | ({} if value is None else {scheme.header: value})
            answer = await gateway.post(body, headers, source.name)
            assert (answer.status_code, list(answer.json())) == (401, ["detail"]), value
        assert await pool.fetchval("SELECT count(*) FROM events_raw") == 0
        headers = named(source, case) | proof(source, body, SECRET)
        assert (await gateway.post(body, headers, source.name)).status_code == 200


@EVERY_SIGNED
async def test_unknown_and_odd(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """An authentic object of a kind that nobody knows is an ordinary row, and what it lacks is null."""
    async with gate(source, database_url) as gateway:
        for body in (b"{}", b'{"something":{"new":true}}'):
            answer = await gateway.post(body, proof(source, body, SECRET), source.name)
            assert answer.json()["status"] == "ok"
            row = await pool.fetchrow(
                "SELECT delivery_id, event_type, occurred_at FROM events_raw WHERE id = $1", answer.json()["id"]
            )
            assert row is not None
            assert tuple(row) == (hashlib.sha256(body).hexdigest(), None, None)


@EVERY_SIGNED
async def test_unreadable(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """An authentic body that is no JSON object is kept apart byte for byte."""
    async with gate(source, database_url) as gateway:
        for body in (b"", b"not json", b"[1]", b"\xff\xfe", b'{"a":"\\u0000"}'):
            answer = await gateway.post(body, proof(source, body, SECRET), source.name)
            assert answer.json()["status"] == "quarantined", answer.text
            row = await pool.fetchrow("SELECT source, body FROM quarantine WHERE id = $1", answer.json()["id"])
            assert row is not None
            assert (row["source"], row["body"]) == (source.name, body)


@EVERY
async def test_body_limit(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """A body over the limit is 413, be it the source's own or that of the setting."""
    async with gate(source, database_url, EM_AGENT_BODY_LIMIT_BYTES="1000") as gateway:
        body = b'{"a":"%s"}' % (b"x" * 1000)
        assert (await gateway.post(body, proof(source, body, SECRET), source.name)).status_code == 413
    async with gate(source, database_url) as gateway:
        body = b'{"a":"%s"}' % (b"x" * source.body_limit_bytes)
        assert (await gateway.post(body, proof(source, body, SECRET), source.name)).status_code == 413
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 0


@EVERY_SIGNED
async def test_without_a_secret(source: WebhookSource, database_url: str) -> None:
    """Without a secret deliveries are taken on loopback alone, and the refusal names the setting."""
    case = first_case(source)
    body, headers = body_of_case(source, case), named(source, case)
    _, setting = scheme_of(source)
    async with gate(source, database_url, **{setting: ""}) as gateway:
        assert (await gateway.post(body, headers, source.name)).status_code == 200
        assert (await gateway.post(b"[1]", headers, source.name)).status_code == 400
    wide = {"EM_AGENT_HOST": "0.0.0.0", "EM_AGENT_API_KEYS": "key", setting: ""}
    async with gate(source, database_url, **wide) as gateway:
        answer = await gateway.post(body, headers, source.name)
        assert answer.status_code == 403
        assert setting in answer.json()["detail"]


@EVERY
def test_readers_fit_the_tables(source: WebhookSource) -> None:
    """The readers of the envelope give nothing for an envelope of nothing, and nothing longer than a key or message takes."""
    nothing: list[dict[str, Any]] = [
        {},
        {"event": None},
        {"event": []},
        {"event": {"id": [], "event_type": {}, "occurred_at": 5}},
        {"id": [], "type": {}, "action": [], "webhookEvent": 5, "timestamp": "soon", "actions": {}, "status": []},
        {"actions": [None, 5, []], "primary_id": {}, "repository": {"pushed_at": True}, "timestamp": True},
        {"timestamp": 10**30, "repository": {"pushed_at": -1}, "createdAt": 5, "changed_at": [], "finished_at": {}},
    ]
    for document in nothing:
        assert source.delivery_id(document) is None
        assert source.event_type(document) is None
        assert source.occurred_at(document) is None
    for case in payload_files(source.name):
        document = payload(source.name, case)
        headers = {name.lower().encode(): value.encode() for name, value in named(source, case).items()}
        event_type = source.event_type(document, headers)
        assert event_type == event_type_of(case)
        assert event_type in source.event_types
        assert len(source.delivery_id(document, headers) or "") <= LONGEST_DELIVERY_ID
        assert 0 < len(event_type) <= LONGEST_EVENT_TYPE
        is_timeless = event_type in TIMELESS.get(source.name, set())
        assert (source.occurred_at(document, headers) is None) is is_timeless
    for name in ("authorization", "cookie", "proxy-authorization"):
        assert name not in source.kept_headers
    assert all(name == name.lower() for name in source.kept_headers)
    if source.signature is not None:
        assert source.signature.header == source.signature.header.lower()


@EVERY
def test_payload_files(source: WebhookSource) -> None:
    """There is a payload file for each of the source's event types."""
    assert {event_type_of(case) for case in payload_files(source.name)} == source.event_types


@EVERY
def test_normalises(source: WebhookSource) -> None:
    """Where the source tells of incidents its payload files are read without an error, and some name one."""
    read = INCIDENT_READERS.get(source.name)
    if read is None:
        return
    now = datetime(2026, 4, 1, tzinfo=UTC)
    found = [
        read(StoredEvent(1, source.name, event_type_of(case), "d", None, now), payload(source.name, case))
        for case in payload_files(source.name)
    ]
    assert any(event is not None for event in found)
    assert read(StoredEvent(1, source.name, None, "d", None, now), {}) is None


@EVERY
def test_is_documented_and_staged(source: WebhookSource) -> None:
    """The source has a how-to page that names its secret, and staging models of its own."""
    page = ROOT / "docs" / f"{source.name}.md"
    assert (source.secret_env or "EM_AGENT_API_KEYS") in page.read_text(encoding="utf-8")
    staging = files("em_agent") / "warehouse" / "models" / "staging" / source.name
    assert [entry.name for entry in staging.iterdir() if entry.name.endswith(".sql")]
