"""Odd bodies: each gets a clear answer, and no row of events_raw is ever such that it spoils a query."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from em_agent.kit.postgres import Pool
from tests.deliveries import body_of, delivery, event, signature, signed
from tests.parts import Gateway

MEBIBYTE = 1024 * 1024

_NOTEBOOK = """
WITH incident_lifecycle AS (
  SELECT
    payload::json->'event'->'data'->>'id' as incident_id,
    MIN(CASE WHEN payload::json->'event'->>'event_type' = 'incident.triggered' THEN received_at END) as triggered_at,
    MAX(CASE WHEN payload::json->'event'->>'event_type' = 'incident.resolved' THEN received_at END) as resolved_at
  FROM events_raw
  WHERE source = 'pagerduty'
    AND payload::json->'event'->>'event_type' IN ('incident.triggered', 'incident.resolved')
  GROUP BY 1
)
SELECT AVG(EXTRACT(epoch FROM resolved_at - triggered_at) / 60) as mttr_minutes
FROM incident_lifecycle
WHERE resolved_at IS NOT NULL AND triggered_at IS NOT NULL;
"""


async def ask_as_users_do(pool: Pool) -> None:
    """The users' queries work on the whole table."""
    await pool.fetch("SELECT payload::json->'event'->'data'->>'id' FROM events_raw")
    await pool.fetch(
        "SELECT count(DISTINCT payload::json->'event'->'data'->>'id'), payload::json->'event'->'data'->>'urgency' "
        "FROM events_raw GROUP BY 2"
    )
    await pool.fetch("SELECT payload::json->'event'->>'event_type', min(received_at) FROM events_raw GROUP BY 1")
    await pool.fetch(_NOTEBOOK)


def _triggered(**fields: Any) -> dict[str, Any]:
    return event("triggered", **fields)


def _raw(text: str) -> bytes:
    """A triggered event with some JSON text as its data."""
    return b'{"event":{"event_type":"incident.triggered","data":%s}}' % text.encode()


def _nested(levels: int) -> bytes:
    return b'{"event":{"event_type":"incident.triggered","data":{"id":"P1","x":%s%s}}}' % (b"[" * levels, b"]" * levels)


LONG_ID = "".join(hashlib.sha256(b"%d" % n).hexdigest() for n in range(200))

# What PostgreSQL's json functions read: ordinary rows.
READABLE = {
    "empty object": b"{}",
    "event null": b'{"event":null}',
    "event a text": b'{"event":"incident.triggered"}',
    "event a list": b'{"event":[{"event_type":"incident.triggered"}]}',
    "event a number": b'{"event":1e5}',
    "data null": _raw("null"),
    "data a list": _raw('[{"id":"P1"}]'),
    "data a text": _raw('"P1"'),
    "data.id a number": _raw('{"id":12345678901234567890123456789}'),
    "data.id an object": _raw('{"id":{"id":"P1"}}'),
    "data.type a list": _raw('{"id":"P1","type":[]}'),
    "data.type an object": _raw('{"id":"P1","type":{}}'),
    "type a number": b'{"event":{"event_type":7,"data":{"id":"P1"}}}',
    "type null": b'{"event":{"event_type":null}}',
    "duplicate keys": b'{"event":1,"event":{"event_type":"incident.triggered","event_type":"incident.resolved"}}',
    "infinite number": _raw('{"id":"P1","number":1e999}'),
    "minus infinite number": _raw('{"id":"P1","number":-1e999}'),
    "tiny number": _raw('{"id":"P1","number":1e-9999}'),
    "huge integer": _raw('{"id":"P1","number":%s}' % ("9" * 5000)),
    "bigint and one": _raw('{"id":"P1","number":9223372036854775808}'),
    "minus zero": _raw('{"id":"P1","number":-0}'),
    "long fraction": _raw('{"id":"P1","number":0.%s}' % ("1" * 5000)),
    "escaped backslash before u0000": _raw(r'{"id":"P1","title":"\\u0000"}'),
    "emoji": _raw('{"id":"P1","title":"🔥💥 数据库 Café ⚠"}'),
    "emoji escaped": _raw(r'{"id":"P1","title":"\ud83d\ude00"}'),
    "right to left": _raw('{"id":"P1","title":"\u202e\u0627\u0644\u062e\u0627\u062f\u0645 \u200f\u202c"}'),
    "escaped controls": _raw(r'{"id":"P1","title":"\u0001\u001f\u007f\b\f\t\/"}'),
    "non-characters": _raw('{"id":"P1","title":"\uffff\ufffe\U0010ffff"}'),
    "whitespace around": b" \r\n\t" + delivery("triggered") + b"\n\n  ",
    "empty key": _raw('{"id":"P1","":{"":""}}'),
    "long key": _raw('{"id":"P1","%s":1}' % ("k" * 70_000)),
    "long id": _raw(json.dumps({"id": LONG_ID})),
    "nested 500": _nested(500),
    "nested 2000": _nested(2000),
}

