"""What an answer is, and how one is put together: plain text, and a citation for each quote in it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_TITLE_CHARACTERS = 200
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a part of the answer stands, word for word; `about` is cause, resolution, note, incident or metric."""

    id: str
    title: str
    url: str | None
    quote: str
    about: str
    author: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its sources.

    `abstained` says that the question is not answered; `degraded` names what could not be asked; `filters` and `period`
    are what the question was taken to be about.
    """

    answer: str
    citations: Sequence[Citation] = ()
    abstained: bool = False
    degraded: Sequence[str] = ()
    intent: str = "search"
    period: dict[str, Any] | None = None
    filters: dict[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """An answer that is being written."""

    zone: ZoneInfo
    lines: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    kept_lines: list[str] = field(default_factory=list)
    kept_citations: list[Citation] = field(default_factory=list)
    abstained: bool = False
    degraded: set[str] = field(default_factory=set)

    def say(self, line: str = "") -> None:
        """Add a line of our own."""
        self.lines.append(line)

    def notice(self, line: str) -> None:
        """Add a line on how the question was understood, which stays whoever writes the rest."""
        self.lines.append(line)
        self.notices.append(line)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Figures and lists that are added meanwhile stay behind what a model writes, which knows notes alone."""
        lines, citations = len(self.lines), len(self.citations)
        yield
        self.kept_lines += self.lines[lines:]
        self.kept_citations += self.citations[citations:]

    def quote(self, citation: Citation, of: str = "") -> None:
        """Add a line with the words of somebody else, and where they stand."""
        said = ", ".join(part for part in (of, citation.author, self.time(citation.at)) if part)
        self.lines.append(f'  "{citation.quote}"{f" ({said})" if said else ""}')
        self.citations.append(citation)

    def abstain(self, line: str) -> None:
        """Say that there is no answer."""
        self.lines.append(line)
        self.abstained = True

    def time(self, moment: datetime | None) -> str:
        """The moment in the team's time zone."""
        if moment is None:
            return ""
        local = moment.astimezone(self.zone)
        return f"{local.day} {local:%b %Y %H:%M %Z}"

    @property
    def text(self) -> str:
        """The answer's text."""
        return "\n".join(self.lines).strip()


def span(seconds: float | None) -> str:
    """A duration as people say it."""
    if seconds is None:
        return "unknown"
    sign, size = ("-" if seconds < 0 else ""), abs(seconds)
    if size < _MINUTE:
        return f"{sign}{size:.0f} s"
    whole = round(size)
    if whole < _HOUR:
        return (
            f"{sign}{whole // _MINUTE} min {whole % _MINUTE} s" if whole % _MINUTE else f"{sign}{whole // _MINUTE} min"
        )
    if whole < 2 * _DAY:
        return f"{sign}{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{sign}{whole // _DAY} d {whole % _DAY // _HOUR} h"


def day_range(since: datetime | None, until: datetime, zone: ZoneInfo) -> str:
    """The window [since, until) in words; whole days are named by their dates, both included."""
    last = until.astimezone(zone)
    if since is None:
        return f"before {_moment(last)} ({zone.key})"
    first = since.astimezone(zone)
    if _is_midnight(first) and _is_midnight(last):
        final = (last - timedelta(days=1)).date()
        days = _date(first) if final == first.date() else f"{_date(first)} to {final.day} {final:%b %Y}"
        return f"{days} ({zone.key})"
    return f"{_moment(first)} to {_moment(last)} ({zone.key})"


def one_line(text: str, longest: int = _TITLE_CHARACTERS) -> str:
    """The text on one line, shortened."""
    line = _SPACE.sub(" ", text).strip()
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def _is_midnight(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second) == (0, 0, 0)


def _date(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"


def _moment(moment: datetime) -> str:
    return f"{_date(moment)} {moment:%H:%M}"
