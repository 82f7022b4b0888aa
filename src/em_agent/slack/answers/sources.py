"""What the answers are made of, given by the composition root."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from em_agent.kit.postgres import Pool
from em_agent.metrics.incidents import IncidentMeter


class FoundPeriod(Protocol):
    """The time that some words mean; `since` is None where it has no begin."""

    @property
    def since(self) -> datetime | None:
        """When it begins."""

    @property
    def until(self) -> datetime:
        """When it ends; no longer part of it."""

    def without_words(self, text: str) -> str:
        """The text without the words that say so."""
        ...


FindPeriod = Callable[[str, ZoneInfo, datetime], FoundPeriod | None]


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


class Teller(Protocol):
    """Answers questions."""

    async def tell(self, question: str, now: datetime, *, context: str | None) -> Told:
        """The answer; `context` is the question before in the same conversation."""
        ...


class Finder(Protocol):
    """Finds incidents that resemble one."""

    async def similar(self, incident_id: str, limit: int) -> Sequence[Alike]:
        """The most alike, best first."""
        ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the answers are made of; without a teller or finder, what needs them says that it is not there."""

    pool: Pool
    meter: IncidentMeter
    zone: ZoneInfo
    find_period: FindPeriod | None = None
    teller: Teller | None = None
    finder: Finder | None = None
    now: Callable[[], datetime] = _now