# What they don't read, or what is no object: kept apart, byte for byte.
UNREADABLE = {
    "empty": b"",
    "whitespace": b" \n\t ",
    "not JSON": b"hello",
    "form": b"payload=%7B%7D",
    "cut off": delivery("triggered")[:-3],
    "two documents": b"{}{}",
    "trailing comma": b'{"a":1,}',
    "single quotes": b"{'event': 1}",
    "comment": b'{"a":1}// x',
    "list": b"[]",
    "list of events": b"[%s]" % delivery("triggered"),
    "number": b"42",
    "text": b'"event"',
    "null": b"null",
    "true": b"true",
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "leading zero": b'{"a":01}',
    "bare point": b'{"a":1.}',
    "plus": b'{"a":+1}',
    "latin-1": '{"title":"Café"}'.encode("latin-1"),
    "utf-16": '{"a":1}'.encode("utf-16"),
    "utf-8 surrogate": b'{"a":"\xed\xa0\x80"}',
    "overlong": b'{"a":"\xc0\x80"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "NUL": b'{"a":"\x00"}',
    "NUL alone": b"\x00",
    "escaped NUL": _raw(r'{"id":"P1","title":"\u0000"}'),
    "escaped NUL in a key": _raw(r'{"id":"P1","a\u0000":1}'),
    "escaped NUL behind backslashes": _raw(r'{"id":"P1","title":"\\\u0000"}'),
    "lone high surrogate": _raw(r'{"id":"P1","title":"\ud800"}'),
    "lone low surrogate": _raw(r'{"id":"P1","title":"\udc00"}'),
    "surrogates in reverse": _raw(r'{"id":"P1","title":"\udc00\ud800"}'),
    "high surrogate twice": _raw(r'{"id":"P1","title":"\ud800\ud800"}'),
    "surrogate in a key": _raw(r'{"id":"P1","\ud800":1}'),
    "bad escape": _raw(r'{"id":"\x41"}'),
    "raw line break in text": b'{"a":"x\ny"}',
    "nested 20000": _nested(20_000),
    "nested 100000": _nested(100_000),
    "lists 100000": b"[" * 100_000,
    "objects 100000": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


async def test_readable_bodies_are_ordinary_rows(gateway: Gateway, pool: Pool) -> None:
    """An object that json functions read is ok whatever is in it, is repeated by its id, and spoils no query."""
    for name, body in READABLE.items():
        first = await gateway.post(body)
        assert first.json()["status"] == "ok", (name, first.text)
        again = await gateway.post(body)
        assert again.json() == {"status": "duplicate", "id": first.json()["id"]}, name
        kept = await pool.fetchval("SELECT payload::text FROM events_raw WHERE id = $1", first.json()["id"])
        assert kept.encode() == body, name
        await ask_as_users_do(pool)
    assert await pool.fetchval("SELECT count(*) FROM outbox") == len(READABLE)
    assert await pool.fetchval("SELECT count(*) FROM quarantine") == 0


async def test_unreadable_bodies_are_kept_apart(gateway: Gateway, pool: Pool) -> None:
    """An authentic body that json functions don't read is quarantined byte for byte with a reason, once."""
    for name, body in UNREADABLE.items():
        first = await gateway.post(body)
        assert first.status_code == 200, (name, first.text)
        assert first.json() == {"status": "quarantined", "id": first.json()["id"]}, (name, first.text)
        assert (await gateway.post(body)).json() == first.json(), name
        row = await pool.fetchrow("SELECT body, reason, source FROM quarantine WHERE id = $1", first.json()["id"])
        assert row is not None
        assert row["body"] == body, name
        assert row["reason"].startswith("The body is "), name
    assert await pool.fetchval("SELECT count(*) FROM quarantine") == len(UNREADABLE)
    assert await pool.fetchval("SELECT (SELECT count(*) FROM events_raw) + (SELECT count(*) FROM outbox)") == 0
    listed = (await gateway.client.get("/v1/quarantine?limit=500")).json()["quarantine"]
    assert len(listed) == len(UNREADABLE)


async def test_unreadable_bodies_without_a_secret(open_gate: Gateway, pool: Pool) -> None:
    """Where there is no secret an unreadable body is 400 with a clear detail, and nothing is written."""
    for name, body in UNREADABLE.items():
        answer = await open_gate.post(body, {})
        assert answer.status_code == 400, name
        assert answer.json()["detail"].startswith("The body is "), name
        assert list(answer.json()) == ["detail"]
    assert await pool.fetchval("SELECT (SELECT count(*) FROM events_raw) + (SELECT count(*) FROM quarantine)") == 0


@pytest.mark.parametrize("levels", [1000, 1023, 1024, 1025, 3000, 5000, 6000, 7000, 8000, 10_000])
async def test_depths_between(gateway: Gateway, pool: Pool, levels: int) -> None:
    """However deep a body nests it is either a row that every query reads or kept apart, also inside a batch."""
    body = _nested(levels)
    neighbours = [delivery("triggered") for _ in range(5)]
    answers = await asyncio.gather(*(gateway.post(each) for each in (*neighbours, body)))
    assert [answer.json()["status"] for answer in answers[:-1]] == ["ok"] * 5
    assert answers[-1].json()["status"] in {"ok", "quarantined"}
    await ask_as_users_do(pool)


async def test_body_limit(gateway: Gateway, pool: Pool) -> None:
    """A body of just the limit is ok; one byte more is 413, whether its length is announced or not."""
    start, end = b'{"event":{"event_type":"incident.annotated","data":{"content":"', b'"}}}'
    exact = start + b"x" * (MEBIBYTE - len(start) - len(end)) + end
    assert (await gateway.post(exact)).json()["status"] == "ok"
    over = exact[: -len(end)] + b"x" + end
    for body in (over, over + b"x" * 100_000, over * 3):
        answer = await gateway.post(body)
        assert answer.status_code == 413
        assert list(answer.json()) == ["detail"]

    async def chunks() -> AsyncIterator[bytes]:
        for begin in range(0, len(over), 50_000):
            yield over[begin : begin + 50_000]

    answer = await gateway.client.post("/webhooks/pagerduty", content=chunks(), headers=signed(over))
    assert answer.status_code == 413
    assert await pool.fetchval("SELECT count(*) FROM events_raw") == 1


async def test_a_sender_that_writes_its_whole_large_body_gets_the_answer(gateway: Gateway) -> None:
    """A client that reads only after it has written all of a body over the limit still reads the 413."""
    body = b"x" * (2 * MEBIBYTE)
    host = urlsplit(gateway.url)
    for _ in range(5):
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        writer.write(
            b"POST /webhooks/pagerduty HTTP/1.1\r\nHost: localhost\r\nX-PagerDuty-Signature: %s\r\n"
            b"Content-Length: %d\r\n\r\n" % (signature(body).encode(), len(body))
        )
        for begin in range(0, len(body), 65536):
            writer.write(body[begin : begin + 65536])
            await writer.drain()
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)
        writer.close()


