"""Words that carry a meaning, in a form in which those of a question and those of a text can be compared."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_STOP = frozenset(
    (
        "a about above across actually after again against ago all almost along already also although always am among "
        "an and any anybody anyone anything are aren't around as at away back be became because become been before "
        "being below between both but by came can can't cannot could couldn't day days did didn't do does doesn't "
        "doing don't done down during each either else etc ever every everything few for from further get gets "
        "getting give go goes going gone got had hadn't has hasn't have haven't having he hello her here hers hey hi "
        "him his how however i i'd i'm i've if in instead into is isn't it it's its itself just kind know last least "
        "less let like list long look made make makes many may maybe me might month more most much must my myself "
        "need never no nobody nor not nothing now of off often on once one only onto or other others our ours out "
        "over own past per perhaps please quite rather really same say see seem seen she should show since so some "
        "somebody someone something still such sure take takes tell than thank thanks that that's the their theirs "
        "them then there these they thing things this those though through thus time times to together too took "
        "toward under until unto up upon us use very via want was wasn't way we we've week well went were weren't "
        "what what's when where whether which while who whole whom whose why will with within without won't would "
        "year yes yesterday yet you your yours ourselves s t"
    ).split()
)
# What a question about incidents asks with, whatever it is about.
_ASKING = frozenset(
    (
        "answer average behind blame broke broken cause caused causes causing common compare count culprit ended "
        "event events explain explanation fail failed failing failure failures find fix fixed fixes fixing happen "
        "happened happening incident incidents issue issues keep keeps led mean median mitigate mitigated number "
        "origin outage outages problem problems reason reasons recurring repair repaired resolution resolve resolved "
        "resolving root solve solved solution trigger triggered trouble wrong workaround remedy remediation anything "
        "down similar downtime degraded affected postmortem postmortems mortem mortems hour minute second quarter "
        "weekend mttr mtta recover recovered"
    ).split()
)
_SUFFIXES = (
    "ations",
    "ation",
    "ingly",
    "edly",
    "ments",
    "ment",
    "ness",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "er",
    "ed",
    "es",
    "ly",
    "al",
    "s",
    "e",
    "y",
)
_SHORTEST_STEM = 4


def words_of(text: str) -> list[str]:
    """The text's words, in lower case."""
    return _WORD.findall(text.casefold())


def content_words(text: str) -> tuple[str, ...]:
    """The words that say what a question is about, without those that only ask."""
    return tuple(dict.fromkeys(word for word in words_of(text) if word not in _STOP and word not in _ASKING))


def telling_words(text: str) -> list[str]:
    """The words of a text that carry a meaning, stemmed, with repetitions."""
    return [stem(word) for word in words_of(text) if word not in _STOP]


def stem(word: str) -> str:
    """The word without its ending: one form for "exhausted" and "exhausting"."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word.removesuffix(suffix)
            break
    return word[:-1] if len(word) > _SHORTEST_STEM and word[-1] == word[-2] else word


def stems(words: Iterable[str]) -> set[str]:
    """The words' stems."""
    return {stem(word) for word in words}
