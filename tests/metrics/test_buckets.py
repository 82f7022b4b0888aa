"""Days, weeks and months of a time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from em_agent.errors import InvalidError
from em_agent.metrics.buckets import cut

BERLIN = ZoneInfo("Europe/Berlin")


def test_days_follow_the_clocks() -> None:
    """A day of 23 hours is one day, and begins and ends at its own midnight."""
    buckets = cut(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 30, 22, tzinfo=UTC), BERLIN, ("day",))
    assert [key["day"] for key in buckets.keys] == ["2026-03-29", "2026-03-30"]
    assert buckets.starts == (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))


def test_weeks_are_iso_weeks() -> None:
    """The last days of a year may be in the first week of the next."""
    buckets = cut(datetime(2024, 12, 28, tzinfo=UTC), datetime(2025, 1, 7, tzinfo=UTC), ZoneInfo("UTC"), ("week",))
    assert [key["week"] for key in buckets.keys] == ["2024-W52", "2025-W01", "2025-W02"]


def test_units_combine() -> None:
    """Weeks and months together are cut wherever one of them begins."""
    buckets = cut(
        datetime(2026, 2, 25, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC), ZoneInfo("UTC"), ("month", "week")
    )
    assert [(key["month"], key["week"]) for key in buckets.keys] == [
        ("2026-02", "2026-W09"),
        ("2026-03", "2026-W09"),
        ("2026-03", "2026-W10"),
    ]


def test_a_midnight_that_is_skipped() -> None:
    """Where the clocks change at midnight the day begins at the change."""
    beirut = ZoneInfo("Asia/Beirut")
    buckets = cut(datetime(2025, 3, 29, 12, tzinfo=UTC), datetime(2025, 3, 30, 12, tzinfo=UTC), beirut, ("day",))
    assert buckets.starts[1] == datetime(2025, 3, 29, 22, tzinfo=UTC)


def test_too_many_are_refused() -> None:
    """A window of more buckets than anybody reads is refused, at the ends of the calendar too."""
    with pytest.raises(InvalidError, match="more than 4000 days"):
        cut(datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), BERLIN, ("day",))
    with pytest.raises(InvalidError):
        cut(datetime(9999, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC), BERLIN, ("day",))