async def test_chunked_bodies(gateway: Gateway) -> None:
    """A body that comes in pieces is the same delivery as the one that comes whole."""
    body = delivery("triggered")

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(body), 7):
            yield body[begin : begin + 7]

    answer = await gateway.client.post("/webhooks/pagerduty", content=pieces(), headers=signed(body))
    assert answer.json()["status"] == "ok"
    assert (await gateway.post(body)).json()["status"] == "duplicate"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_the_content_type_does_not_matter(gateway: Gateway, content_type: str) -> None:
    """The body is read as JSON whatever its type is said to be."""
    body = delivery("triggered")
    assert (await gateway.post(body, {**signed(body), "Content-Type": content_type})).json()["status"] == "ok"


async def test_delivery_ids(gateway: Gateway, pool: Pool) -> None:
    """`event.id` names the delivery where it is a text of 1 to 200 characters, else the body's hash does."""
    used = [
        "x",
        " ",
        "0",
        "x" * 200,
        "a\nb",
        "a\r\nb",
        'a"b',
        "a'b",
        "a\\b",
        "ключ-🔑",
        "🔑" * 200,
        "a#b",
        "a%20b",
        "%",
        "null",
    ]
    for value in used:
        await gateway.post(body_of(_triggered(delivery_id=value)))
        assert await pool.fetchval("SELECT count(*) FROM events_raw WHERE delivery_id = $1", value) == 1, value
    unused: list[Any] = ["", "x" * 201, None, 5, 5.5, True, [], {}, ["x"], {"id": "x"}]
    for odd in unused:
        document = _triggered()
        document["event"]["id"] = odd
        body = body_of(document)
        assert (await gateway.post(body)).json()["status"] == "ok"
        digest = hashlib.sha256(body).hexdigest()
        assert await pool.fetchval("SELECT count(*) FROM events_raw WHERE delivery_id = $1", digest) == 1, odd
    await ask_as_users_do(pool)


async def test_one_id_with_two_bodies_is_one_delivery(gateway: Gateway, pool: Pool) -> None:
    """The id decides: the first body of an id is kept, a later other one of the same id is a repetition."""
    first, second = (body_of(_triggered(delivery_id="01A", title=title)) for title in ("one", "two"))
    await gateway.store(first)
    assert (await gateway.post(second)).json()["status"] == "duplicate"
    assert (await pool.fetchval("SELECT payload::text FROM events_raw")).encode() == first


