"""Numbers and times as people read them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from em_agent.dashboard import formats

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 m 00 s"),
        (252, "4 m 12 s"),
        (599.4, "9 m 59 s"),
        (599.6, "10 m"),
        (3599, "1 h 00 m"),
        (3900, "1 h 05 m"),
        (47 * 3600 + 59 * 60, "47 h 59 m"),
        (48 * 3600, "2 d 00 h"),
        (3 * 86400 + 4 * 3600, "3 d 04 h"),
        (-90, "−1 m 30 s"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    """A duration has two units at most, never 60 of one, stays on one line, and says when it is unknown."""
    assert formats.duration(seconds) == text.replace(" ", "\N{NO-BREAK SPACE}")


def test_round_durations() -> None:
    """The values of an axis are without what is 0 of them."""
    assert [formats.round_duration(seconds) for seconds in (0, 30, 3600, 5400, 172800)] == [
        "0",
        "30 s",
        "1 h",
        "1 h 30 m",
        "2 d",
    ]


def test_numbers() -> None:
    """Thousands are apart, fractions short, and nothing unknown is 0."""
    assert [formats.number(value) for value in (None, 0, 1234567, 2.5, 0.333)] == [
        "unknown",
        "0",
        "1\u202f234\u202f567",
        "2.5",
        "0.33",
    ]
    assert [formats.percent(value) for value in (None, 0, 1, 0.4785)] == [
        "unknown",
        "0\xa0%",
        "100\xa0%",
        "47.9\xa0%",
    ]


def test_windows_are_told_in_their_time_zone() -> None:
    """A window of full days there names its first and its last day; another one its minutes."""
    since, until = datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert formats.span(since, until, BERLIN) == "1 Mar 2026 – 31 Mar 2026"
    assert formats.span(since, until, ZoneInfo("UTC")) == "28 Feb 2026, 23:00 – 31 Mar 2026, 22:00"
