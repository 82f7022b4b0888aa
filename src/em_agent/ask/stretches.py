"""Days, weeks, months and the like of a time zone, as half-open stretches of UTC."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Unit = Literal["minute", "hour", "day", "week", "month", "quarter", "year"]

MONTHS_IN = {"month": 1, "quarter": 3, "year": 12}
_EXACT = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """The instants in [begin, end), in UTC."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Almanac:
    """The calendar of a time zone as it stands at `now`.

    What is said without a year ("in March", "on Friday") is the newest that begins by `latest`; or, where `earliest`
    is set, the first that begins no sooner.
    """

    now: datetime
    zone: ZoneInfo
    latest: datetime | None = None
    earliest: datetime | None = None

    @property
    def today(self) -> date:
        """The date there."""
        return self.now.astimezone(self.zone).date()

    @property
    def newest_day(self) -> date:
        """The last date that something without a year may mean."""
        return (self.latest or self.now).astimezone(self.zone).date()

    def up_to(self, moment: datetime) -> "Almanac":
        """The same, where nothing without a year is later than `moment`."""
        return replace(self, latest=moment, earliest=None)

    def onward_from(self, moment: datetime) -> "Almanac":
        """The same, where nothing without a year is earlier than `moment`."""
        return replace(self, latest=None, earliest=moment)

    def instant(self, day: date, hour: int = 0, minute: int = 0) -> datetime:
        """The instant of that time of day; where the clocks skip it, that at which they change."""
        return datetime.combine(day, time(hour, minute), self.zone).astimezone(UTC)

    def days(self, first: date, last: date) -> Stretch:
        """From the beginning of the first day to the end of the last."""
        return Stretch(self.instant(first), self.instant(last + timedelta(days=1)))

    def hours(self, day: date, first: int, until: int) -> Stretch:
        """The hours of a day from `first` to `until`, which may be more than 24: then it is one of the next day."""
        following = day + timedelta(days=until // 24)
        return Stretch(self.instant(day, first), self.instant(following, until % 24))

    def unit(self, unit: Unit, day: date, offset: int = 0) -> Stretch:
        """The calendar's unit that the day is in, or the one `offset` units later."""
        if unit == "day":
            first = day + timedelta(days=offset)
            return self.days(first, first)
        if unit == "week":
            first = day + timedelta(days=7 * offset - day.weekday())
            return self.days(first, first + timedelta(days=6))
        length = MONTHS_IN[unit]
        index = (day.year * 12 + day.month - 1) // length * length + offset * length
        return Stretch(self.instant(_first_of(index)), self.instant(_first_of(index + length)))

    def back(self, unit: Unit, count: int) -> datetime:
        """So much before now: hours and minutes exactly, days and longer by the calendar and the clock on the wall."""
        if unit in _EXACT:
            return self.now - _EXACT[unit] * count
        local = self.now.astimezone(self.zone)
        if unit in MONTHS_IN:
            first = _first_of(local.year * 12 + local.month - 1 - MONTHS_IN[unit] * count)
            day = min(local.day, length_of(first.year, first.month))
            return local.replace(year=first.year, month=first.month, day=day).astimezone(UTC)
        days = count * 7 if unit == "week" else count
        return datetime.combine(local.date() - timedelta(days=days), local.time(), self.zone).astimezone(UTC)

    def around(self, unit: Unit, count: int) -> Stretch:
        """What "`count` `unit` ago" means: the calendar's unit that long ago, or the hour or minute around it."""
        if unit in _EXACT:
            half = _EXACT[unit] / 2
            moment = self.back(unit, count)
            return Stretch(moment - half, moment + half)
        return self.unit(unit, self.today, -count)

    def year_of(self, month: int, day: int = 1) -> int:
        """The year that is meant where a month, or a date in it, is named without one.

        Raises:
            ValueError: no year has that date.

        """
        edge = self.earliest.astimezone(self.zone).date() if self.earliest else self.newest_day
        step = 1 if self.earliest else -1
        for year in range(edge.year, edge.year + 9 * step, step):
            if day > length_of(year, month):
                continue
            found = date(year, month, day)
            if (found >= edge.replace(day=1) if day == 1 else found >= edge) if self.earliest else found <= edge:
                return year
        message = f"no year has day {day} in month {month}"
        raise ValueError(message)

    def weekday(self, number: int, *, before_today: bool = False) -> date:
        """The newest such day of the week, today too unless it has to lie before."""
        if self.earliest:
            edge = self.earliest.astimezone(self.zone).date()
            return edge + timedelta(days=(number - edge.weekday()) % 7)
        edge = self.newest_day
        back = (edge.weekday() - number) % 7
        return edge - timedelta(days=back or 7 if before_today else back)


def length_of(year: int, month: int) -> int:
    """The number of the month's days."""
    return (_first_of(year * 12 + month) - date(year, month, 1)).days


def _first_of(index: int) -> date:
    """The first day of the month with that index, counted from the year 0."""
    return date(index // 12, index % 12 + 1, 1)
