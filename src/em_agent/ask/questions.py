"""Reads a question: what it wants, of which time, services and people, and about what."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from em_agent.ask.delivery_metrics import Metric, read_metrics
from em_agent.ask.intents import Intent, intent_of
from em_agent.ask.measures import Measure, read_measures
from em_agent.ask.names import Mentions, Names, mentioned
from em_agent.ask.periods import Period, find_periods
from em_agent.ask.ranks import Rank, read_rank
from em_agent.ask.words import content_words
from em_agent.metrics.query import GROUPINGS

Status = Literal["triggered", "acknowledged", "resolved"]

# An incident by its number, by PagerDuty's id, or by a link to it.
_NUMBER = re.compile(
    (
        r"(?<![\w&#/])#\s?([0-9]{1,12})(?![\w.])|\bincident\s+(?:number\s+|no\.?\s*"
        r"|nr\.?\s*)?#?([0-9]{1,12})(?![\w.%]|\s*%)|\b(?:similar\s+to|like)\s+([0-9]{1,12})\W*$"
    ),
    re.IGNORECASE,
)
_ID = re.compile(r"(?<![\w-])([PQR](?=[A-Z0-9]*[0-9])[A-Z0-9]{5,13})(?![\w-])")
_URL = re.compile(r"https?://[^\s<>\"']*?/incidents/([A-Za-z0-9]{3,20})")
_DOCUMENT = re.compile(r"\bpagerduty:incident:([A-Za-z0-9]{3,20})\b")

_URGENCY = re.compile(
    r"\b(high|low)[\s-]+urgency\b|\burgency\s*[:=]?\s*(high|low)\b|\b(high|low)[\s-]urgent\b", re.IGNORECASE
)
_OPEN = re.compile(
    (
        r"\b(?:open|unresolved|ongoing|still\s+open"
        r"|not\s+(?:yet\s+)?resolved)\b(?=\s+(?:\w+\s+){0,3}(?:incidents?|outages?|alerts?|pages?"
        r"|issues?)\b|\s*(?:right\s+)?now|\W*$)"
    ),
    re.IGNORECASE,
)
# "Is anything on fire?", "what's broken right now?"
_AT_PRESENT = re.compile(
    (
        r"^\W*(?:what(?:'s|’s|\s+is)|(?:is|are)\s+(?:there\s+)?(?:anything|something|everything|all|we))\s+"
        r"(?:(?:currently|still|all)\s+)?(?:on\s+fire|burning|down|broken|wrong|failing|going\s+on|happening|ok|okay|fine|good|open)"
        r"(?:\s+(?:right\s+now|now|currently|today|at\s+the\s+moment|at\s+present))?\W*$"
    ),
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"\b(triggered|acknowledged|resolved)\s+(?:(?:high|low)[\s-]urgency\s+)?(?:incidents?|outages?|alerts?)\b",
    re.IGNORECASE,
)
_PRIORITY = re.compile(r"(?<![\w-])(?:p|sev-?|priority\s+)([0-9])s?(?![\w%.-])", re.IGNORECASE)
_TOKEN = re.compile(r"[\w-]+")
_GROUP = re.compile(
    rf"\b(?:by|per|for\s+each|each|every)\s+({'|'.join(GROUPINGS).replace('_', '[ _]')})\b"
    rf"|\bwhich\s+({'|'.join(GROUPINGS)})s?\b|\b(?:busiest|noisiest|worst|best|slowest|fastest"
    rf"|quietest)\s+({'|'.join(GROUPINGS)})s?\b",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"\bcompar\w*|\bversus\b|\bvs\b|\bthan\b|\bagainst\b|\bdiffer\w*|\b(?:better|worse|improv\w*"
    r"|trend\w*|chang(?:e|ed|ing))\b"
    r"|\b(?:the\s+)?(?:period|week|month|quarter|year)\s+before\b|\b(?:over|on)[\s-](?:week|month|year)\b",
    re.IGNORECASE,
)
# The metrics' own names compare nothing.
_OF_CHANGES = re.compile(
    r"\bchange[\s-]+fail\w*|\btimes?\s+(?:for|of)\s+changes?\b|\b(?:our|of|to)\s+changes\b", re.IGNORECASE
)
_UNION = re.compile(r"^\s*(?:and|or|,|&)\s*(?:in\s+|on\s+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which incidents a question is about; each takes any of its values."""

    services: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was understood; `topic` is what is left to search for.

    `about` are services that a word of the topic may be the name of, or a part of it.
    """

    text: str
    intent: Intent
    topic: str
    words: tuple[str, ...]
    period: Period | None = None
    other_period: Period | None = None
    is_compared: bool = False
    filters: Filters = field(default_factory=Filters)
    about: tuple[str, ...] = ()
    incident: str | None = None
    rank: Rank | None = None
    measures: tuple[Measure, ...] = ()
    deliveries: tuple[Metric, ...] = ()
    group_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_question(text: str, names: Names, zone: ZoneInfo, now: datetime) -> Question:
    """The question in `text`, of a team that has these names and this time zone."""
    periods = _joined(text, find_periods(text, zone, now))
    topic = _AT_PRESENT.sub("which open incidents", _without(text, periods))
    incident = _incident(topic)
    deliveries = read_metrics(topic) if incident is None else ()
    intent: Intent = "number" if deliveries else intent_of(topic)
    if incident is not None and intent in {"number", "list", "search", "recurring"}:
        intent = "incident"
    rank, topic = read_rank(topic, intent) if incident is None else (None, topic)
    intent = rank.intent(intent) if rank else intent
    is_number = intent == "number"
    filters, about, notes = _filters(topic, names, is_number=is_number)
    is_compared = is_number and _COMPARED.search(_OF_CHANGES.sub(" ", topic)) is not None
    return Question(
        text=text,
        intent=intent,
        topic=topic,
        words=content_words(topic),
        period=periods[0] if periods else None,
        other_period=periods[1] if is_compared and len(periods) > 1 else None,
        is_compared=is_compared,
        filters=filters,
        about=about,
        incident=incident,
        rank=rank,
        measures=read_measures(topic) if is_number else (),
        deliveries=deliveries,
        group_by=_group_by(topic) if is_number else (),
        notes=tuple(notes),
    )


def _joined(text: str, periods: list[Period]) -> list[Period]:
    """The periods, those that "and", "or" or a comma joins as one from the first's beginning to the last's end."""
    joined: list[Period] = []
    for period in periods:
        if joined and _UNION.match(text[joined[-1].end : period.start]) and not _COMPARED.search(text):
            last = joined.pop()
            begins = None if last.since is None or period.since is None else min(last.since, period.since)
            words = text[last.start : period.end]
            joined.append(Period(begins, max(last.until, period.until), words, last.start, period.end))
        else:
            joined.append(period)
    return joined


def _without(text: str, periods: list[Period]) -> str:
    for period in reversed(periods):
        text = period.without_words(text)
    return re.sub(r"\s+", " ", text).strip()


def _incident(text: str) -> str | None:
    """The incident that is named by number, id or link."""
    for pattern in (_URL, _DOCUMENT, _NUMBER, _ID):
        if match := pattern.search(text):
            return next(group for group in match.groups() if group)
    return None


def _filters(text: str, names: Names, *, is_number: bool) -> tuple[Filters, tuple[str, ...], list[str]]:
    """The filters, the services that may be meant beside, and sentences that say what was not clear.

    A search is narrowed only by what can mean nothing else: a word that is a topic too finds its incidents by itself.
    """
    notes: list[str] = []
    services = mentioned(text, names.services, kind="service")
    teams = mentioned(text, names.teams, kind="team")
    if not teams.is_clear or (services.is_clear and set(teams.words) <= set(services.words)):
        teams = Mentions() if not is_number or services.names or not _says_team(text) else teams
    if teams.is_clear and not services.is_clear and set(services.words) <= set(teams.words):
        services = Mentions()
    about = () if services.is_clear or is_number else services.names
    if about:
        services = Mentions()
    for kind, found in (("service", services), ("team", teams)):
        notes += _doubts(kind, found)
    return (
        Filters(
            services=services.names,
            teams=teams.names,
            urgencies=tuple(dict.fromkeys(next(g for g in m.groups() if g).lower() for m in _URGENCY.finditer(text))),
            priorities=_priorities(text, names),
            statuses=_statuses(text),
        ),
        about,
        notes,
    )


def _says_team(text: str) -> bool:
    return re.search(r"\bteams?\b", text, re.IGNORECASE) is not None


def _doubts(kind: str, found: Mentions) -> list[str]:
    if found.is_clear and found.said:
        return [f'I took "{found.said}" for the {kind} {found.names[0]}.']
    if len(found.names) > 1 and found.said:
        return [f'"{found.said}" may be any of the {kind}s {_listed(found.names)}: all of them are counted.']
    return []


def _listed(names: tuple[str, ...]) -> str:
    shown = [*names[:5], f"{len(names) - 5} more"] if len(names) > 5 else list(names)  # noqa: PLR2004
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]


def _priorities(text: str, names: Names) -> tuple[str, ...]:
    """The priorities that are named, or that have the number of one that is: "sev3" for SEV-3."""
    digits = {match[1] for match in _PRIORITY.finditer(text)}
    said = f" {' '.join(_TOKEN.findall(text.casefold()))} "
    return tuple(
        name
        for name in names.priorities
        if f" {name.casefold()} " in said or ((match := _PRIORITY.fullmatch(name)) and match[1] in digits)
    )


def _statuses(text: str) -> tuple[Status, ...]:
    if _OPEN.search(text):
        return ("triggered", "acknowledged")
    match = _STATUS.search(text)
    return (match[1].lower(),) if match else ()  # type: ignore[return-value]


def _group_by(text: str) -> tuple[str, ...]:
    found = [next(g for g in m.groups() if g).lower().replace(" ", "_") for m in _GROUP.finditer(text)]
    return tuple(dict.fromkeys(found))[:2]


def of_services(question: Question, services: tuple[str, ...] | None) -> Question:
    """The same question of these services alone; of all services, teams, urgencies, priorities and states for None."""
    return replace(question, filters=Filters() if services is None else replace(question.filters, services=services))
