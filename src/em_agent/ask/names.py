"""The services, teams and priorities that there are, and those that a question speaks of."""

import asyncio
import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from em_agent.kit.postgres import Pool, reachable

_MOST_NAMES = 2_000  # of a kind
KEPT_SECONDS = 60.0
_ALIKE = 85.0  # of 100: two letters that changed places, or one that is missing, in a word of eight
_FEWEST_LETTERS = 5

# Of each kind those that had an incident of late; a name that was replaced is still known.
_KIND = """
(SELECT '{kind}' AS kind, {column} AS name, max(triggered_at) AS newest FROM {table} WHERE {column} IS NOT NULL
GROUP BY {column} ORDER BY newest DESC NULLS LAST, name LIMIT $1)
"""
_READ = "UNION ALL".join(
    (
        _KIND.format(kind="service", column="service", table="incidents"),
        _KIND.format(kind="team", column="team", table="incidents, unnest(teams) AS team"),
        _KIND.format(kind="priority", column="priority", table="incidents"),
    )
)

# Words that many names have and that mean none of them.
_GENERIC = frozenset(
    "service services api app application server servers system prod production staging the and of for team teams "
    "platform backend frontend main internal external public new old web core engineering group squad crew ops "
    "incident incidents outage cluster engine gateway".split()
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Names:
    """What there is to name."""

    services: Sequence[str] = ()
    teams: Sequence[str] = ()
    priorities: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Mentions:
    """The names that a question speaks of.

    `is_clear` says that it can mean nothing else. Where it is not, `said` is the word that several names, or one name
    and a topic, may be meant by.
    """

    names: tuple[str, ...] = ()
    is_clear: bool = False
    said: str = ""
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class _Kept:
    """The names as they were read last."""

    names: Names = field(default_factory=Names)
    until: float = -math.inf
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


_kept: dict[Pool, _Kept] = {}  # reading them looks at every incident, so it is done once for many questions
_MOST_POOLS = 4  # a process has one or two


async def read_names(pool: Pool) -> Names:
    """The names that incidents carry, those of the newest incidents first, as of the last minute.

    Raises:
        RetriableError: the database does not answer.

    """
    if pool not in _kept and len(_kept) >= _MOST_POOLS:
        _kept.pop(next(iter(_kept)))
    kept = _kept.setdefault(pool, _Kept())
    async with kept.lock:
        if time.monotonic() >= kept.until:
            async with reachable():
                rows = await pool.fetch(_READ, _MOST_NAMES)
            found: dict[str, list[str]] = {"service": [], "team": [], "priority": []}
            for row in rows:
                found[row["kind"]].append(row["name"])
            kept.names = Names(found["service"], found["team"], found["priority"])
            kept.until = time.monotonic() + KEPT_SECONDS
        return kept.names


def mentioned(text: str, names: Iterable[str], *, kind: str) -> Mentions:
    """The names of that kind ("service", "team") which the text speaks of, exact ones before misspelt ones.

    A name stands for itself where it is written in full and has several words, or the kind is said beside it
    ("checkout service", "team Storage"); otherwise it may be a topic as well.
    """
    known, words = list(names), _words(text)
    exact = _whole(words, known)
    if exact:
        clear = [name for name in exact if len(_words(name)) > 1 or _is_said_to_be(words, _words(name), kind)]
        chosen = clear or exact
        return Mentions(tuple(chosen), bool(clear), words=_all_words(chosen))
    misspelt = _misspelt(words, known, kind)
    if misspelt:
        return Mentions((misspelt[0],), is_clear=True, said=misspelt[1], words=tuple(_words(misspelt[1])))
    return _partly(words, known)


def _whole(words: list[str], names: list[str]) -> list[str]:
    """Names that stand in the text word by word, without those that are part of a longer one there."""
    text = f" {' '.join(words)} "
    found = {name: f" {' '.join(_words(name))} " for name in names}
    standing = {name: key for name, key in found.items() if key.strip() and key in text}
    return [
        name for name, key in standing.items() if not any(key in other and key != other for other in standing.values())
    ]


def _is_said_to_be(words: list[str], name: list[str], kind: str) -> bool:
    kinds = {kind, f"{kind}s"}
    for start in range(len(words) - len(name) + 1):
        if words[start : start + len(name)] == name:
            around = words[max(0, start - 1) : start] + words[start + len(name) : start + len(name) + 1]
            if kinds & set(around):
                return True
    return False


def _misspelt(words: list[str], names: list[str], kind: str) -> tuple[str, str] | None:
    """The name that as many words of the text are a misspelling of, and those words."""
    best: tuple[float, str, str] | None = None
    for name in names:
        key = _words(name)
        joined = " ".join(key)
        if len(joined) < _FEWEST_LETTERS or (len(key) == 1 and kind == "team"):
            continue
        for start in range(len(words) - len(key) + 1):
            said = " ".join(words[start : start + len(key)])
            alike = fuzz.ratio(joined, said, score_cutoff=_ALIKE)
            is_other_word = len(key) == 1 and said in _stems(joined)
            if alike and not is_other_word and (best is None or alike > best[0]):
                best = (alike, name, said)
    return (best[1], best[2]) if best else None


def _stems(word: str) -> set[str]:
    """The word in the other number."""
    return {f"{word}s", f"{word}es", word.removesuffix("s"), word.removesuffix("es")}


def _partly(words: list[str], names: list[str]) -> Mentions:
    """The names that share a telling word with the text."""
    by_word: dict[str, list[str]] = {}
    for name in names:
        for word in {*_words(name)} - _GENERIC:
            by_word.setdefault(_singular(word), []).append(name)
    for word in words:
        found = by_word.get(_singular(word))
        if found and word not in _GENERIC and len(word) > 2:  # noqa: PLR2004 - "db", "of"
            return Mentions(tuple(found), is_clear=False, said=word, words=(word,))
    return Mentions()


def _singular(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word  # noqa: PLR2004


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold().replace("_", " "))


def _all_words(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for name in names for word in _words(name)))
