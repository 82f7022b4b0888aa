"""What the rules for time phrases share: their shape, and the words that they are made of.

Also what tells a date from a word that only looks like one: "march through the logs", "what may have caused", "sun
microsystems".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from em_agent.ask.stretches import Almanac, Stretch, Unit

MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fourteen": 14, "thirty": 30, "sixty": 60, "ninety": 90,
    "couple": 2, "few": 3, "several": 3, "dozen": 12,
}  # fmt: skip
ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
_UNITS: dict[str, Unit] = {
    "m": "minute", "min": "minute", "mins": "minute", "minute": "minute", "minutes": "minute",
    "h": "hour", "hr": "hour", "hrs": "hour", "hour": "hour", "hours": "hour",
    "d": "day", "day": "day", "days": "day", "night": "day", "nights": "day",
    "w": "week", "wk": "week", "wks": "week", "week": "week", "weeks": "week",
    "month": "month", "months": "month", "mo": "month", "quarter": "quarter", "quarters": "quarter",
    "y": "year", "yr": "year", "yrs": "year", "year": "year", "years": "year",
}  # fmt: skip

# Fragments of the patterns.
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
FULL_MONTH = r"(?:january|february|april|june|july|august|september|october|november|december)"
ODD_MONTH = r"(?:may|march)"  # words of their own
SHORT_MONTH = r"(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
FULL_WEEKDAY = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
WEEKDAY = r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
ORDINAL_DAY = r"(?:[23]?1st|2?2nd|2?3rd|(?:[4-9]|1[0-9]|2[04-9]|30)th|0[1-9])"
DAY = rf"(?:{ORDINAL_DAY}|3[01]|[12][0-9]|[1-9])"
YEAR = (
    r"(?:,?\s+(?:of\s+|in\s+)?(?:(?P<year>20[0-9]{2})|(?P<which>last|this|the\s+previous"
    r"|the\s+same)\s+year)|\s+['’](?P<short>[0-9]{2}))"
)
NUMBER = rf"(?:[0-9]{{1,4}}|(?:a\s+)?couple(?:\s+of)?|(?:a\s+)?few|several|(?:a\s+)?dozen|{'|'.join(_COUNTS)})"
UNIT = rf"(?:{'|'.join(sorted(_UNITS, key=len, reverse=True))})"

# A phrase is not part of a longer word, a path, a version or a label such as `weekend-batch`, `#3` or `10.3.0.7`.
_LEFT = r"(?<![\w#@/\\.:=-])"
_RIGHT = r"(?![\w@/\\=-]|[.:]\w)(?:['’]s(?![\w/-]))?(?!['’]\w)"

# What may follow a phrase that would otherwise be a name or a number of something: the end of a clause, or a word that
# cannot be what the phrase describes.
_WORDS = (
    "and or but to until till through did do does was were is are had has we the our my by for in on at with from "
    "than that which what who why how when where there it they i you this these those last compared comparing compare "
    "versus vs per because around about during after before since between morning afternoon evening night utc then "
    "if so please pls thanks across among as affecting related caused broke went failed happened"
)
HAPPENINGS = (
    r"(?:\w+\s+)?(?:outages?|incidents?|failures?|alerts?|pages?|downtimes?|problems?|disruptions?|crash(?:es)?"
    r"|degradations?|post-?mortems?)"
)
ENDS = r"(?=\s*(?:$|[?!.,;:)\]\"”…]|['’](?!s)|\s[-–—]\s))"
FOLLOWED = rf"(?=\s*(?:$|[?!.,;:)\]\"”…–—-]|['’]|(?:{'|'.join(_WORDS.split())}|{HAPPENINGS})\b(?!-)))"
# What `may` and `march` do where they are no months, and what a weekend has of its own.
_DOINGS = (
    "be|have|has|not|also|cause|need|want|lead|happen|help|work|fail|break|only|still|well|or\\s+may|through|past"
    "|forward|on|across|into|toward|towards|order|over|networks?|"
)
NO_VERB = rf"(?!\s+(?:{_DOINGS}\s*cause)\b)"
_THINGS = (
    "batch|jobs?|runs?|reports?|shifts?|services?|cron|backups?|rota|rotations?|deploys?|deployments?|releases?|teams?"
    "|queues?|workers?|pipelines?|tasks?|scripts?|api|apis|app|apps|cluster|db|database|mode|maintenance|window"
    "|schedules?|newsletter|board|dashboard|view|page|table|index|topic"
)
NO_THING = rf"(?!\s+(?:{_THINGS})\b)"


Reader = Callable[[re.Match[str], Almanac], Stretch | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to name a stretch of time.

    One that `needs_introduction` is a time only behind a word such as "in" or "since". What `floats` has no year, and
    means another one beside another date; what `has_year` fixes the year of what stands beside it.
    """

    pattern: re.Pattern[str]
    read: Reader
    needs_introduction: bool = False
    floats: bool = False
    has_year: bool = False


def rule(  # noqa: PLR0913 - the fields of a rule
    pattern: str,
    read: Reader,
    *,
    then: str = "",
    introduced: bool = False,
    floats: bool = False,
    has_year: bool = False,
) -> Rule:
    """The rule of the pattern as a whole phrase, before what `then` allows."""
    compiled = re.compile(f"{_LEFT}(?:{pattern}){_RIGHT}{then}", re.IGNORECASE)
    return Rule(compiled, read, introduced, floats, has_year)


def count_of(text: str) -> int:
    """The number that digits or a number word mean."""
    words = text.lower().split()
    if words[0].isdigit():
        return int(words[0])
    return _COUNTS[next((word for word in words if word not in {"a", "of"}), "a")]


def unit_of(text: str) -> Unit:
    """The unit that the word or letter means."""
    return _UNITS[text.lower()]


def month_of(text: str) -> int:
    """The number of the month, from 1."""
    return MONTH_NAMES.index(text.lower()[:3]) + 1


def weekday_of(text: str) -> int:
    """The number of the day of the week, Monday's being 0."""
    return WEEKDAY_NAMES.index(text.lower()[:3])


def day_of(text: str) -> int:
    """The number of the day in its month."""
    return int(re.sub(r"\D", "", text))


def year_in(match: re.Match[str], almanac: Almanac) -> int | None:
    """The year that the match of `YEAR` names, if it names one."""
    groups = match.groupdict()
    if groups.get("year"):
        return int(groups["year"])
    if groups.get("short"):
        return 2000 + int(groups["short"])
    if groups.get("which"):
        return almanac.today.year - (0 if groups["which"].lower() == "this" else 1)
    return None
