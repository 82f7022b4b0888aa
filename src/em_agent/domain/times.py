"""Times and zones, as senders and users write them."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from em_agent.errors import InvalidError
from em_agent.zones import zone_of

# A sender's clock that is further ahead of our receipt than this is not believed.
CLOCK_TOLERANCE = timedelta(hours=24)

# Programs write these where they have no time, and PostgreSQL's driver takes them for infinity.
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)

_TIMESTAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3]):\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)

# A plus sign that was not percent-encoded arrives as a space.
_LOST_PLUS = re.compile(r"(T\S+) (\d{2}:?\d{2})", re.ASCII)


def parse_time(value: object) -> datetime | None:
    """The UTC time that an ISO 8601 text names, or None for anything else.

    A text without an offset is taken as UTC; a time that does not fit the years 1 to 9999 is none, nor are the first
    and the last instant of those years.
    """
    if not isinstance(value, str) or len(value) > 40 or not _TIMESTAMP.fullmatch(value):  # noqa: PLR2004
        return None
    try:
        moment = datetime.fromisoformat(value.upper())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _FIRST < moment < _LAST else None


def effective_time(occurred_at: datetime | None, received_at: datetime) -> tuple[datetime, bool]:
    """The time an event counts at, and whether its sender's clock was too far ahead to be believed."""
    if occurred_at is None:
        return received_at, False
    if occurred_at - received_at > CLOCK_TOLERANCE:
        return received_at, True
    return occurred_at, False


def parse_moment(name: str, text: str, timezone: ZoneInfo) -> datetime:
    """The UTC time that a user's parameter means: a time with its offset, or a date or time in `timezone`.

    Raises:
        InvalidError: the text is neither; the error's text names the parameter.

    """
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text.strip().upper()))
        return (moment.replace(tzinfo=timezone) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{name} must be an ISO 8601 time or date, such as 2026-03-01T09:30:00Z or 2026-03-01."
        raise InvalidError(message) from error


def parse_window(since: str | None, until: str | None, timezone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Begin and end of the window that a user's parameters mean; None where one of them is not given, or empty.

    Raises:
        InvalidError: one is no time or date, or the window ends before it begins; the error's text names it.

    """
    begin = parse_moment("since", since, timezone) if since else None
    end = parse_moment("until", until, timezone) if until else None
    if begin is not None and end is not None:
        check_window(begin, end)
    return begin, end


def check_window(since: datetime, until: datetime) -> None:
    """Return if the window has a length.

    Raises:
        InvalidError: it has none.

    """
    if since >= until:
        message = "since must lie before until."
        raise InvalidError(message)


def parse_zone(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        InvalidError: there is none.

    """
    try:
        return zone_of(name)
    except ValueError as error:
        message = "timezone must be an IANA name such as Europe/Berlin."
        raise InvalidError(message) from error
