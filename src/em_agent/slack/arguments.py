"""Reads what stands behind a sub-command: a service, a state, a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rapidfuzz import fuzz, process, utils

from em_agent.ask.names import read_names
from em_agent.ask.periods import find_period
from em_agent.errors import InvalidError
from em_agent.kit.postgres import Pool

MOST_SUGGESTIONS = 3
LONGEST = 500
_ALIKE = 60  # of 100: below this, a suggestion only confuses

OPEN = ("triggered", "acknowledged")
_STATES: dict[str, tuple[str, ...]] = {
    "open": OPEN,
    "active": OPEN,
    "unresolved": OPEN,
    "triggered": ("triggered",),
    "acknowledged": ("acknowledged",),
    "acked": ("acknowledged",),
    "resolved": ("resolved",),
    "closed": ("resolved",),
}
_URGENCIES = {"high": "high", "low": "low"}
_EMPTY_WORDS = {"all", "of", "in", "on", "for", "from", "the", "with", "incidents", "incident", "service", "urgency"}
# A unit alone is the stretch of that length up to now.
_DAYS = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "quarter": 91, "year": 365}
_LENGTH = re.compile(r"(?P<count>[1-9][0-9]{0,3})(?P<unit>h|d|w|m|y)", re.IGNORECASE)
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for; an empty or missing part is any."""

    service: str | None = None
    states: tuple[str, ...] = ()
    urgency: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def read_arguments(pool: Pool, given: str, *, zone: ZoneInfo, now: datetime) -> Arguments:
    """What the words behind the sub-command ask for.

    Raises:
        InvalidError: they name a service that there is none of; the text says which are alike.

    """
    services = (await read_names(pool)).services
    given = given[:LONGEST].strip().strip("\"'\u201c\u201d").strip()
    exact = _exact(given, services)
    if exact is not None:  # before any of its words is taken for something else
        return Arguments(service=exact)
    since, until, rest = _period(given, zone, now)
    states: tuple[str, ...] = ()
    urgency = None
    left = []
    for word in rest.split():
        bare = word.strip(",.?!").casefold()
        if bare in _STATES and not states:
            states = _STATES[bare]
        elif bare in _URGENCIES and urgency is None:
            urgency = _URGENCIES[bare]
        elif bare in _DAYS and since is None:
            since, until = now - timedelta(days=_DAYS[bare]), now
        else:
            left.append(word)
    return Arguments(_service(_stripped(left), services), states, urgency, since, until)


def suggestions(word: str, known: Sequence[str]) -> list[str]:
    """Those of the known words that are most like it, best first."""
    word = word[:LONGEST]
    found = process.extract(
        word, known, scorer=fuzz.WRatio, processor=utils.default_process, limit=MOST_SUGGESTIONS, score_cutoff=_ALIKE
    )
    return [name for name, _, _ in found]


def _period(given: str, zone: ZoneInfo, now: datetime) -> tuple[datetime | None, datetime | None, str]:
    period = find_period(given, zone, now)
    if period is not None:
        return period.since, min(period.until, now), period.without_words(given)
    for word in given.split():
        length = _LENGTH.fullmatch(word)
        if length is not None:
            hours = int(length["count"]) * _HOURS[length["unit"].lower()]
            return now - timedelta(hours=min(hours, 100 * 365 * 24)), now, given.replace(word, " ", 1)
    return None, None, given


def _stripped(words: list[str]) -> str:
    while words and words[0].casefold() in _EMPTY_WORDS:
        words = words[1:]
    while words and words[-1].casefold() in _EMPTY_WORDS:
        words = words[:-1]
    return " ".join(words).strip("\"'\u201c\u201d")


def _service(name: str, services: Sequence[str]) -> str | None:
    if not name:
        return None
    exact = _exact(name, services)
    if exact is not None:
        return exact
    folded = name.casefold()
    containing = [service for service in services if folded in service.casefold()]
    if len(containing) == 1:
        return containing[0]
    alike = containing[:MOST_SUGGESTIONS] or suggestions(name, services)
    message = f"There is no service \u201c{name[:100]}\u201d."
    if alike:
        message += f" Did you mean {' or '.join(map(_named, alike))}?"
    raise InvalidError(message)


def _named(service: str) -> str:
    return f"\u201c{service[:100]}\u201d"


def _exact(name: str, services: Sequence[str]) -> str | None:
    folded = name.casefold()
    return next((service for service in services if service.casefold() == folded), None)
