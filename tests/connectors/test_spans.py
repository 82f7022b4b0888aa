"""Stretches of time that lists are asked for."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from em_agent.connectors.spans import DAY, LONGEST, Span, spans_between

MOMENTS = st.datetimes(datetime(2009, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(since=MOMENTS, length=st.timedeltas(timedelta(0), timedelta(days=3000)))
def test_spans_cover_the_time(since: datetime, length: timedelta) -> None:
    """Together they leave no gap, the latest first, each of whole days and no longer than can be asked."""
    spans = spans_between(since, since + length)
    assert (spans[0].until or since) > since + length
    assert (spans[-1].since or since) <= since
    for later, earlier in pairwise(spans):
        assert later.since == earlier.until
    for span in spans:
        assert span.since is not None
        assert span.until is not None
        assert span.until - span.since <= LONGEST
        assert span.since == span.day
        assert Span.from_json(span.to_json()) == span
        halves = span.halves()
        if span.until - span.since > DAY:
            assert [half.since == half.day for half in halves] == [True, True]
        assert (halves[0].until, halves[0].since, halves[1].since) == (span.until, halves[1].until, span.since)


def test_halves_come_to_an_end() -> None:
    """What is too short has none, nor has all of time."""
    span, count = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)), 0
    while halves := span.halves():
        span, count = halves[0], count + 1
    assert count < 30
    assert Span().halves() == []
    assert Span().parameters == [("date_range", "all")]
