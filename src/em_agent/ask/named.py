"""Time phrases that name a day, a week, a month, a quarter or a year: "3 March", "2026-W09", "Q2 2025", "Monday"."""

import re
from datetime import UTC, date, datetime, timedelta

from em_agent.ask.phrases import (
    DAY,
    ENDS,
    FOLLOWED,
    FULL_MONTH,
    FULL_WEEKDAY,
    HAPPENINGS,
    MONTH,
    NO_THING,
    NO_VERB,
    ODD_MONTH,
    ORDINAL_DAY,
    ORDINALS,
    SHORT_MONTH,
    WEEKDAY,
    YEAR,
    Rule,
    day_of,
    month_of,
    rule,
    weekday_of,
    year_in,
)
from em_agent.ask.relative import PARTS, weekend_of
from em_agent.ask.stretches import MONTHS_IN, Almanac, Stretch, length_of

_ISO_DATE = r"(?P<iso>20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))"
_PART = rf"(?:\s+(?P<part>{'|'.join(PARTS)}))?"
_OF = r"\s+(?:of\s+|in\s+)?(?:the\s+month\s+of\s+)?"
_THIRDS = {"early": (1, 10), "mid": (11, 20), "late": (21, 31)}
_SAYS_THIRD = {"beginning": "early", "start": "early", "middle": "mid", "end": "late"}
_NO_NAME = "".join(
    rf"(?<!\b{word}\s)" for word in "a an any another every each some one per most black cyber good".split()
)


def _iso_moment(match: re.Match[str], almanac: Almanac) -> Stretch:
    """The minute that an ISO time names: a single moment for what begins or ends there."""
    moment = datetime.fromisoformat(match["moment"].upper().replace(" ", "T"))
    moment = (moment.replace(tzinfo=almanac.zone) if moment.tzinfo is None else moment).astimezone(UTC)
    return Stretch(moment, moment + timedelta(minutes=1))


def _iso_date(match: re.Match[str], almanac: Almanac) -> Stretch:
    day = date.fromisoformat(match["iso"].replace("/", "-"))
    return almanac.days(day, day)


def _iso_week(match: re.Match[str], almanac: Almanac) -> Stretch:
    year = match.groupdict().get("year") or str(almanac.today.year)
    monday = date.fromisocalendar(int(year), int(match["week"]), 1)
    if not match.groupdict().get("year") and monday > almanac.today:
        monday = date.fromisocalendar(int(year) - 1, int(match["week"]), 1)
    return almanac.unit("week", monday)


def _iso_month(match: re.Match[str], almanac: Almanac) -> Stretch:
    return almanac.unit("month", date.fromisoformat(f"{match['key']}-01"))


def _date(match: re.Match[str], almanac: Almanac) -> Stretch:
    month, day = month_of(match["month"]), day_of(match["day"])
    year = year_in(match, almanac) or almanac.year_of(month, day)
    first = date(year, month, day)
    last = first.replace(day=day_of(match["until"])) if match.groupdict().get("until") else first
    if match.groupdict().get("part"):
        return almanac.hours(first, *PARTS[match["part"].lower()])
    return almanac.days(first, last) if first <= last else almanac.days(last, first)


def _week_of_date(match: re.Match[str], almanac: Almanac) -> Stretch:
    day = date.fromisoformat(match["iso"]) if match.groupdict().get("iso") else None
    day = day or _date(match, almanac).begin.astimezone(almanac.zone).date()
    return weekend_of(day, almanac) if match["unit"].lower() == "weekend" else almanac.unit("week", day)


def _day_of_month(match: re.Match[str], almanac: Almanac) -> Stretch:
    """The newest day with that number."""
    wanted, newest = day_of(match["day"]), almanac.newest_day
    for back in range(12):
        first = almanac.unit("month", newest, -back).begin.astimezone(almanac.zone).date()
        if wanted <= length_of(first.year, first.month) and first.replace(day=wanted) <= newest:
            break
    day = first.replace(day=wanted)
    return almanac.days(day, day)


