"""How far a question narrows what may answer it, and how that is said."""

from zoneinfo import ZoneInfo

from em_agent.ask.answers import Answer, Draft, day_range
from em_agent.ask.questions import Filters, Question
from em_agent.ask.words import stems, words_of

# Words that no incident is found by.
_PLAIN = frozenset(
    "open unresolved high low urgency priority service team acknowledged alerts alert recent latest newest new all "
    "current pages page p1 p2 p3 ongoing biggest largest worst longest severe serious major important".split()
)


def has_topic(question: Question) -> bool:
    """Whether there is something to search for beside the names that narrow the search."""
    filters = question.filters
    names = " ".join((*filters.services, *filters.teams, *filters.urgencies, *filters.priorities)).casefold()
    return any(word not in _PLAIN and word not in names for word in question.words)


def is_about_services(question: Question) -> bool:
    """Whether all that there is to search for may be the names of services: "database" for Production Database."""
    names = stems(word for name in question.about for word in words_of(name))
    return bool(question.about) and stems(question.words) - _PLAIN <= names


def is_narrowed(question: Question) -> bool:
    """Whether a time or a name narrows it."""
    return question.period is not None or question.filters != Filters()


def told(filters: Filters) -> str:
    """The filters in a sentence; empty where there are none."""
    parts = (
        ("service", filters.services), ("team", filters.teams), ("urgency", filters.urgencies),
        ("priority", filters.priorities), ("status", filters.statuses),
    )  # fmt: skip
    return ", ".join(f"{name} {' or '.join(values)}" for name, values in parts if values)


def none_there(question: Question, zone: ZoneInfo) -> str:
    """The sentence that says that nothing is there."""
    names = told(question.filters)
    with_names = f" with {names}" if names else ""
    if question.period is None:
        return f"There are no incidents{with_names}."
    window = day_range(question.period.since, question.period.until, zone)
    return f"There were no incidents{with_names} in this time: {window}."


def answer_of(draft: Draft, question: Question) -> Answer:
    """The draft as an answer to the question."""
    period = question.period
    filters = question.filters
    given = {
        "service": filters.services, "team": filters.teams, "urgency": filters.urgencies,
        "priority": filters.priorities, "status": filters.statuses,
    }  # fmt: skip
    return Answer(
        answer=draft.text,
        citations=() if draft.abstained and question.intent != "number" else tuple(draft.citations),
        abstained=draft.abstained,
        degraded=tuple(sorted(draft.degraded)),
        intent=question.intent,
        period={"since": period.since, "until": period.until, "words": period.words} if period else None,
        filters={name: values for name, values in given.items() if values},
    )
