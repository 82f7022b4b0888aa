"""What a page looks at, read out of its URL, and the links that look at something near it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from em_agent.dashboard.windows import CUSTOM, DEFAULT, PRESETS, next_minute
from em_agent.domain.times import parse_zone
from em_agent.errors import InvalidError
from em_agent.metrics.buckets import UNITS, Buckets, cut
from em_agent.metrics.parameters import choice, read_query
from em_agent.metrics.query import Query

# What all pages share, and so keep when one goes from page to page.
SHARED = (
    "window", "since", "until", "service", "team", "urgency", "priority", "group", "compare",
    "timezone", "clock", "attribute_by", "exclude_merged",
)  # fmt: skip
_NARROWING = ("service", "team", "urgency", "priority", "status")
_ASKED_OF_METRICS = (
    "service", "team", "urgency", "priority", "timezone", "clock", "attribute_by", "exclude_merged",
)  # fmt: skip
_OF_INCIDENTS = ("service", "team", "urgency", "priority", "timezone", "attribute_by", "exclude_merged")
_LONG_AGO = "1970-01-01"  # what is open is open whenever it began
_OF_OPEN = ("service", "team", "urgency", "priority", "timezone")
_PLACES = frozenset({"cursor", "page"})  # where in a list one is: nothing of that holds for another list
_COMPARISONS = ("previous", "none")
_FEW_DAYS, _FEW_WEEKS = timedelta(days=45), timedelta(weeks=30)
MOST_BUCKETS = 130  # a page with some charts and their tables stays short

_FIRST_YEAR, _LAST_YEAR = 1900, 9000  # no clock that is off leads to the calendar's ends
_LENGTHS = {"day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=28)}

Texts = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One day, week or month of the window, as far as it lies in it; `is_whole` unless the window cuts it."""

    key: str
    since: datetime
    until: datetime
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """The window, filters and units of a page; `query` asks the meter for them without any grouping."""

    path: str
    given: Texts
    query: Query
    window: str
    unit: str
    is_compared: bool

    def grouped(self, *names: str) -> Query:
        """The query by these."""
        return replace(self.query, group_by=names)

    def values(self, name: str) -> tuple[str, ...]:
        """What the URL gives for the name."""
        return self.given.get(name, ())

    def value(self, name: str, default: str = "") -> str:
        """What the URL gives first for the name."""
        return next(iter(self.values(name)), default)

    @property
    def in_words(self) -> str:
        """The window and what narrows it, briefly; dates are those that were given."""
        window = PRESETS[self.window][0] if self.window in PRESETS else "these dates"
        narrowed = (text for name in _NARROWING for text in self.values(name))
        return ", ".join((window, *narrowed))

    @property
    def is_drawable(self) -> bool:
        """Whether the window has no more days, weeks or months than a chart can show."""
        return (self.query.until - self.query.since) / _LENGTHS[self.unit] < MOST_BUCKETS - 1

    def buckets(self) -> Buckets:
        """The days, weeks or months of the window.

        Raises:
            InvalidError: a chart would have too many.

        """
        if not self.is_drawable:
            message = f"A chart shows up to {MOST_BUCKETS} {self.unit}s: choose a shorter window or larger units."
            raise InvalidError(message)
        return cut(self.query.since, self.query.until, self.query.zone, (self.unit,))

    def stretches(self) -> list[Stretch]:
        """The buckets with their ends, within the window.

        Raises:
            InvalidError: a chart would have too many.

        """
        buckets = self.buckets()
        ends = [*buckets.starts[1:], self.query.until]
        since = [max(buckets.starts[0], self.query.since), *buckets.starts[1:]]
        cuts = {since[0], self.query.until} - self._begins()
        return [
            Stretch(key[self.unit], start, end, is_whole=not {start, end} & cuts)
            for key, start, end in zip(buckets.keys, since, ends, strict=True)
        ]

    def _begins(self) -> set[datetime]:
        """Those ends of the window at which a day, week or month begins."""
        a_day = timedelta(days=1)
        around = (
            (at, cut(at - a_day, at + timedelta(seconds=1), self.query.zone, (self.unit,))) for at in self._ends()
        )
        return {at for at, buckets in around if at in buckets.starts[1:]}

    def _ends(self) -> tuple[datetime, datetime]:
        return self.query.since, self.query.until

    def url(self, **changes: str | Sequence[str] | None) -> str:
        """This page with some of its parameters changed, or left out where they are None or empty."""
        kept = {name: texts for name, texts in self.given.items() if name not in _PLACES or name in changes}
        return _url(self.path, kept, changes)

    def url_of(self, path: str, **changes: str | Sequence[str] | None) -> str:
        """Another page with what all pages share."""
        return _url(path, {name: self.given[name] for name in SHARED if name in self.given}, changes)

    def part_url(self, since: datetime, until: datetime) -> str:
        """This page for a part of the window."""
        zone = self.query.zone
        return self.url(window=CUSTOM, since=_begin(since, zone), until=_begin(until, zone), group=None)

    def incidents_url(
        self, since: datetime | None = None, until: datetime | None = None, **changes: str | Sequence[str] | None
    ) -> str:
        """The list of the incidents behind a number: those of the window and filters, or of a part of them."""
        kept = {name: self.given[name] for name in _OF_INCIDENTS if name in self.given}
        zone = self.query.zone
        window = {"since": _begin(since or self.query.since, zone), "until": _begin(until or self.query.until, zone)}
        return _url("/incidents", kept, {**window, **changes})

    def open_incidents_url(self) -> str:
        """The list of the incidents that are open, of any time, that the filters leave."""
        kept = {name: self.given[name] for name in _OF_OPEN if name in self.given}
        return _url("/incidents", kept, {"status": ["triggered", "acknowledged"], "since": _LONG_AGO})

    def api_url(
        self, *group_by: str, path: str = "/v1/metrics/incidents", **changes: str | Sequence[str] | None
    ) -> str:
        """What the API answers to the same question, as CSV unless `format` says otherwise."""
        kept = {name: self.given[name] for name in _ASKED_OF_METRICS if name in self.given}
        asked: dict[str, str | Sequence[str] | None] = {
            "since": moment(self.query.since),
            "until": moment(self.query.until),
            "timezone": self.query.timezone,
            "group_by": ",".join(group_by),
            "format": "csv",
        }
        return _url(path, kept, {**asked, **changes})


