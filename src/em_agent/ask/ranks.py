"""Tells whether a question is about the newest or the longest incidents, and how many of them."""

import re
from dataclasses import dataclass
from typing import Literal

from em_agent.ask.intents import HAPPENING, Intent
from em_agent.ask.phrases import NUMBER, count_of

Order = Literal["newest", "longest"]

_NEWEST = r"last|latest|newest|most\s+recent"
_LONGEST = r"longest|biggest|largest|worst|gravest|most\s+(?:severe|serious)"
# Behind one of these another thing begins: "the last deployment before the outage", "the biggest cause of incidents".
_OTHERS = (
    r"before|after|since|of|that|which|who|when|in|on|for|to|from|by|with|during|and|or|caus\w+|reasons?|deploy\w*"
    r"|releases?|changes?|updates?|notes?|steps?|comments?|commits?|times?|part|half"
)
_ASKED = re.compile(
    rf"(?P<rank>(?:\b(?P<before>{NUMBER})\s+)?\b(?:(?P<newest>{_NEWEST})|(?:{_LONGEST}))(?:\s+(?P<count>{NUMBER}))?)\s+"
    rf"(?:(?!(?:{_OTHERS})\b)[\w'’&/.-]+\s+){{0,5}}?{HAPPENING}(?P<many>s)?\b",
    re.IGNORECASE,
)
# "What broke last?", "when did checkout last fail?"
_LATELY = re.compile(
    r"\b(?:broke|failed|crashed|happened|went\s+(?:down|wrong))\s+(?P<rank>last)\W*$"
    r"|\bwhen\s+(?:did|was|were)\b.*\b(?P<verb>last)\s+(?:fail|break|crash|happen|occur|go|down|broken|affected)\b"
    r"|\b(?:the\s+)?(?P<time>last\s+time)\b",
    re.IGNORECASE | re.DOTALL,
)
_RANKED: frozenset[Intent] = frozenset({"cause", "fix", "list", "incident", "search"})


@dataclass(frozen=True, slots=True)
class Rank:
    """The first `count` of the incidents in that order; None for as many as a list has."""

    order: Order
    count: int | None

    def intent(self, intent: Intent) -> Intent:
        """What is wanted of them: of one where it asks for nothing, all that is known; of several a list."""
        return intent if intent not in {"list", "search"} else "incident" if self.count == 1 else "list"


def read_rank(text: str, intent: Intent) -> tuple[Rank | None, str]:
    """The rank that the text, which has no time phrase any more, asks for, and the text without the words for it."""
    if intent not in _RANKED:
        return None, text
    if match := _ASKED.search(text):
        said = match["count"] or match["before"]
        count = count_of(said) if said else None if match["many"] else 1
        return Rank("newest" if match["newest"] else "longest", count), _cut(text, match.span("rank"))
    if match := _LATELY.search(text):
        name = next(group for group in ("rank", "verb", "time") if match[group])
        return Rank("newest", 1), _cut(text, match.span(name))
    return None, text


def _cut(text: str, span: tuple[int, int]) -> str:
    return " ".join(f"{text[: span[0]]} {text[span[1] :]}".split())
