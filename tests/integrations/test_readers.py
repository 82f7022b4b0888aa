"""Readers of headers, numbers and parts, and what vendors make of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from em_agent.integrations.github.webhook import SOURCE as GITHUB
from em_agent.integrations.readers import first_of, header, joined, milliseconds_at, seconds_at, text_at, time_at
from em_agent.integrations.registry import SOURCES
from em_agent.integrations.shortcut.webhook import SOURCE as SHORTCUT
from em_agent.integrations.shortcut.webhook import primary_action

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_headers_are_read() -> None:
    """A header is read without the blanks around it, up to its longest length; what is not there is none."""
    read = header("x-id", longest=3)
    assert read({}, {b"x-id": b" abc "}) == "abc"
    assert read({}, {b"x-id": "é".encode("latin-1")}) == "é"
    for headers in ({b"x-id": b"abcd"}, {b"x-id": b""}, {b"x-id": b"  "}, {b"x-other": b"a"}, {}):
        assert read({}, headers) is None


@pytest.mark.parametrize("value", [None, True, "1772366400", [], {}, 0, -1, float("inf"), float("nan"), 10**30, 3e11])
def test_what_is_no_count_of_seconds_is_none(value: object) -> None:
    """A number of seconds that names no time of the years after 1970 is none, nor is what is no number."""
    assert seconds_at("at")({"at": value}) is None


def test_counts_of_seconds() -> None:
    """Seconds and milliseconds since 1970 are UTC times, fractions too."""
    stamp = int(NOON.timestamp())
    assert seconds_at("at")({"at": stamp}) == NOON
    assert milliseconds_at("a", "b")({"a": {"b": stamp * 1000}}) == NOON
    assert milliseconds_at("at")({"at": stamp * 1000 + 250}) == NOON.replace(microsecond=250_000)


def test_readers_are_put_together() -> None:
    """Of several readers the first that finds something counts; joined texts end where one is missing."""
    first = first_of(time_at("a"), time_at("b"))
    assert first({"a": "never", "b": "2026-03-01T12:00:00Z"}) == NOON
    assert first({}) is None
    both = joined(text_at("type"), text_at("action"), needed=1, longest=9)
    assert both({"type": "Issue", "action": "new"}) == "Issue.new"
    assert both({"type": "Issue", "action": 5}) == "Issue"
    assert both({"action": "new"}) is None
    assert both({"type": "Issue", "action": "update"}) is None


GITHUB_TIMES: list[tuple[dict[str, Any], datetime | None]] = [
    ({"action": "created", "issue": {"updated_at": "2020-01-01T00:00:00Z"}, "comment": {"updated_at": "2026-03-01T12:00:00Z"}}, NOON),
    ({"deployment": {"created_at": "2020-01-01T00:00:00Z"}, "deployment_status": {"created_at": "2026-03-01T12:00:00Z"}}, NOON),
    ({"repository": {"pushed_at": int(NOON.timestamp())}}, NOON),
    # Elsewhere it is the time of the last push, which is another event.
    ({"action": "created", "repository": {"pushed_at": "2026-03-01T12:00:00Z"}}, None),
    ({"action": "deleted", "issue": {"updated_at": "2026-03-01T12:00:00Z"}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), GITHUB_TIMES)
def test_times_of_github(document: dict[str, Any], expected: datetime | None) -> None:
    """The time is that of what the event is about; a deletion has none of its own."""
    assert GITHUB.occurred_at(document) == expected


def test_the_primary_action_of_shortcut() -> None:
    """The type is that of the thing which the event is about, else of the first that changed."""
    story, comment = (
        {"id": 1, "entity_type": "story", "action": "update"},
        {"id": 2, "entity_type": "story-comment", "action": "create"},
    )
    assert SHORTCUT.event_type({"primary_id": 2, "actions": [story, comment]}) == "story-comment.create"
    assert SHORTCUT.event_type({"primary_id": 9, "actions": [story, comment]}) == "story.update"
    assert SHORTCUT.event_type({"actions": [None, "x", comment]}) == "story-comment.create"
    assert SHORTCUT.event_type({"primary_id": None, "actions": [{"action": "update"}]}) is None
    assert primary_action({"actions": {"id": 1}}) == {}


@given(
    document=st.dictionaries(
        st.sampled_from(
            ["id", "type", "action", "actions", "timestamp", "createdAt", "changed_at", "repository", "status"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["id", "pushed_at", "entity_type", "action"]), inner, max_size=2)
            ),
            max_leaves=5,
        ),
    ),
    value=st.binary(max_size=8),
)
def test_no_reader_raises(document: dict[str, Any], value: bytes) -> None:
    """Whatever stands where a reader looks, it gives a text, a time or nothing."""
    headers = dict.fromkeys((b"x-github-event", b"x-github-delivery", b"linear-delivery"), value)
    for source in SOURCES.values():
        assert isinstance(source.delivery_id(document, headers), str | None)
        assert isinstance(source.event_type(document, headers), str | None)
        assert isinstance(source.occurred_at(document, headers), datetime | None)
