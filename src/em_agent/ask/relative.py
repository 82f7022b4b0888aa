"""Time phrases that count from now: "last week", "past 24 hours", "two weeks ago", "this morning"."""

import re
from datetime import date, timedelta

from em_agent.ask.phrases import ENDS, FOLLOWED, NO_THING, NUMBER, UNIT, Reader, Rule, count_of, rule, unit_of
from em_agent.ask.stretches import Almanac, Stretch, Unit

_SATURDAY = 5
PARTS = {"morning": (0, 12), "afternoon": (12, 18), "evening": (18, 24), "night": (18, 30)}
_PART = "|".join(PARTS)
_CALENDAR_UNIT = r"(?P<unit>week|month|quarter|year)"
_OFFSETS = {"this": 0, "current": 0, "last": -1, "previous": -1, "prior": -1, "preceding": -1, "next": 1}
_MOST = {"minute": 600_000, "hour": 100_000, "day": 20_000, "week": 3_000, "month": 600, "quarter": 200, "year": 50}


def _day(offset: int) -> Reader:
    return lambda _, almanac: almanac.unit("day", almanac.today, offset)


def _part_of_day(match: re.Match[str], almanac: Almanac) -> Stretch:
    offset = {"yesterday": -1, "last": -1, "tomorrow": 1}.get(match["day"].lower(), 0)
    return almanac.hours(almanac.today + timedelta(days=offset), *PARTS[match["part"].lower()])


def _night(offset: int) -> Reader:
    return lambda _, almanac: almanac.hours(almanac.today + timedelta(days=offset), *PARTS["night"])


def _calendar_unit(match: re.Match[str], almanac: Almanac) -> Stretch:
    return almanac.unit(unit_of(match["unit"]), almanac.today, _OFFSETS[match["which"].lower()])


def _before_last(match: re.Match[str], almanac: Almanac) -> Stretch:
    return almanac.unit(unit_of(match["unit"]), almanac.today, -2)


def _rolling(match: re.Match[str], almanac: Almanac) -> Stretch | None:
    number = match.groupdict().get("count")
    return _rolled(unit_of(match["unit"]), count_of(number) if number else 1, almanac)


def _rolled(unit: Unit, count: int, almanac: Almanac) -> Stretch | None:
    return Stretch(almanac.back(unit, count), almanac.now) if 0 < count <= _MOST[unit] else None


def _fortnight(_: re.Match[str], almanac: Almanac) -> Stretch | None:
    return _rolled("week", 2, almanac)


def _half_year(_: re.Match[str], almanac: Almanac) -> Stretch | None:
    return _rolled("month", 6, almanac)


def _ago(match: re.Match[str], almanac: Almanac) -> Stretch | None:
    unit, count = unit_of(match["unit"]), count_of(match["count"])
    if count > _MOST[unit]:
        return None
    if "few" in match["count"].lower() or "several" in match["count"].lower():
        return Stretch(almanac.around(unit, 5).begin, almanac.around(unit, 2).end)
    return almanac.around(unit, count)


def _third(match: re.Match[str], almanac: Almanac) -> Stretch:
    """The first, middle or last third of a calendar's unit, in whole days."""
    offset = _OFFSETS.get((match["which"] or "this").lower(), 0)
    whole = almanac.unit(unit_of(match["unit"]), almanac.today, offset)
    first = whole.begin.astimezone(almanac.zone).date()
    length = (whole.end.astimezone(almanac.zone).date() - first).days
    cuts = [first + timedelta(days=round(length * part / 3)) for part in range(4)]
    third = {"middle": 1, "mid": 1, "end": 2}.get(match["third"].lower(), 0)
    return almanac.days(cuts[third], cuts[third + 1] - timedelta(days=1))