def read_filters(path: str, given: Mapping[str, Sequence[str]], *, now: datetime, timezone: str) -> Filters:
    """The filters that the URL's parameters ask.

    Raises:
        InvalidError: a parameter is wrong; the text names it.

    """
    texts: Texts = {name: kept for name, values in given.items() if (kept := tuple(text for text in values if text))}
    window = _window(texts)
    asked = {name: texts[name] for name in (*_ASKED_OF_METRICS, "since", "until") if name in texts}
    if window == CUSTOM:
        query = read_query(asked, now=next_minute(now), timezone=timezone)
    else:
        asked = {name: values for name, values in asked.items() if name not in {"since", "until"}}
        zone = parse_zone(next(iter(texts.get("timezone", ())), timezone))
        since, until = PRESETS[window][1](next_minute(now), zone)
        query = replace(read_query(asked, now=now, timezone=timezone), since=since, until=until)
    if query.since.year < _FIRST_YEAR or query.until.year > _LAST_YEAR:
        message = f"A page shows the years {_FIRST_YEAR} to {_LAST_YEAR}: choose another window."
        raise InvalidError(message)
    unit = _unit(choice(texts, "group", UNITS), query.until - query.since)
    return Filters(path, texts, query, window, unit, choice(texts, "compare", _COMPARISONS) != "none")


def moment(at: datetime) -> str:
    """The instant as the API writes and reads it."""
    return at.isoformat().replace("+00:00", "Z")


def _begin(at: datetime, zone: ZoneInfo) -> str:
    """The instant as a parameter: the date where a day begins there."""
    there = at.astimezone(zone)
    return there.date().isoformat() if there.time() == time.min and not there.fold else moment(at)


def _window(texts: Texts) -> str:
    named = choice(texts, "window", (*PRESETS, CUSTOM))
    has_dates = "since" in texts or "until" in texts
    if named == CUSTOM and not has_dates:
        return DEFAULT
    return named or (CUSTOM if has_dates else DEFAULT)


def _unit(asked: str | None, length: timedelta) -> str:
    """The unit asked for, or one that fits; a larger one where there would be more than a chart can show."""
    fitting = "day" if length <= _FEW_DAYS else "week" if length <= _FEW_WEEKS else "month"
    wanted = asked or fitting
    larger = UNITS[UNITS.index(wanted) :]
    return next((unit for unit in larger if length / _LENGTHS[unit] < MOST_BUCKETS - 1), larger[-1])


def _url(path: str, kept: Mapping[str, Sequence[str]], changes: Mapping[str, str | Sequence[str] | None]) -> str:
    pairs = {name: list(texts) for name, texts in kept.items()}
    for name, change in changes.items():
        pairs[name] = [change] if isinstance(change, str) else list(change or ())
    query = urlencode([(name, text) for name, texts in pairs.items() for text in texts if text], quote_via=quote)
    return f"{path}?{query}" if query else path
