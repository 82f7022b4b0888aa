"""Windows that have a name: the last days, and months and quarters of the time zone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

CUSTOM = "custom"
DEFAULT = "30d"


def _last(days: int) -> Callable[[datetime, ZoneInfo], tuple[datetime, datetime]]:
    return lambda now, _: (now - timedelta(days=days), now)


def _months(back: int, length: int) -> Callable[[datetime, ZoneInfo], tuple[datetime, datetime]]:
    """The stretch of so many months that lies `back` stretches before the one that is now."""

    def window(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        today = now.astimezone(zone).date()
        first = (today.year * 12 + today.month - 1) // length * length - back * length
        begin = _midnight(first, zone)
        return (begin, now) if back == 0 else (begin, _midnight(first + length, zone))

    return window


def _midnight(month: int, zone: ZoneInfo) -> datetime:
    """When the month begins there, of months counted from the year 0."""
    return datetime.combine(date(month // 12, month % 12 + 1, 1), time.min, zone).astimezone(UTC)


# What the URL calls it, what people do, and what it is.
PRESETS: dict[str, tuple[str, Callable[[datetime, ZoneInfo], tuple[datetime, datetime]]]] = {
    "7d": ("Last 7 days", _last(7)),
    "30d": ("Last 30 days", _last(30)),
    "90d": ("Last 90 days", _last(90)),
    "365d": ("Last 365 days", _last(365)),
    "this-month": ("This month", _months(0, 1)),
    "last-month": ("Last month", _months(1, 1)),
    "this-quarter": ("This quarter", _months(0, 3)),
    "last-quarter": ("Last quarter", _months(1, 3)),
}


def next_minute(moment: datetime) -> datetime:
    """The full minute after the moment: until when a window that lasts until now is asked for.

    So the same question is asked for a minute, and its answer remembered until the marts change.
    """
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
