"""The message that an event becomes: its id, its form, and what is no message of ours."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.errors import PermanentError
from em_agent.events.message import decode_message, encode_message, message_id

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROW: dict[str, Any] = {
    "id": 1,
    "source": "pagerduty",
    "event_type": "incident.triggered",
    "delivery_id": "01A",
    "occurred_at": None,
    "received_at": NOW,
    "payload": '{"event":1.10}',
    "redelivery": None,
}
_IDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=200)
_MARKS = st.none() | st.sampled_from(["replay-1-1", "purged-7"])


@given(one=st.tuples(_IDS, _MARKS), two=st.tuples(_IDS, _MARKS))
def test_message_ids(one: tuple[str, str | None], two: tuple[str, str | None]) -> None:
    """Two deliveries, or two redeliveries of one, never have one message id, and it is a printable line of ASCII."""
    ids = [message_id({**ROW, "delivery_id": name, "redelivery": mark}) for name, mark in (one, two)]  # type: ignore[arg-type]
    assert (ids[0] == ids[1]) is (one == two)
    assert all(text.isascii() and text.isprintable() and " " not in text for text in ids)


def test_a_delivery_that_is_called_like_a_redelivery() -> None:
    """A delivery whose id ends like a redelivery's mark is not taken for one."""
    called = message_id({**ROW, "delivery_id": "01A#replay-1-1"})  # type: ignore[arg-type]
    marked = message_id({**ROW, "redelivery": "replay-1-1"})  # type: ignore[arg-type]
    assert called != marked


@given(name=_IDS, event_type=st.none() | _IDS, occurred_at=st.none() | st.datetimes(timezones=st.just(UTC)))
def test_there_and_back(name: str, event_type: str | None, occurred_at: datetime | None) -> None:
    """What is decoded is what was encoded, with the payload byte for byte in between."""
    row = {**ROW, "delivery_id": name, "event_type": event_type, "occurred_at": occurred_at}
    data = encode_message(row)  # type: ignore[arg-type]
    assert b'"payload":{"event":1.10}' in data
    event, document = decode_message(data)
    assert (event.delivery_id, event.event_type, event.occurred_at, event.received_at) == (
        name,
        event_type,
        occurred_at,
        NOW,
    )
    assert document == {"event": 1.1}


GOOD = encode_message(ROW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"42",
        b'"text"',
        b"{}",
        GOOD[:-5],
        GOOD.replace(b'"id":1', b'"id":null'),
        GOOD.replace(b'"id":1', b'"id":"1"'),
        GOOD.replace(b'"id":1', b'"id":true'),
        GOOD.replace(b'"id":1', b'"id":1.5'),
        GOOD.replace(b'"id":1', b'"id":9223372036854775808'),
        GOOD.replace(b'"id":1', b'"id":-1'),
        GOOD.replace(b'"pagerduty"', b"[]"),
        GOOD.replace(b'"pagerduty"', b"null"),
        GOOD.replace(b'"pagerduty"', b'"\\ud800"'),
        GOOD.replace(b'"pagerduty"', b'"\\u0000"'),
        GOOD.replace(b'"01A"', b"7"),
        GOOD.replace(b'"01A"', b'"\\u0000"'),
        GOOD.replace(b'"incident.triggered"', b"{}"),
        GOOD.replace(b'"occurred_at":null', b'"occurred_at":5'),
        GOOD.replace(b'"occurred_at":null', b'"occurred_at":"soon"'),
        GOOD.replace(b'"occurred_at":null', b'"occurred_at":"2026-03-01T00:00:00"'),
        GOOD.replace(b"+00:00", b""),
        GOOD.replace(b'{"event":1.10}', b"[]"),
        GOOD.replace(b'{"event":1.10}', b'"x"'),
        b'{"id":' + b"[" * 100_000,
    ],
)
def test_what_is_no_message_of_ours(data: bytes) -> None:
    """Anything that is not such a message, or has a field that no row can have, will never work."""
    with pytest.raises(PermanentError):
        decode_message(data)


@given(data=st.binary() | st.text().map(str.encode))
def test_any_bytes(data: bytes) -> None:
    """No bytes raise anything else."""
    with pytest.raises(PermanentError):
        decode_message(data)
