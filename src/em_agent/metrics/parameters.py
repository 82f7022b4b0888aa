"""Reads a query out of the texts that a caller sends. An empty text is one that was not given."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from em_agent.domain.times import check_window, parse_moment, parse_zone
from em_agent.errors import InvalidError
from em_agent.metrics.query import GROUPINGS, Query

Format = Literal["json", "csv"]

DEFAULT_DAYS = 30
CLOCKS = ("occurred", "received")
ATTRIBUTIONS = ("triggered", "resolved")
URGENCIES = ("high", "low")
BOOLEANS = ("true", "false")
COMPARISONS = ("previous",)
FORMATS: tuple[Format, ...] = ("json", "csv")
REPEATABLE = frozenset({"service", "team", "environment", "urgency", "priority", "group_by"})

_DURATION = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<unit>[smhd]?)")
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

_Choice = TypeVar("_Choice", bound=str)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was given for each parameter, without empty texts, and the window that it asks for."""

    values: Mapping[str, tuple[str, ...]]
    since: datetime
    until: datetime
    timezone: str


def read_asked(given: Mapping[str, Sequence[str]], *, now: datetime, timezone: str) -> Asked:
    """The values and the window of the parameters, in `timezone` where they name none.

    Raises:
        InvalidError: a parameter is wrong; the text names it.

    """
    values = {name: tuple(text for text in texts if text) for name, texts in given.items()}
    for name, texts in values.items():
        if len(texts) > 1 and name not in REPEATABLE:
            message = f"{name} is given more than once."
            raise InvalidError(message)
        if any("\x00" in text for text in texts):
            message = f"{name} holds a NUL character."
            raise InvalidError(message)
    zone_name = _one(values, "timezone") or timezone
    zone = parse_zone(zone_name)
    until = _time(values, "until", zone) or now
    since = _time(values, "since", zone) or _days_before(until)
    check_window(since, until)
    return Asked(values, since, until, zone_name)


def read_query(given: Mapping[str, Sequence[str]], *, now: datetime, timezone: str) -> Query:
    """The query that the parameters ask, in `timezone` where they name none.

    Raises:
        InvalidError: a parameter is wrong; the text names it.

    """
    asked = read_asked(given, now=now, timezone=timezone)
    values = asked.values
    return Query(
        since=asked.since,
        until=asked.until,
        timezone=asked.timezone,
        clock="received" if choice(values, "clock", CLOCKS) == "received" else "occurred",
        attribute_by="resolved" if choice(values, "attribute_by", ATTRIBUTIONS) == "resolved" else "triggered",
        services=values.get("service", ()),
        teams=values.get("team", ()),
        urgencies=choices(values, "urgency", URGENCIES),
        priorities=values.get("priority", ()),
        group_by=read_groupings(values.get("group_by", ()), GROUPINGS),
        exclude_merged=choice(values, "exclude_merged", BOOLEANS) == "true",
        acknowledge_within_seconds=read_seconds(values, "acknowledge_within"),
        resolve_within_seconds=read_seconds(values, "resolve_within"),
    )


def choice(given: Mapping[str, Sequence[str]], name: str, choices: Sequence[_Choice]) -> _Choice | None:
    """The value of the parameter, one of `choices`, or None where it is not given.

    Raises:
        InvalidError: it is something else.

    """
    text = _one(given, name)
    return _among(name, text, choices) if text else None


def read_seconds(given: Mapping[str, Sequence[str]], name: str) -> float | None:
    """The seconds that the parameter means, such as `900` or `15m`, or None where it is not given.

    Raises:
        InvalidError: it is no such duration.

    """
    text = _one(given, name)
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        message = f"{name} must be a number of seconds, or of minutes, hours or days such as 15m, 4h or 2d."
        raise InvalidError(message)
    return float(match["number"]) * _UNIT_SECONDS[match["unit"]]


def _one(given: Mapping[str, Sequence[str]], name: str) -> str | None:
    return next((text for text in given.get(name, ()) if text), None)


def _among(name: str, text: str, choices: Sequence[_Choice]) -> _Choice:
    for one in choices:
        if one == text:
            return one
    message = f"{name} must be {' or '.join([', '.join(choices[:-1]), choices[-1]] if choices[:-1] else choices)}."
    raise InvalidError(message)


def choices(given: Mapping[str, Sequence[str]], name: str, known: Sequence[_Choice]) -> tuple[_Choice, ...]:
    """The values of the parameter, each of them known.

    Raises:
        InvalidError: one is something else.

    """
    return tuple(_among(name, text, known) for text in given.get(name, ()))


def read_groupings(texts: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The names in the texts, which may hold several with commas.

    Raises:
        InvalidError: one is not known, or there twice.

    """
    names = tuple(_among("group_by", name.strip(), known) for text in texts for name in text.split(","))
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"group_by names {twice} more than once."
        raise InvalidError(message)
    return names


def _time(given: Mapping[str, Sequence[str]], name: str, zone: ZoneInfo) -> datetime | None:
    text = _one(given, name)
    return parse_moment(name, text, zone) if text else None


def _days_before(until: datetime) -> datetime:
    try:
        return until - timedelta(days=DEFAULT_DAYS)
    except OverflowError as error:
        message = "until lies too early for a window of 30 days: give since too."
        raise InvalidError(message) from error
