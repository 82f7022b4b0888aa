"""What every source of webhooks owes, tested over the registry of them all."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from em_agent.domain.deliveries import StoredEvent
from em_agent.integrations.registry import INCIDENT_READERS, SOURCES
from em_agent.integrations.source import LONGEST_DELIVERY_ID, LONGEST_EVENT_TYPE, WebhookSource
from em_agent.kit.postgres import Pool
from tests.parts import Gateway, gateway_on
from tests.payloads import payload, payload_files

ROOT = Path(__file__).parents[2]
SECRET, OLD = "one+two/three=", "older"

pytestmark = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


def header(source: WebhookSource, body: bytes, *secrets: str) -> dict[str, str]:
    """The source's signature header, with a signature by each secret."""
    scheme = source.signature
    digests = (hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets)
    return {
        "Content-Type": "application/json",
        scheme.header: ",".join(f"{scheme.prefix}{digest}" for digest in digests),
    }


@asynccontextmanager
async def gate(source: WebhookSource, database_url: str, **environment: str) -> AsyncIterator[Gateway]:
    """A gateway that knows two secrets of the source."""
    async with gateway_on(database_url, **{source.secret_env: f"{OLD},{SECRET}", **environment}) as gateway:
        yield gateway


def bodies(source: WebhookSource) -> list[bytes]:
    """The source's payload files."""
    return [path.read_bytes() for path in payload_files(source.name).values()]


