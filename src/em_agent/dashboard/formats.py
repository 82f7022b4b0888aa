"""Numbers and times as people read them. What is unknown says so."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

UNKNOWN = "unknown"
_NO_BREAK = "\N{NO-BREAK SPACE}"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TEN_MINUTES, _TWO_DAYS = 600, 2 * _DAY


def duration(seconds: float | None) -> str:
    """Seconds as `45 s`, `4 m 12 s`, `38 m`, `1 h 05 m` or `3 d 04 h`, never broken by the end of a line."""
    return UNKNOWN if seconds is None else _spelled(seconds).replace(" ", _NO_BREAK)


def _spelled(seconds: float) -> str:
    if seconds < 0:
        return f"−{_spelled(-seconds)}"  # noqa: RUF001 - the minus sign
    whole = round(seconds)
    if whole < _TEN_MINUTES:
        return f"{whole} s" if whole < _MINUTE else f"{whole // _MINUTE} m {whole % _MINUTE:02} s"
    minutes = round(seconds / _MINUTE)
    if minutes * _MINUTE < _TWO_DAYS:
        return f"{minutes} m" if minutes < _MINUTE else f"{minutes // 60} h {minutes % 60:02} m"
    hours = round(seconds / _HOUR)
    return f"{hours // 24} d {hours % 24:02} h"


def round_duration(seconds: float) -> str:
    """Seconds of a round value, without what is 0 of it: `3 h`, `1 h 30 m`, `2 d`."""
    parts = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"), (1, "s"))
    words, rest = [], round(seconds)
    for length, unit in parts:
        if rest >= length:
            words.append(f"{rest // length} {unit}")
            rest %= length
    return " ".join(words) or "0"


def number(value: float | None) -> str:
    """The number with thin spaces between its thousands, and up to two digits of a fraction."""
    if value is None:
        return UNKNOWN
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}".rstrip("0").rstrip(".")
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}")


def percent(ratio: float | None) -> str:
    """The ratio in percent, with one digit of a fraction where it has one."""
    if ratio is None:
        return UNKNOWN
    text = f"{ratio * 100:.1f}"
    return f"{text.removesuffix('.0')}{_NO_BREAK}%"


def day(at: datetime | date | None, zone: ZoneInfo) -> str:
    """The day there, as `3 Mar 2026`."""
    if at is None:
        return UNKNOWN
    there = at.astimezone(zone).date() if isinstance(at, datetime) else at
    return f"{there.day} {there:%b} {there.year}"


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """The minute there, as `3 Mar 2026, 09:05`."""
    return UNKNOWN if at is None else f"{day(at, zone)}, {at.astimezone(zone):%H:%M}"


def ago(at: datetime | None, now: datetime) -> str:
    """How long before now, as `4 m 12 s ago`."""
    if at is None:
        return UNKNOWN
    if now - at < timedelta(seconds=1):
        return "just now"
    return f"{duration((now - at).total_seconds())} ago"


def span(since: datetime, until: datetime, zone: ZoneInfo) -> str:
    """The window in words: full days by their first and last one, else to the minute."""
    first, last = since.astimezone(zone), until.astimezone(zone)
    if not (first.hour or first.minute or first.second or last.hour or last.minute or last.second):
        return f"{day(since, zone)} – {day(until - timedelta(microseconds=1), zone)}"  # noqa: RUF001
    return f"{moment(since, zone)} – {moment(until, zone)}"  # noqa: RUF001


def shorten(text: object, most: int) -> str:
    """The text, cut behind so many characters: what senders write may be longer than a page."""
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[:most].rstrip()}…"