TIMES: dict[Any, str | None] = {
    "2026-03-01T12:00:00Z": "2026-03-01 12:00:00+00",
    "2026-03-01t12:00:00z": "2026-03-01 12:00:00+00",
    "2026-03-01 12:00:00": "2026-03-01 12:00:00+00",
    "2026-03-01T12:00:00.123456789Z": "2026-03-01 12:00:00.123456+00",
    "2026-03-01T12:00:00,5Z": "2026-03-01 12:00:00.5+00",
    "2026-03-01T12:00:00+05:30": "2026-03-01 06:30:00+00",
    "2026-03-01T12:00:00-0800": "2026-03-01 20:00:00+00",
    "2026-03-01T12:00:00+14": "2026-02-28 22:00:00+00",
    "1969-12-31T23:59:59Z": "1969-12-31 23:59:59+00",
    "0001-01-01T00:00:01Z": "0001-01-01 00:00:01+00",
    "9999-12-31T23:59:59Z": "9999-12-31 23:59:59+00",
    # The very first and last instant mean 'none' to the programs that write them, and infinity to PostgreSQL's driver.
    "0001-01-01T00:00:00Z": None,
    "0001-01-01T00:00:00.000Z": None,
    "0001-01-01T05:00:00+05:00": None,
    "9999-12-31T23:59:59.999999Z": None,
    "0001-01-01T00:00:00+14:00": None,
    "9999-12-31T23:59:59-14:00": None,
    "2026-06-30T23:59:60Z": None,
    "2026-02-30T12:00:00Z": None,
    "2026-13-01T12:00:00Z": None,
    "2026-03-01T24:00:00Z": None,
    "2026-03-01T12:00:00+99:99": None,
    "2026-03-01": None,
    "2026-W09-7T12:00:00Z": None,
    "0000-01-01T00:00:00Z": None,
    "-2026-03-01T12:00:00Z": None,
    "12026-03-01T12:00:00Z": None,
    "yesterday": None,
    "infinity": None,
    "": None,
    "２０２６-03-01T12:00:00Z": None,
    1772366400: None,
    1772366400.5: None,
    True: None,
    None: None,
}


async def test_times(gateway: Gateway, pool: Pool) -> None:
    """`occurred_at` is read in any offset and kept in UTC; what is no time is null, and the delivery counts all the same."""
    for value, expected in TIMES.items():
        document = event("triggered", delivery_id="")
        document["event"]["occurred_at"] = value
        answer = (await gateway.post(body_of(document))).json()
        assert answer["status"] == "ok"
        kept = await pool.fetchval("SELECT occurred_at::text FROM events_raw WHERE id = $1", answer["id"])
        assert kept == expected, value
    odd: list[Any] = [[], {}, ["2026-03-01T12:00:00Z"]]
    for value in odd:
        document = event("triggered", delivery_id="")
        document["event"]["occurred_at"] = value
        answer = (await gateway.post(body_of(document))).json()
        assert await pool.fetchval("SELECT occurred_at FROM events_raw WHERE id = $1", answer["id"]) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-16")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(document=st.dictionaries(st.sampled_from(["event", "x"]), _JSON, max_size=2), is_ascii=st.booleans())
async def test_any_object_is_kept(gateway: Gateway, pool: Pool, document: dict[str, object], is_ascii: bool) -> None:  # noqa: FBT001
    """Any object is a row that queries read, or is kept apart where it holds what json functions refuse."""
    body = json.dumps(document, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert (await gateway.post(body)).json()["status"] in {"ok", "duplicate", "quarantined"}
    await ask_as_users_do(pool)


@settings(max_examples=60)
@given(body=st.binary(max_size=60) | st.text(st.sampled_from('{}[]",:\\u0dc8e-.1 tn'), max_size=40).map(str.encode))
async def test_any_bytes_are_answered(gateway: Gateway, pool: Pool, body: bytes) -> None:
    """Any authentic bytes at all are answered 2xx."""
    assert (await gateway.post(body)).status_code == 200
    await ask_as_users_do(pool)


async def test_too_large_is_told(gateway: Gateway) -> None:
    """Whoever sends too much gets the answer, not a connection that breaks off, also on a connection kept alive."""
    for size in (1_048_577, 3_000_000) * 3:
        assert (await gateway.client.get("/healthz")).status_code == 200
        answer = await gateway.post(b"x" * size, {})
        assert answer.status_code == 413
    async with httpx2.AsyncClient(base_url=gateway.url) as fresh:
        for _ in range(3):
            assert (await fresh.post("/webhooks/pagerduty", content=b"x" * 3_000_000)).status_code == 413