async def test_redelivery(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """Each payload file is an ordinary row, and sent again it is a duplicate with the same id."""
    async with gate(source, database_url) as gateway:
        for body in bodies(source):
            first = await gateway.post(body, header(source, body, SECRET), source.name)
            assert first.json()["status"] == "ok", first.text
            again = await gateway.post(body, header(source, body, OLD), source.name)
            assert again.json() == {"status": "duplicate", "id": first.json()["id"]}
    rows = await pool.fetch(
        "SELECT source, event_type, occurred_at, payload::text AS payload FROM events_raw ORDER BY id"
    )
    assert [row["payload"].encode() for row in rows] == bodies(source)
    assert {row["source"] for row in rows} == {source.name}
    assert {row["event_type"] for row in rows} == set(payload_files(source.name))
    assert all(row["occurred_at"] for row in rows)


async def test_signatures(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """A signature that is missing, malformed, of another body or of a retired secret is 401 and writes nothing."""
    body = bodies(source)[0]
    good = header(source, body, SECRET)[source.signature.header]
    wrong = [
        None, "", "x", source.signature.prefix, good[:-1], good + "0", good.upper(),
        header(source, body, "retired")[source.signature.header],
        header(source, body + b" ", SECRET)[source.signature.header],
    ]  # fmt: skip
    async with gate(source, database_url) as gateway:
        for value in wrong:
            headers = {"Content-Type": "application/json"} | ({} if value is None else {source.signature.header: value})
            answer = await gateway.post(body, headers, source.name)
            assert (answer.status_code, list(answer.json())) == (401, ["detail"]), value
        assert await pool.fetchval("SELECT count(*) FROM events_raw") == 0
        assert (await gateway.post(body, header(source, body, SECRET), source.name)).status_code == 200


async def test_unknown_and_odd(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """An authentic object of a kind that nobody knows is an ordinary row, and what it lacks is null."""
    async with gate(source, database_url) as gateway:
        for body in (b"{}", b'{"something":{"new":true}}'):
            answer = await gateway.post(body, header(source, body, SECRET), source.name)
            assert answer.json()["status"] == "ok"
            row = await pool.fetchrow(
                "SELECT delivery_id, occurred_at FROM events_raw WHERE id = $1", answer.json()["id"]
            )
            assert row is not None
            assert (row["delivery_id"], row["occurred_at"]) == (hashlib.sha256(body).hexdigest(), None)


async def test_unreadable(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """An authentic body that is no JSON object is kept apart byte for byte."""
    async with gate(source, database_url) as gateway:
        for body in (b"", b"not json", b"[1]", b"\xff\xfe", b'{"a":"\\u0000"}'):
            answer = await gateway.post(body, header(source, body, SECRET), source.name)
            assert answer.json()["status"] == "quarantined", answer.text
            row = await pool.fetchrow("SELECT source, body FROM quarantine WHERE id = $1", answer.json()["id"])
            assert row is not None
            assert (row["source"], row["body"]) == (source.name, body)


async def test_body_limit(source: WebhookSource, database_url: str, pool: Pool) -> None:
    """A body over the limit is 413, be it the source's own or that of the setting."""
    async with gate(source, database_url, EM_AGENT_BODY_LIMIT_BYTES="1000") as gateway:
        body = b'{"a":"%s"}' % (b"x" * 1000)
        assert (await gateway.post(body, header(source, body, SECRET), source.name)).status_code == 413
    async with gate(source, database_url) as gateway:
        body = b'{"a":"%s"}' % (b"x" * source.body_limit_bytes)
        assert (await gateway.post(body, header(source, body, SECRET), source.name)).status_code == 413
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 0


async def test_without_a_secret(source: WebhookSource, database_url: str) -> None:
    """Without a secret deliveries are taken on loopback alone, and the refusal names the setting."""
    body = bodies(source)[0]
    async with gate(source, database_url, **{source.secret_env: ""}) as gateway:
        assert (await gateway.post(body, {}, source.name)).status_code == 200
    wide = {"EM_AGENT_HOST": "0.0.0.0", "EM_AGENT_API_KEYS": "key", source.secret_env: ""}
    async with gate(source, database_url, **wide) as gateway:
        answer = await gateway.post(body, {}, source.name)
        assert answer.status_code == 403
        assert source.secret_env in answer.json()["detail"]


def test_readers_fit_the_tables(source: WebhookSource) -> None:
    """The readers of the envelope give nothing for an envelope of nothing, and nothing longer than a key or message takes."""
    nothing: list[dict[str, Any]] = [
        {},
        {"event": None},
        {"event": []},
        {"event": {"id": [], "event_type": {}, "occurred_at": 5}},
    ]
    for document in nothing:
        assert source.delivery_id(document) is None
        assert source.event_type(document) is None
        assert source.occurred_at(document) is None
    for event_type in payload_files(source.name):
        document = payload(source.name, event_type)
        assert event_type in source.event_types
        assert len(source.delivery_id(document) or "") <= LONGEST_DELIVERY_ID
        assert 0 < len(source.event_type(document) or "") <= LONGEST_EVENT_TYPE
        assert source.occurred_at(document) is not None
    assert "authorization" not in source.kept_headers
    assert source.signature.header == source.signature.header.lower()


def test_payload_files(source: WebhookSource) -> None:
    """There is a payload file for each of the source's event types."""
    assert set(payload_files(source.name)) == source.event_types


def test_normalises(source: WebhookSource) -> None:
    """Where the source tells of incidents its payload files are read without an error, and some name one."""
    read = INCIDENT_READERS.get(source.name)
    if read is None:
        return
    now = datetime(2026, 4, 1, tzinfo=UTC)
    found = [
        read(StoredEvent(1, source.name, event_type, "d", None, now), payload(source.name, event_type))
        for event_type in payload_files(source.name)
    ]
    assert any(event is not None for event in found)
    assert read(StoredEvent(1, source.name, None, "d", None, now), {}) is None


def test_is_documented_and_staged(source: WebhookSource) -> None:
    """The source has a how-to page that names its secret, and staging models of its own."""
    page = ROOT / "docs" / f"{source.name}.md"
    assert source.secret_env in page.read_text(encoding="utf-8")
    staging = files("em_agent") / "warehouse" / "models" / "staging" / source.name
    assert [entry.name for entry in staging.iterdir() if entry.name.endswith(".sql")]
