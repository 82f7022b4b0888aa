"""Days, weeks and months of a time zone, as the instants at which they begin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from em_agent.errors import InvalidError

UNITS = ("day", "week", "month")
MOST_BUCKETS = 4000


@dataclass(frozen=True, slots=True)
class Buckets:
    """A window cut where a unit begins: bucket n lasts from `starts[n]` to the next start and has the key `keys[n]`."""

    starts: tuple[datetime, ...]
    keys: tuple[dict[str, str], ...]


def cut(since: datetime, until: datetime, zone: ZoneInfo, units: Sequence[str]) -> Buckets:
    """The buckets that the window [since, until) touches, the first and the last in part.

    Raises:
        InvalidError: there would be more than `MOST_BUCKETS`.

    """
    try:
        first = since.astimezone(zone).date()
        last = (until - timedelta(microseconds=1)).astimezone(zone).date()
    except OverflowError as error:
        message = "The window does not fit the calendar of that time zone."
        raise InvalidError(message) from error
    begins = {begin for unit in units for begin in _begins(unit, first, last)}
    inside = sorted(begin for begin in begins if begin > first)
    if len(inside) >= MOST_BUCKETS:
        message = f"The window has more than {MOST_BUCKETS} {units[0]}s: ask for a shorter one or for larger units."
        raise InvalidError(message)
    dates = [first, *inside]
    return Buckets(
        tuple(_midnight(begin, zone) for begin in dates),
        tuple({unit: key_of(unit, begin) for unit in units} for begin in dates),
    )


def key_of(unit: str, day: date) -> str:
    """The name of the unit that the day is in: 2026-03-01, 2026-W09 or 2026-03."""
    if unit == "week":
        year, week, _ = day.isocalendar()
        return f"{year:04}-W{week:02}"
    return day.isoformat() if unit == "day" else day.isoformat()[:7]


def _begins(unit: str, first: date, last: date) -> Iterator[date]:
    """The days in (first, last] at which a unit begins, and no more than are worth counting."""
    day = first
    for _ in range(MOST_BUCKETS + 1):
        following = _next_begin(unit, day)
        if following is None or following > last:
            return
        day = following
        yield day


def _next_begin(unit: str, day: date) -> date | None:
    try:
        if unit == "day":
            return day + timedelta(days=1)
        if unit == "week":
            return day + timedelta(days=7 - day.weekday())
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    except OverflowError:
        return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which the day begins there; where midnight is skipped, that at which the clocks change."""
    try:
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
