"""What a page function is given and gives back, and how the parts of a page are gathered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import asyncpg
import structlog
from starlette.requests import Request

from em_agent.dashboard.backend import Backend
from em_agent.dashboard.filters import Filters
from em_agent.errors import EmAgentError, NotFoundError
from em_agent.kit.postgres import UNREACHABLE
from em_agent.metrics.names import Names

# How many parts of one page ask the database at a time: others need connections of the pool, too.
SIDE_BY_SIDE = 3

Value = TypeVar("Value")

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request for a page: what is looked at, and what there is to look with."""

    backend: Backend
    request: Request
    filters: Filters
    now: datetime
    names: Names = field(default_factory=Names)
    """The names that the filter bar offers."""

    @property
    def path(self) -> str:
        """The page's path."""
        return self.request.url.path

    def parameter(self, name: str) -> str:
        """A part of the path that the route names.

        Raises:
            NotFoundError: it has a character that no text in the database has, so nothing goes by that name.

        """
        value: str = self.request.path_params[name]
        if "\x00" in value:
            message = "There is no page at this address."
            raise NotFoundError(message)
        return value


@dataclass(frozen=True)
class Page:
    """A template with its values; `title` stands in the window's title before the product's name."""

    template: str
    title: str
    values: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True)
class Move:
    """The way to another page of ours, for whoever has sent a form; `to` begins with one slash."""

    to: str


PageFunction = Callable[[Visit], Awaitable[Page | Move]]


@dataclass(frozen=True)
class Panel(Generic[Value]):
    """A part of a page: its value, or one sentence on why there is none."""

    value: Value | None = None
    problem: str | None = None


async def panels(**work: Awaitable[Any]) -> dict[str, Panel[Any]]:
    """Each part by its name, gathered side by side; what cannot be had now is a problem in its place."""
    turn = asyncio.Semaphore(SIDE_BY_SIDE)

    async def gather(name: str, part: Awaitable[Any]) -> Panel[Any]:
        async with turn:
            try:
                return Panel(await part)
            except EmAgentError as error:
                return Panel(problem=str(error))
            except UNREACHABLE as error:
                return _failed(name, error, "The database does not answer; this page tries again by itself.")
            except asyncpg.UndefinedTableError as error:
                return _failed(name, error, "The tables behind this are not built yet: run `em-agent doctor`.")
            except asyncpg.PostgresError as error:
                return _failed(name, error, "The database refused this question; the log has the details.")

    found = await asyncio.gather(*(gather(name, part) for name, part in work.items()))
    return dict(zip(work, found, strict=True))


def _failed(name: str, error: Exception, problem: str) -> Panel[Any]:
    log.warning("dashboard.panel_failed", panel=name, error=repr(error))
    return Panel(problem=problem)