def _month(match: re.Match[str], almanac: Almanac) -> Stretch:
    month = month_of(match["month"])
    return almanac.unit("month", date(year_in(match, almanac) or almanac.year_of(month), month, 1))


def _which_month(match: re.Match[str], almanac: Almanac) -> Stretch:
    """What is said as "last March" is the newest that is over, "this March" that of this year."""
    month, this = month_of(match["month"]), almanac.today.replace(day=1)
    year = this.year
    if match["which_month"].lower() != "this":
        year = almanac.year_of(month)
        year -= date(year, month, 1) == this
    return almanac.unit("month", date(year, month, 1))


def _third(match: re.Match[str], almanac: Almanac) -> Stretch:
    said = match["third"].lower()
    first_day, last_day = _THIRDS[_SAYS_THIRD.get(said, said)]
    month = month_of(match["month"])
    year = year_in(match, almanac) or almanac.year_of(month)
    last_day = min(last_day, length_of(year, month))
    return almanac.days(date(year, month, first_day), date(year, month, last_day))


def _week_in_month(match: re.Match[str], almanac: Almanac) -> Stretch:
    """The month's days 1 to 7, 8 to 14 and so on; its last seven days."""
    month, nth = month_of(match["month"]), ORDINALS.get(match["nth"].lower())
    year = year_in(match, almanac) or almanac.year_of(month)
    last = nth * 7 if nth else length_of(year, month)
    return almanac.days(date(year, month, last - 6), date(year, month, last))


def _quarter(match: re.Match[str], almanac: Almanac) -> Stretch:
    month = MONTHS_IN["quarter"] * (_nth(match["n"]) - 1) + 1
    return almanac.unit("quarter", date(year_in(match, almanac) or almanac.year_of(month), month, 1))


def _half(match: re.Match[str], almanac: Almanac) -> Stretch:
    month = 6 * _nth(match["n"]) - 5
    first = date(year_in(match, almanac) or almanac.year_of(month), month, 1)
    return Stretch(almanac.instant(first), almanac.unit("quarter", first, 1).end)


def _nth(text: str) -> int:
    return ORDINALS.get(text.lower()) or int(text)


def _year(match: re.Match[str], almanac: Almanac) -> Stretch | None:
    year = int(match["year"])
    return almanac.unit("year", date(year, 1, 1)) if year <= almanac.today.year + 1 else None


def _weekday(match: re.Match[str], almanac: Almanac) -> Stretch:
    number, groups = weekday_of(match["weekday"]), match.groupdict()
    which, week = (groups.get("which_day") or "").lower(), (groups.get("week") or "").lower()
    monday = almanac.today - timedelta(days=almanac.today.weekday())
    if week or which in {"this", "next"}:
        weeks = -1 if week in {"last", "previous"} else which == "next"
        day = monday + timedelta(days=number + 7 * weeks)
    else:
        day = almanac.weekday(number, before_today=which in {"last", "previous", "past"})
    if groups.get("part"):
        return almanac.hours(day, *PARTS[match["part"].lower()])
    return almanac.days(day, day)


_IN_WEEK = r"(?:\s+(?:of\s+)?(?P<week>last|previous|this)\s+week)"
_IN_YEAR_OR_NOT = rf"(?:{YEAR})?"

