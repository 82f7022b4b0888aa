"""A search's question and filters, as they come in a body or in a query."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from em_agent.domain.times import parse_window
from em_agent.search.filters import Filters

_LISTED = ("source", "service", "team", "urgency", "status", "priority")

Text = Annotated[str, StringConstraints(max_length=500)]
Texts = Annotated[list[Text], Field(max_length=100)]
Values = Text | Texts | None


class FilterValues(BaseModel):
    """What a document has to be: each a value or a list of values, ids or names; a window [since, until)."""

    model_config = ConfigDict(extra="forbid")

    source: Values = None
    service: Values = None
    team: Values = None
    urgency: Values = None
    status: Values = None
    priority: Values = None
    since: Text | None = None
    until: Text | None = None


class SearchRequest(BaseModel):
    """A question, or words, a number, an id, an address, an error's text."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, StringConstraints(max_length=20_000)]
    top_k: Annotated[int, Field(ge=1, le=100)] = 10
    filters: FilterValues | None = None

    @field_validator("q")
    @classmethod
    def _asks_something(cls, value: str) -> str:
        if not value.strip():
            message = "it is empty"
            raise ValueError(message)
        return value.replace("\x00", " ")


class QueryFilters:
    """The same filters as parameters of a query, each of which may repeat."""

    def __init__(  # noqa: PLR0913 - each is a parameter of the request
        self,
        source: Annotated[list[str], Query(description="May repeat.")] = [],  # noqa: B006
        service: Annotated[list[str], Query(description="Service id or name; may repeat.")] = [],  # noqa: B006
        team: Annotated[list[str], Query(description="Team id or name; may repeat.")] = [],  # noqa: B006
        urgency: Annotated[list[str], Query(description="May repeat.")] = [],  # noqa: B006
        status: Annotated[list[str], Query(description="May repeat.")] = [],  # noqa: B006
        priority: Annotated[list[str], Query(description="May repeat.")] = [],  # noqa: B006
        since: Annotated[str | None, Query(description="Time or date; the window begins here.")] = None,
        until: Annotated[str | None, Query(description="Time or date; the window ends before it.")] = None,
    ) -> None:
        """Take the values as they are."""
        self.source, self.service, self.team = source, service, team
        self.urgency, self.status, self.priority = urgency, status, priority
        self.since, self.until = since, until


def to_filters(values: FilterValues | None, timezone: ZoneInfo) -> Filters:
    """The filters; a time without an offset is one in `timezone`.

    Raises:
        InvalidError: a time cannot be read, or the window has no length.

    """
    if values is None:
        return Filters()
    listed = {name: _listed(getattr(values, name)) for name in _LISTED}
    since, until = parse_window(values.since, values.until, timezone)
    return Filters(**listed, since=since, until=until)


def _listed(values: str | list[str] | None) -> list[str]:
    if values is None:
        return []
    return [values] if isinstance(values, str) else values
