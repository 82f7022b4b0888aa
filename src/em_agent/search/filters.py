"""Which documents a search may find."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from em_agent.kit.postgres import Connection

# Up to so many documents are looked at one by one; beyond, indexes are followed and what they find is filtered.
FEW = 20_000

# `{n}` is the place of the parameter.
_CONDITIONS = {
    "source": "d.source = ANY({n}::text[])",
    "service": "(d.service_id = ANY({n}::text[]) OR d.service = ANY({n}::text[]))",
    "team": "(d.team_ids && {n}::text[] OR d.teams && {n}::text[])",
    "urgency": "d.urgency = ANY({n}::text[])",
    "status": "d.status = ANY({n}::text[])",
    "priority": "d.priority = ANY({n}::text[])",
    "since": "d.at >= {n}::timestamptz",
    "until": "d.at < {n}::timestamptz",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a document has to be: of any of the values given, in the window [since, until); ids or names."""

    source: Sequence[str] = ()
    service: Sequence[str] = ()
    team: Sequence[str] = ()
    urgency: Sequence[str] = ()
    status: Sequence[str] = ()
    priority: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def condition(self, first: int) -> tuple[str, list[object]]:
        """The condition on `search.documents AS d`, and its parameters, which are numbered from `first`."""
        given = {name: value for name in _CONDITIONS if (value := getattr(self, name))}
        parts = [_CONDITIONS[name].format(n=f"${number}") for number, name in enumerate(given, first)]
        return " AND ".join(parts) or "true", list(given.values())


@dataclass(frozen=True, slots=True)
class Scope:
    """The documents that fit the filters: their keys where they are few, else the condition that they meet."""

    filters: Filters
    keys: Sequence[int] | None

    @property
    def is_empty(self) -> bool:
        """Whether no document fits."""
        return self.keys is not None and not self.keys

    def condition(self, first: int) -> tuple[str, list[object]]:
        """A condition on `d.key`, and its parameters."""
        if self.keys is not None:
            return f"d.key = ANY(${first}::integer[])", [self.keys]
        return self.filters.condition(first)


async def resolve(connection: Connection, filters: Filters) -> Scope:
    """The scope that the filters leave."""
    condition, values = filters.condition(1)
    if not values:
        return Scope(filters, None)
    keys: list[int] = await connection.fetchval(
        "SELECT coalesce(array_agg(key), '{}') FROM"  # noqa: S608 - names of ours
        f" (SELECT d.key FROM search.documents AS d WHERE {condition} LIMIT {FEW + 1}) AS fitting",
        *values,
    )
    return Scope(filters, keys if len(keys) <= FEW else None)