NAMED: tuple[Rule, ...] = (
    rule(
        r"(?P<moment>20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
        r"(?:Z|[+-][0-2][0-9]:?[0-5][0-9])?)(?:\s+UTC)?",
        _iso_moment,
        has_year=True,
    ),
    rule(_ISO_DATE, _iso_date, has_year=True),
    rule(r"(?P<iso>20[0-9]{2}/[01][0-9]/[0-3][0-9])", _iso_date, has_year=True),
    rule(r"(?P<year>20[0-9]{2})-?W(?P<week>0[1-9]|[1-4][0-9]|5[0-3])", _iso_week, has_year=True),
    rule(r"(?P<key>20[0-9]{2}-(?:0[1-9]|1[0-2]))", _iso_month, has_year=True),
    rule(r"(?P<year>20[0-9]{2})[\s-]?Q(?P<n>[1-4])", _quarter, has_year=True),
    # Weeks.
    rule(
        rf"(?:the\s+)?(?P<unit>week|weekend)\s+(?:of|from|beginning|starting|commencing)\s+(?:{_ISO_DATE})",
        _week_of_date,
    ),
    rule(
        rf"(?:the\s+)?(?P<unit>week|weekend)\s+(?:of|from|beginning|starting|commencing)\s+(?:on\s+)?(?:the\s+)?"
        rf"(?:(?P<month>{MONTH})\s+(?:the\s+)?(?P<day>{DAY}){_IN_YEAR_OR_NOT})",
        _week_of_date,
        floats=True,
    ),
    rule(
        rf"(?:the\s+)?(?P<unit>week|weekend)\s+(?:of|from|beginning|starting|commencing)\s+(?:on\s+)?(?:the\s+)?"
        rf"(?:(?P<day>{DAY})\s+(?:of\s+)?(?P<month>{MONTH}){_IN_YEAR_OR_NOT})",
        _week_of_date,
        floats=True,
    ),
    rule(
        rf"(?:the\s+)?(?P<nth>{'|'.join(ORDINALS)}|last|final)\s+week{_OF}(?P<month>{MONTH}){_IN_YEAR_OR_NOT}",
        _week_in_month,
        floats=True,
    ),
    rule(
        r"(?:calendar\s+|iso\s+)?week\s+(?P<week>0?[1-9]|[1-4][0-9]|5[0-3])(?:\s+of|,)?\s+(?P<year>20[0-9]{2})",
        _iso_week,
        has_year=True,
    ),
    rule(r"(?:calendar\s+|iso\s+)?week\s+(?P<week>0?[1-9]|[1-4][0-9]|5[0-3])", _iso_week, then=ENDS, introduced=True),
    # Days.
    rule(
        (
            rf"(?P<day>{DAY})(?:\s*[-–]\s*|\s+(?:to|and|until|till"
            rf"|through)\s+)(?P<until>{DAY})\s+(?:of\s+)?(?P<month>{MONTH})(?:{YEAR}|{FOLLOWED})"
        ),
        _date,
        floats=True,
    ),
    rule(
        (
            rf"(?P<month>{MONTH})\s+(?P<day>{DAY})(?:\s*[-–]\s*|\s+(?:to|and|until|till"
            rf"|through)\s+)(?P<until>{DAY})(?:{YEAR}|{FOLLOWED})"
        ),
        _date,
        floats=True,
    ),
    rule(rf"(?:the\s+)?(?P<day>{DAY})\s+(?:of\s+)?(?P<month>{MONTH}){YEAR}{_PART}", _date, has_year=True),
    rule(rf"(?P<month>{MONTH})\s+(?:the\s+)?(?P<day>{DAY}){YEAR}{_PART}", _date, has_year=True),
    rule(rf"(?:the\s+)?(?P<day>{ORDINAL_DAY})\s+(?:of\s+)?(?P<month>{MONTH}){_PART}", _date, floats=True),
    rule(rf"(?P<month>{MONTH})\s+(?:the\s+)?(?P<day>{ORDINAL_DAY}){_PART}", _date, then=FOLLOWED, floats=True),
    rule(rf"(?P<day>{DAY})\s+(?P<month>{FULL_MONTH}|{SHORT_MONTH}){_PART}", _date, then=FOLLOWED, floats=True),
    rule(rf"(?P<month>{FULL_MONTH}|{SHORT_MONTH})\s+(?P<day>{DAY}){_PART}", _date, then=FOLLOWED, floats=True),
    rule(rf"(?P<day>{DAY})\s+(?P<month>{ODD_MONTH}){_PART}", _date, then=ENDS, floats=True),
    rule(rf"(?P<month>{ODD_MONTH})\s+(?P<day>{DAY}){_PART}", _date, then=ENDS, floats=True),
    rule(
        rf"(?P<day>{DAY})\s+(?P<month>{ODD_MONTH}){_PART}", _date, then=FOLLOWED + NO_VERB, introduced=True, floats=True
    ),
    rule(rf"(?P<month>{ODD_MONTH})\s+(?P<day>{DAY}){_PART}", _date, then=FOLLOWED, introduced=True, floats=True),
    rule(rf"the\s+(?P<day>{ORDINAL_DAY})", _day_of_month, then=FOLLOWED, introduced=True, floats=True),
    rule(rf"(?P<weekday>{WEEKDAY}){_PART}{_IN_WEEK}", _weekday),
    rule(rf"(?P<week>last|this)\s+week['’]?s?\s+(?P<weekday>{WEEKDAY}){_PART}", _weekday),
    rule(rf"(?P<which_day>last|previous|past|this|next)\s+(?P<weekday>{FULL_WEEKDAY}){_PART}", _weekday, then=NO_THING),
    rule(rf"(?P<which_day>last|this|next)\s+(?P<weekday>{WEEKDAY}){_PART}", _weekday, then=FOLLOWED),
    rule(rf"{_NO_NAME}(?P<weekday>{FULL_WEEKDAY}){_PART}", _weekday, then=NO_THING, introduced=True, floats=True),
    rule(rf"{_NO_NAME}(?P<weekday>{FULL_WEEKDAY}){_PART}", _weekday, then=FOLLOWED, floats=True),
    rule(rf"(?P<weekday>{WEEKDAY}){_PART}", _weekday, then=FOLLOWED, introduced=True, floats=True),
    # Months.
    rule(
        (
            rf"(?:the\s+)?(?P<third>early|mid|late|beginning|start|middle|end)[\s-](?:in\s+"
            rf"|of\s+)?(?P<month>{MONTH}){_IN_YEAR_OR_NOT}"
        ),
        _third,
        then=NO_VERB,
        floats=True,
    ),
    rule(rf"(?:the\s+month\s+of\s+)?(?P<month>{MONTH}){YEAR}", _month, has_year=True),
    rule(rf"(?P<which_month>last|this|previous)\s+(?P<month>{FULL_MONTH})", _which_month),
    rule(
        rf"(?P<which_month>last|this|previous)\s+(?P<month>{ODD_MONTH}|{SHORT_MONTH})",
        _which_month,
        then=FOLLOWED + NO_VERB,
    ),
    rule(rf"(?:the\s+month\s+of\s+)?(?P<month>{FULL_MONTH})", _month, then=r"(?!\s+\d)", introduced=True, floats=True),
    rule(
        rf"(?:the\s+month\s+of\s+)?(?P<month>{ODD_MONTH})",
        _month,
        then=NO_VERB + r"(?!\s+\d)",
        introduced=True,
        floats=True,
    ),
    rule(rf"(?P<month>{SHORT_MONTH})", _month, then=FOLLOWED, introduced=True, floats=True),
    rule(rf"(?:the|our)\s+(?P<month>{MONTH})", _month, then=rf"(?=\s+{HAPPENINGS}\b)", floats=True),
    # Quarters, halves, years.
    rule(rf"Q(?P<n>[1-4]){YEAR}", _quarter, has_year=True),
    rule(r"Q(?P<n>[1-4])", _quarter, introduced=True, floats=True),
    rule(r"Q(?P<n>[1-4])", _quarter, then=FOLLOWED, floats=True),
    rule(rf"(?:the\s+)?(?P<n>{'|'.join(ORDINALS)})\s+quarter{_IN_YEAR_OR_NOT}", _quarter, then=FOLLOWED, floats=True),
    rule(rf"H(?P<n>[12]){YEAR}", _half, has_year=True),
    rule(r"H(?P<n>[12])", _half, then=FOLLOWED, introduced=True, floats=True),
    rule(rf"(?:the\s+)?(?P<n>first|second)\s+half(?:\s+of)?(?:\s+the)?{YEAR}", _half, has_year=True),
    rule(r"(?:the\s+(?:whole\s+)?year\s+)(?P<year>20[0-9]{2})", _year, has_year=True),
    rule(r"(?P<year>20[0-9]{2})", _year, then=FOLLOWED, introduced=True, has_year=True),
)