def _to_date(match: re.Match[str], almanac: Almanac) -> Stretch:
    unit: Unit = {"y": "year", "q": "quarter", "m": "month", "w": "week"}[match[0].lower()[0]]  # type: ignore[assignment]
    return Stretch(almanac.unit(unit, almanac.today).begin, almanac.now)


def weekend_of(day: date, almanac: Almanac) -> Stretch:
    """The Saturday and Sunday of the day's week."""
    saturday = day + timedelta(days=_SATURDAY - day.weekday())
    return almanac.days(saturday, saturday + timedelta(days=1))


def _weekend(match: re.Match[str], almanac: Almanac) -> Stretch:
    """The newest that has begun; "last weekend" is the newest that is over."""
    which = (match.groupdict().get("which") or "").lower()
    if which == "next":
        return weekend_of(almanac.today + timedelta(days=7), almanac)
    has_begun = almanac.today.weekday() >= _SATURDAY
    newest = almanac.today if has_begun else almanac.today - timedelta(days=7)
    is_over = which in {"last", "previous"} and has_begun
    return weekend_of(newest - timedelta(days=7) if is_over else newest, almanac)


_WHICH = "|".join(_OFFSETS)

RELATIVE: tuple[Rule, ...] = (
    rule(r"(?:the\s+)?day\s+before\s+yesterday", _day(-2)),
    rule(rf"(?P<day>yesterday|today|this|tomorrow)\s+(?P<part>{_PART})", _part_of_day),
    rule(r"(?P<day>last)\s+(?P<part>evening)", _part_of_day),
    rule(r"last\s+night|yesterday\s+night", _night(-1)),
    rule(r"overnight", _night(-1), then=ENDS),
    rule(r"tonight", _night(0)),
    rule(r"yesterday", _day(-1)),
    rule(r"today", _day(0)),
    rule(r"tomorrow", _day(1)),
    rule(rf"(?:the\s+)?{_CALENDAR_UNIT}\s+before\s+last", _before_last),
    rule(
        rf"(?:the\s+)?(?P<which>{_WHICH})\s+{_CALENDAR_UNIT}", _calendar_unit, then=rf"(?!\s+(?:of\s|end\b)){NO_THING}"
    ),
    rule(
        rf"(?:the\s+)?(?P<third>start|beginning|middle|end)\s+of\s+(?:(?P<which>{_WHICH})|the)\s+{_CALENDAR_UNIT}",
        _third,
        then=NO_THING,
    ),
    rule(
        rf"(?:the\s+|this\s+)?(?:last|past|previous|preceding|trailing|prior|recent)\s+"
        rf"(?P<count>{NUMBER})(?:\s+|\s*-\s*)?(?:calendar\s+|full\s+|whole\s+)?(?P<unit>{UNIT})",
        _rolling,
    ),
    rule(rf"(?:the\s+|this\s+)?past\s+{_CALENDAR_UNIT}", _rolling, then=NO_THING),
    rule(r"(?:the\s+|this\s+)?(?:last|past)\s+(?P<unit>hour|day)", _rolling, then=r"(?!\s+of\s)"),
    rule(r"(?:the\s+|this\s+)?(?:last|past)\s+(?:fortnight|two-week\s+period)", _fortnight),
    rule(r"(?:the\s+|this\s+)?(?:last|past)\s+(?:half[\s-]year|half\s+a\s+year)", _half_year),
    rule(rf"(?P<count>{NUMBER})\s*(?P<unit>{UNIT})\s+(?:ago|back)", _ago),
    rule(r"(?:(?:year|quarter|month|week)\s+to\s+date|[yqmw]td)", _to_date),
    rule(r"(?:the\s+)?(?P<which>last|previous|past|this|next)\s+weekend", _weekend, then=NO_THING),
    rule(r"(?:over|at|on|during|since|before|after|from)\s+the\s+weekend", _weekend, then=rf"{NO_THING}(?!\s+of\s)"),
    rule(r"(?:the\s+)?weekend", _weekend, then=FOLLOWED, introduced=True),
)
