"""What the memory has for an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody wrote of an incident, word for word; `role` is cause, resolution or note."""

    role: str
    text: str
    author: str | None = None
    at: datetime | None = None
    title: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a question: sentences, and the quotations that they rest on."""

    answer: str
    quotes: Sequence[Quote]
    abstained: bool
    urls: frozenset[str] = frozenset()  # a line that is one of these leads there


@dataclass(frozen=True, slots=True)
class Alike:
    """A past incident that resembles another one, and what was written of it: of its mending, where that is known."""

    id: str
    title: str
    url: str | None
    snippet: str
    role: str = "similar"
    author: str | None = None
    at: datetime | None = None
