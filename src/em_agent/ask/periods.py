"""Finds the time phrase of a question: which instants it means, in the team's time zone, and which words say so.

A small grammar rather than a library of dates: a question's numbers and names ("#42", "what may have caused the second
outage") must never be taken for a time, and every phrase has to mean a half-open range.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from em_agent.ask.named import NAMED
from em_agent.ask.phrases import Rule
from em_agent.ask.relative import RELATIVE
from em_agent.ask.stretches import Almanac, Stretch

_RULES = (*RELATIVE, *NAMED)
_MOST_CHARACTERS = 10_000
_LOOKBACK = 40

# What a phrase may begin with, anchored where the word begins.
_OPENING = re.compile(
    r"(between|from|since|starting(?:\s+from)?|as\s+of|before|prior\s+to|until|till|up\s+to|through|after|following"
    r"|in|on|during|for|over|within|throughout|of|at|around|about|all(?:\s+of)?|back\s+in)\s+",
    re.IGNORECASE,
)
_ARTICLES = re.compile(r"(?:(?:the|all\s+of|about|around|whole|entire|all)\s+)*", re.IGNORECASE)
_LINK = re.compile(r"\s+(?:and|to|until|till|through|up\s+to|thru)\s+(?:the\s+)?|\s*[–—]\s*|\s+-\s+", re.IGNORECASE)
_NOW = re.compile(r"(?:right\s+)?now(?!\w)|today(?!\w)|the\s+present(?!\w)", re.IGNORECASE)
_OPEN_END = re.compile(r"\s+(?:on|onwards?|until\s+now|till\s+now|to\s+now)(?!\w)", re.IGNORECASE)
_BESIDE = re.compile(r"(?:vs\.?|versus|with|to|than|and|against|or)\s+(?:the\s+)?$", re.IGNORECASE)
_STARTS = re.compile(r"(?<![\w#@/\\.:=-])\w")
_CLOCK = re.compile(
    r"(?:\s*,)?\s+(?:at\s+|around\s+|about\s+)?(?P<hour>[01]?[0-9]|2[0-3])(?::(?P<minute>[0-5][0-9]))?\s*"
    r"(?P<half>am|pm)?(?!\w|:\d)",
    re.IGNORECASE,
)
# Where a message is repeated, its times are a part of it: between quotation marks, behind the name of an error or a
# field, before a level of logging.
_MOMENT = r"20[0-9]{2}-[01][0-9]-[0-3][0-9](?:[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9])?[0-9.,]*(?:Z|[+-][0-9:]{4,6})?)?"
_REPEATED = re.compile(
    rf"\"[^\"\n]*\"|“[^”\n]*”|`[^`\n]*`|(?<!\w)'[^'\n]*'(?!\w)"
    rf"|(?:(?-i:\b\w*(?:[a-z0-9][A-Z]|_|[A-Z][0-9])\w*)|\b(?:error|warning|exception|message))[:=]\s*{_MOMENT}"
    rf"|{_MOMENT}(?=\W{{1,3}}(?-i:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRIT|CRITICAL|FATAL|PANIC)\b)",
    re.IGNORECASE,
)
_SINCE = {"since", "starting", "starting from", "from", "as of"}
_BEFORE = {"before", "prior to"}
_UP_TO = {"until", "till", "up to", "through"}
_AFTER = {"after", "following"}


@dataclass(frozen=True, slots=True)
class Period:
    """The instants in [since, until), in UTC, and where the question says so; `since` is None for "before ..."."""

    since: datetime | None
    until: datetime
    words: str
    start: int
    end: int

    def without_words(self, text: str) -> str:
        """The question without the phrase."""
        return f"{text[: self.start]} {text[self.end :]}"


@dataclass(frozen=True, slots=True)
class _Found:
    stretch: Stretch
    end: int
    rule: Rule


def find_period(text: str, zone: ZoneInfo, now: datetime) -> Period | None:
    """The first time phrase of the text, or None where it has none."""
    return next(iter(find_periods(text, zone, now)), None)


def find_periods(text: str, zone: ZoneInfo, now: datetime) -> list[Period]:
    """Every time phrase of the text, in their order; `now` is an aware time."""
    almanac, periods, end = Almanac(now, zone), list[Period](), 0
    repeated = _repeated(text[:_MOST_CHARACTERS])
    for start in _STARTS.finditer(text[:_MOST_CHARACTERS]):
        if start.start() < end or any(first <= start.start() < last for first, last in repeated):
            continue
        is_beside = bool(periods) and _BESIDE.search(text, max(0, start.start() - _LOOKBACK), start.start()) is not None
        period = _period_at(text, start.start(), almanac, introduced=is_beside)
        if period is not None:
            periods.append(period)
            end = period.end
    return periods


def _repeated(text: str) -> list[tuple[int, int]]:
    """Where the text repeats a message word for word; nowhere, if that were all of it."""
    spans = [match.span() for match in _REPEATED.finditer(text)]
    is_all = len(spans) == 1 and not any(c.isalpha() for c in text[: spans[0][0]] + text[spans[0][1] :])
    return [] if is_all and text[spans[0][0]] in "\"“`'" else spans


def _period_at(text: str, start: int, almanac: Almanac, *, introduced: bool) -> Period | None:
    """The phrase that begins exactly there."""
    opening = _OPENING.match(text, start)
    if opening is None:
        return _range(text, start, start, almanac, introduced=introduced) or _plain(
            text, start, start, almanac, introduced=introduced
        )
    word = re.sub(r"\s+", " ", opening[1].lower())
    inside = _ARTICLES.match(text, opening.end())
    for place in dict.fromkeys((inside.end() if inside else opening.end(), opening.end())):
        found = _opened(text, start, place, word, almanac)
        if found:
            return found
    # "over the weekend" is a phrase as a whole.
    return _plain(text, start, start, almanac, introduced=introduced)


def _opened(  # noqa: PLR0911 - one for each word
    text: str, start: int, place: int, word: str, almanac: Almanac
) -> Period | None:
    if word in {"between", "from"}:
        found = _range(text, start, place, almanac, introduced=True)
        if found or word == "between":
            return found
    unit = _unit_at(text, place, almanac, introduced=True)
    if unit is None:
        return _clock_alone(text, start, place, almanac) if word == "since" else None
    begin, end, last = unit.stretch.begin, unit.stretch.end, unit.end
    if word == "from" and _LINK.match(text, last):  # to something that is no time: "from 2000 to 3000 connections"
        return None
    if word in _SINCE:
        onwards = _OPEN_END.match(text, last)
        return _period(text, start, onwards.end() if onwards else last, begin, max(almanac.now, begin))
    if word in _BEFORE:
        return _period(text, start, last, None, begin)
    if word in _UP_TO:
        return _period(text, start, last, None, end)
    if word in _AFTER:
        return _period(text, start, last, end, max(almanac.now, end))
    return _period(text, start, last, begin, end)


def _plain(text: str, start: int, place: int, almanac: Almanac, *, introduced: bool) -> Period | None:
    unit = _unit_at(text, place, almanac, introduced=introduced)
    return _period(text, start, unit.end, unit.stretch.begin, unit.stretch.end) if unit else None


def _range(text: str, start: int, place: int, almanac: Almanac, *, introduced: bool) -> Period | None:
    """Two phrases with "to", "and" or a dash between them: from the first's beginning to the second's end."""
    first = _unit_at(text, place, almanac, introduced=introduced)
    link = _LINK.match(text, first.end) if first else None
    if first is None or link is None:
        return None
    if not introduced and "and" in link[0].lower():
        return None
    if now := _NOW.match(text, link.end()):
        return _period(text, start, now.end(), first.stretch.begin, max(almanac.now, first.stretch.begin))
    second = _unit_at(text, link.end(), almanac, introduced=True)
    if second is None:
        return None
    if second.rule.floats and first.rule.has_year:
        second = _unit_at(text, link.end(), almanac.onward_from(first.stretch.begin), introduced=True) or second
    elif first.rule.floats:
        first = _unit_at(text, place, almanac.up_to(second.stretch.begin), introduced=True) or first
    begin, end = first.stretch.begin, second.stretch.end
    if begin >= end:
        begin, end = second.stretch.begin, first.stretch.end
    return _period(text, start, second.end, begin, end)


def _unit_at(text: str, place: int, almanac: Almanac, *, introduced: bool) -> _Found | None:
    """The longest phrase for one stretch that begins exactly there, with the time of day where one follows."""
    best: _Found | None = None
    for each in _RULES:
        if each.needs_introduction and not introduced:
            continue
        match = each.pattern.match(text, place)
        if match is None or (best is not None and match.end() <= best.end):
            continue
        try:
            stretch = each.read(match, almanac)
        except (ValueError, OverflowError):  # no such date, or none that the calendar has
            continue
        if stretch is not None:
            best = _Found(stretch, match.end(), each)
    return _at_the_clock(text, best, almanac) if best else None


def _at_the_clock(text: str, found: _Found, almanac: Almanac) -> _Found:
    """The hour of the day where a time such as "at 14:00" or "3pm" follows it."""
    clock = _CLOCK.match(text, found.end)
    length = (found.stretch.end - found.stretch.begin).total_seconds()
    if clock is None or not (clock["minute"] or clock["half"]) or not 79_200 <= length <= 93_600:  # noqa: PLR2004
        return found
    day = found.stretch.begin.astimezone(almanac.zone).date()
    begin = almanac.instant(day, _hour(clock), int(clock["minute"] or 0))
    return _Found(Stretch(begin, begin + timedelta(hours=1)), clock.end(), found.rule)


def _clock_alone(text: str, start: int, place: int, almanac: Almanac) -> Period | None:
    """From such a time as 14:00 on: of today, or of yesterday where it is not yet that late."""
    clock = _CLOCK.match(f" {text[place : place + _LOOKBACK]}")
    if clock is None or not (clock["minute"] or clock["half"]):
        return None
    begin = almanac.instant(almanac.today, _hour(clock), int(clock["minute"] or 0))
    if begin > almanac.now:
        begin = almanac.instant(almanac.today - timedelta(days=1), _hour(clock), int(clock["minute"] or 0))
    return _period(text, start, place + clock.end() - 1, begin, almanac.now)


def _hour(clock: re.Match[str]) -> int:
    hour, half = int(clock["hour"]), (clock["half"] or "").lower()
    return hour % 12 + (12 if half == "pm" else 0) if half else hour


def _period(text: str, start: int, end: int, since: datetime | None, until: datetime) -> Period:
    return Period(since, until, text[start:end].strip(), start, end)
