"""A year of incidents: when they come, what breaks with what, and how each goes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import ceil
from random import Random

from em_agent.demo.causes import Cause, causes, draw_occasion, symptoms
from em_agent.demo.company import SERVICES, Service
from em_agent.demo.plots import Opening, tell_story
from em_agent.demo.stories import Story

_HOUR = timedelta(hours=1)
# Monday to Sunday: changes cause incidents, and weekends have few of them.
_WEEKDAYS = (1.25, 1.2, 1.15, 1.15, 1.0, 0.5, 0.45)
# Midnight to midnight, UTC: work in the morning and the afternoon, shoppers in the evening.
_HOURS = (4, 3, 3, 3, 3, 4, 5, 8, 11, 13, 13, 12, 10, 12, 13, 12, 11, 10, 9, 9, 9, 8, 6, 5)
_BAD_WEEK = 2.4
_PACE = (1.15, 0.85)  # mends get faster over the year
_BAD_PACE = 1.4
_RECENT_OUTAGE = timedelta(days=7)
_LAST = timedelta(minutes=1)  # nothing begins closer to the end
_FIRST_NUMBER = 1041


@dataclass(frozen=True, slots=True)
class Year:
    """The stories that began in [start, end), in the order of their number, as they stood at `end`."""

    start: datetime
    end: datetime
    stories: tuple[Story, ...]


@dataclass(frozen=True, slots=True)
class _Calendar:
    """How busy each hour is, and how fast mends are in it."""

    start: datetime
    end: datetime
    bad_weeks: frozenset[int]

    @property
    def hours(self) -> int:
        return ceil((self.end - self.start) / _HOUR)

    def is_bad(self, at: datetime) -> bool:
        return (at - self.start).days // 7 in self.bad_weeks

    def weight(self, at: datetime) -> float:
        return _WEEKDAYS[at.weekday()] * _HOURS[at.hour] * (_BAD_WEEK if self.is_bad(at) else 1.0)

    def pace(self, at: datetime) -> float:
        first, last = _PACE
        return (first + (last - first) * ((at - self.start) / (self.end - self.start))) * (
            _BAD_PACE if self.is_bad(at) else 1.0
        )

    def draw_times(self, rng: Random, count: int) -> list[datetime]:
        """So many times, in no order, more of them where it is busy."""
        weights = list(accumulate(self.weight(self.start + hour * _HOUR) for hour in range(self.hours)))
        hours = rng.choices(range(self.hours), cum_weights=weights, k=count)
        return [min(self.start + (hour + rng.random()) * _HOUR, self.end - _LAST) for hour in hours]


@dataclass(frozen=True, slots=True)
class _Outbreak:
    """One cause at work: the service that broke, and those that broke with it."""

    at: datetime
    cause: Cause
    service: Service
    others: tuple[Service, ...]
    is_memorable: bool = False
    goes_on: bool = False


def make_year(end: datetime, *, seed: int = 1, incidents: int = 2500, days: int = 365) -> Year:
    """The year up to `end`: always the same for the same arguments, with `incidents` stories.

    A week before the end there is an outage of the database, so that there is something to ask about; what broke last
    is still broken.
    """
    rng = Random(f"year/{seed}")  # noqa: S311 - a tale, not a secret
    end = end.astimezone(UTC)
    start = end - timedelta(days=days)
    weeks = max(1, days // 7)
    calendar = _Calendar(start, end, frozenset(rng.sample(range(weeks), min(2, weeks // 4))))
    outage = _draw_outbreak(rng, end - _RECENT_OUTAGE, causes()["failover"])
    outbreaks = [replace(outage, is_memorable=True)] if days > _RECENT_OUTAGE.days else []
    outbreaks += [_draw_outbreak(rng, at, _draw_cause(rng)) for at in calendar.draw_times(rng, incidents)]
    *earlier, last = sorted(_limit(outbreaks, incidents), key=lambda outbreak: outbreak.at)
    stories: list[Story] = []
    for outbreak in (*earlier, replace(last, goes_on=True)):
        stories.extend(_tell_outbreak(rng, calendar, outbreak, _FIRST_NUMBER + len(stories)))
    return Year(start, end, tuple(stories))


def _draw_cause(rng: Random) -> Cause:
    table = list(causes().values())
    return rng.choices(table, [cause.weight for cause in table])[0]


def _draw_outbreak(rng: Random, at: datetime, cause: Cause) -> _Outbreak:
    service = SERVICES[rng.choice(cause.services)]
    others = [SERVICES[name] for name in cause.spread.get("services", ()) if name != service.name]
    spreads = others and rng.random() < cause.spread["chance"]
    return _Outbreak(at, cause, service, tuple(rng.sample(others, rng.randint(1, len(others)))) if spreads else ())


def _limit(outbreaks: list[_Outbreak], incidents: int) -> Iterator[_Outbreak]:
    """The first outbreaks, as many as make so many incidents."""
    for outbreak in outbreaks:
        if incidents <= 0:
            return
        others = outbreak.others[: incidents - 1]
        yield replace(outbreak, others=others)
        incidents -= 1 + len(others)


def _tell_outbreak(rng: Random, calendar: _Calendar, outbreak: _Outbreak, number: int) -> Iterator[Story]:
    """The incident on the service that broke, then those of the others, which it may end."""
    at, cause = outbreak.at, outbreak.cause
    pace = calendar.pace(at)
    occasion = draw_occasion(rng, cause, outbreak.service)
    opening = Opening(
        number, at, outbreak.service, occasion, pace, is_memorable=outbreak.is_memorable, goes_on=outbreak.goes_on
    )
    lead = tell_story(opening, rng, calendar.end)
    yield lead
    for place, service in enumerate(outbreak.others, start=1):
        at = min(at + timedelta(seconds=rng.uniform(15, 240)), calendar.end - _LAST)
        occasion = draw_occasion(rng, cause, service, symptoms(service.name))
        yield tell_story(Opening(number + place, at, service, occasion, pace, lead), rng, calendar.end)
