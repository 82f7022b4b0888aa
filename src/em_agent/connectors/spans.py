"""Stretches of time that a list is asked for, one after the other.

PagerDuty lists at most 10,000 rows of a question and refuses more than six months at once; and the ends of a window may
count for whole days, of the account's time zone. So each is shorter than that, ends at midnight, and is asked for with
a day more: what comes twice does no harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)
LONGEST = timedelta(days=90)
_SHORTEST = timedelta(minutes=2)


@dataclass(frozen=True)
class Span:
    """The time from `since` to `until`; without both, all of time."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """What it is asked for with."""
        if self.since is None or self.until is None:
            return [("date_range", "all")]
        return [("since", _text(self.since)), ("until", _text(self.until + min(DAY, self.until - self.since)))]

    def halves(self) -> "list[Span]":
        """The later and the earlier half, at a midnight if it is longer than a day; none where it is too short."""
        if self.since is None or self.until is None or self.until - self.since < _SHORTEST:
            return []
        middle = (self.since + (self.until - self.since) / 2).replace(second=0, microsecond=0)
        if self.until - self.since > DAY:
            middle = max(_midnight(middle), _midnight(self.since) + DAY)
        if not self.since < middle < self.until:
            return []
        return [Span(middle, self.until), Span(self.since, middle)]

    @property
    def day(self) -> datetime | None:
        """The midnight before it."""
        return _midnight(self.since) if self.since else None

    @property
    def is_of_a_day(self) -> bool:
        """Whether it is less than a day."""
        return self.since is not None and self.until is not None and self.until - self.since < DAY

    def whole_day(self) -> "Span":
        """The day that it is of."""
        return Span(self.day, self.day + DAY) if self.day else self

    def to_json(self) -> list[str | None]:
        """The ends, for the place of a run."""
        return [end.isoformat() if end else None for end in (self.since, self.until)]

    @classmethod
    def from_json(cls, ends: Sequence[str | None]) -> "Span":
        """The span with these ends."""
        since, until = (datetime.fromisoformat(end) if end else None for end in ends)
        return cls(since, until)


def spans_between(since: datetime, until: datetime) -> list[Span]:
    """The spans that cover the time from since to until, the latest first."""
    first, last = _midnight(since), _midnight(until) + DAY
    spans = []
    while last > first:
        begin = max(first, last - LONGEST)
        spans.append(Span(begin, last))
        last = begin
    return spans


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
