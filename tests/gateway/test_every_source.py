"""Hostile bodies to every source that signs: each is answered 2xx, and none spoils a query."""

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from em_agent.integrations.registry import SOURCES
from em_agent.integrations.source import WebhookSource
from em_agent.kit.postgres import Pool
from tests.gateway.test_bodies import READABLE, UNREADABLE, ask_as_users_do
from tests.parts import Gateway, gateway_on
from tests.sending import named, proof

SECRET = "s3cr3t+/="
OTHERS = [source for source in SOURCES.values() if source.signature is not None and source.name != "pagerduty"]
# Keys that the readers look at, so that odd values stand where they read.
KEYS = (
    "action", "issue", "comment", "repository", "pushed_at", "updated_at", "release", "timestamp", "webhookEvent",
    "type", "createdAt", "webhookTimestamp", "id", "changed_at", "primary_id", "actions", "entity_type", "payload",
)  # fmt: skip

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-16")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture
async def vendors(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway that knows every vendor's secret."""
    secrets = {source.secret_env: SECRET for source in SOURCES.values() if source.secret_env}
    async with gateway_on(database_url, **secrets) as gateway:
        yield gateway


async def _send(gateway: Gateway, source: WebhookSource, body: bytes, content_type: str = "application/json") -> str:
    headers = named(source, "push") | {"Content-Type": content_type} | proof(source, body, SECRET)
    answer = await gateway.post(body, headers, source.name)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


@pytest.mark.parametrize("source", OTHERS, ids=lambda source: source.name)
async def test_odd_bodies(vendors: Gateway, pool: Pool, source: WebhookSource) -> None:
    """What PostgreSQL reads is an ordinary row, what it does not is kept apart, from any vendor."""
    for name, body in READABLE.items():
        assert await _send(vendors, source, body) in {"ok", "duplicate"}, name
    for name, body in UNREADABLE.items():
        if len(body) <= source.body_limit_bytes:
            assert await _send(vendors, source, body) == "quarantined", name
    await ask_as_users_do(pool)


@settings(max_examples=40)
@given(
    source=st.sampled_from(OTHERS),
    document=st.dictionaries(st.sampled_from(KEYS), _VALUES, max_size=4).map(
        lambda document: {key: value for key, value in document.items() if key != "webhookTimestamp"}
    ),
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain"]),
)
async def test_any_object_is_kept(
    vendors: Gateway, pool: Pool, source: WebhookSource, document: dict[str, object], content_type: str
) -> None:
    """Any object, with odd values wherever a reader looks, is answered 2xx."""
    body = json.dumps(document).encode("utf-8", "surrogatepass")
    assert await _send(vendors, source, body, content_type) in {"ok", "duplicate", "quarantined"}
    await ask_as_users_do(pool)


@settings(max_examples=40)
@given(
    source=st.sampled_from(OTHERS), body=st.binary(max_size=40) | st.binary(max_size=30).map(lambda b: b"payload=" + b)
)
async def test_any_bytes_are_answered(vendors: Gateway, pool: Pool, source: WebhookSource, body: bytes) -> None:
    """Any authentic bytes, as a form too, are answered 2xx."""
    await _send(vendors, source, body, "application/x-www-form-urlencoded")
    await ask_as_users_do(pool)
