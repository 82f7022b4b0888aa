"""Signatures, and readers of what an envelope says."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.integrations.readers import text_at, time_at
from em_agent.integrations.source import HmacSha256
from tests.deliveries import SECRET, signature

MANY = HmacSha256("x-pagerduty-signature", prefix="v1=", many=True)
ONE = HmacSha256("x-hub-signature-256", prefix="sha256=")
BARE = HmacSha256("linear-signature")

VECTORS = {
    '{"event":{"id":"01","event_type":"pagey.ping"}}': "7fc75c5e66469e5503e57a8a3d1355a77bd22f3a8692e6bb701a247420bfd318",
    '{"event":{"data":{"title":"Café ⚠ 数据库"}}}': "15e6a2bc87374811c83b7cdc776eb03d4a92899637a831bb7e2f3145f00ec5fe",
}
BODY = b'{"a":1}'
GOOD = signature(BODY).removeprefix("v1=")
OTHER = signature(BODY, "other").removeprefix("v1=")


@pytest.mark.parametrize(("text", "digest"), VECTORS.items())
def test_known_signatures(text: str, digest: str) -> None:
    """Signatures that were made elsewhere are accepted, of ASCII bodies and others."""
    assert MANY.matches(f"v1={digest}", text.encode(), [SECRET.encode()])
    assert not MANY.matches(f"v1={digest}", text.encode() + b" ", [SECRET.encode()])


@pytest.mark.parametrize(
    "value",
    [
        f"v1={GOOD}",
        f" v1={GOOD} ",
        f"v1={OTHER},v1={GOOD}",
        f"v1={GOOD},v1={OTHER}",
        f"v2=abc , v1={GOOD}",
        f",,v1={GOOD},",
        f"v1=,v1={GOOD}",
        f"garbage,v1=\u00ff,v1={GOOD}",
    ],
)
def test_any_listed_signature_suffices(value: str) -> None:
    """One good signature among others, whatever those are, is enough."""
    assert MANY.matches(value, BODY, [SECRET.encode()])


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        ",",
        "v1=",
        "v1",
        GOOD,
        f"v0={GOOD}",
        f"V1={GOOD}",
        f"v1={GOOD.upper()}",
        f"v1={GOOD}00",
        f"v1={GOOD[:-2]}",
        f"v1= {GOOD}",
        f"v1=v1={GOOD}",
        f"v1={OTHER}",
        f"v1={OTHER};v1={GOOD}",
        f"v1={GOOD}\u00e9",
        "v1=" + "\u00ff" * 64,
        "v1=" + "g" * 64,
    ],
)
def test_anything_else_is_refused(value: str) -> None:
    """A signature that is missing, malformed, in capitals, of another secret or no ASCII does not match."""
    assert not MANY.matches(value, BODY, [SECRET.encode()])


def test_several_secrets() -> None:
    """A signature by any of the secrets matches; without a secret none does."""
    secrets = [b"old", b"new"]
    assert MANY.matches(signature(BODY, "old"), BODY, secrets)
    assert MANY.matches(signature(BODY, "new"), BODY, secrets)
    assert MANY.matches(signature(BODY, "unknown", "new"), BODY, secrets)
    assert not MANY.matches(signature(BODY, "unknown"), BODY, secrets)
    assert not MANY.matches(signature(BODY), BODY, [])


def test_a_scheme_with_one_signature_takes_no_list() -> None:
    """Where the sender writes one signature, one in a list is malformed."""
    assert ONE.matches(f"sha256={GOOD}", BODY, [SECRET.encode()])
    assert not ONE.matches(f"sha256={OTHER},sha256={GOOD}", BODY, [SECRET.encode()])
    assert not ONE.matches(GOOD, BODY, [SECRET.encode()])
    assert not ONE.matches(f"sha1={GOOD}", BODY, [SECRET.encode()])
    assert BARE.matches(GOOD, BODY, [SECRET.encode()])
    assert not BARE.matches(f"sha256={GOOD}", BODY, [SECRET.encode()])


@given(secret=st.binary(min_size=1), body=st.binary(), value=st.text())
def test_only_the_digest_matches(secret: bytes, body: bytes, value: str) -> None:
    """For any secret, body and header the match is that of the HMAC, and nothing raises."""
    digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
    assert MANY.matches(f"v1={digest}", body, [secret])
    assert MANY.matches(value, body, [secret]) is (f"v1={digest}" in [part.strip() for part in value.split(",")])


@pytest.mark.parametrize(
    "document", [{}, {"a": None}, {"a": []}, {"a": "x"}, {"a": {"b": None}}, {"a": {"b": 5}}, {"a": {"b": ""}}]
)
def test_what_is_not_there_is_none(document: dict[str, object]) -> None:
    """A reader gives None for what is missing, null, empty or of another type on the way."""
    assert text_at("a", "b")(document) is None
    assert time_at("a", "b")(document) is None


def test_longest_text() -> None:
    """A text of just the longest length is read, a longer one is none."""
    read = text_at("a", longest=3)
    assert read({"a": "abc"}) == "abc"
    assert read({"a": "abcd"}) is None
