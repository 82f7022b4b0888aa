"""Numbers and times in words."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units, such as `2 h 5 min`; a dash when it is unknown."""
    if seconds is None:
        return "\u2013"
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or (parts and len(parts) == 1):
            parts.append(f"{count} {unit}")
        if len(parts) == 2:  # noqa: PLR2004 - the two largest
            break
    return " ".join(part for n, part in enumerate(parts) if n == 0 or not part.startswith("0 ")) or "0 s"


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """A time in the zone, to the minute; a dash when it is unknown."""
    return "\u2013" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def window(since: datetime, until: datetime, zone: ZoneInfo) -> str:
    """A window [since, until): in days where it begins and ends with one."""
    first, end = since.astimezone(zone), until.astimezone(zone)
    if _is_midnight(first) and _is_midnight(end):
        last = end - timedelta(days=1)
        days = f"{first:%Y-%m-%d}" if first.date() == last.date() else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
        return f"{days} ({zone.key})"
    return f"{first:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} ({zone.key})"


def counted(count: int, thing: str) -> str:
    """A number of things: `1 incident`, `3 incidents`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _is_midnight(at: datetime) -> bool:
    return (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)
