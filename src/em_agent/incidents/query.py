"""Which incidents to list: filters, order, and the place to go on from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from em_agent.errors import InvalidError
from em_agent.kit import cursors

# What can be sorted by, with the type that its column has.
SORT_COLUMNS = {
    "triggered_at": "timestamptz",
    "resolved_at": "timestamptz",
    "number": "bigint",
    "time_to_acknowledge_seconds": "double precision",
    "time_to_resolve_seconds": "double precision",
}

OPEN = frozenset({"triggered", "acknowledged"})

# An id, or a name that it has or had: incidents from before a change of the name belong to it, too.
_BY_NAME = (
    "({name} = ANY(?) OR {name}_id = ANY(?) OR {name}_id IN (SELECT {name}_id FROM incidents WHERE {name} = ANY(?)))"
)


@dataclass(frozen=True)
class IncidentQuery:
    """The incidents to list; `window_column` is the time that has to lie in [since, until)."""

    since: datetime | None = None
    until: datetime | None = None
    window_column: str = "triggered_at"
    service: Sequence[str] = ()
    team: Sequence[str] = ()
    urgency: Sequence[str] = ()
    priority: Sequence[str] = ()
    status: Sequence[str] = ()
    exclude_merged: bool = False
    sort: str = "-triggered_at"
    limit: int = 50
    cursor: str | None = None

    @property
    def sort_column(self) -> str:
        """The column to sort by.

        Raises:
            InvalidError: it is none of `SORT_COLUMNS`.

        """
        column = self.sort.removeprefix("-")
        if column not in SORT_COLUMNS:
            message = f"sort is one of {', '.join(SORT_COLUMNS)}, with - before it for the reverse order."
            raise InvalidError(message)
        return column

    def to_sql(self, columns: str) -> tuple[str, list[Any]]:
        """The statement and its parameters; it asks for one row more than `limit`, to tell whether there are more."""
        clauses, values = self._conditions()
        column, direction = self.sort_column, "DESC" if self.sort.startswith("-") else "ASC"
        if self.cursor is not None:
            clauses.append(self._after(column, direction, values))
        values.append(self.limit + 1)
        order = f"ORDER BY {column} {direction} NULLS LAST, id {direction}"
        return f"SELECT {columns} FROM incidents {_where(clauses)} {order} LIMIT ${len(values)}", values  # noqa: S608

    def to_count_sql(self) -> tuple[str, list[Any]]:
        """The statement that counts all of them by status, whatever the page, and its parameters."""
        clauses, values = self._conditions()
        return f"SELECT status, count(*) AS n FROM incidents {_where(clauses)} GROUP BY status", values  # noqa: S608

    def _conditions(self) -> tuple[list[str], list[Any]]:  # noqa: C901 - one branch a filter
        """The conditions of the filters, and their parameters."""
        clauses: list[str] = []
        values: list[Any] = []

        def add(clause: str, value: object) -> None:
            values.append(value)
            clauses.append(clause.replace("?", f"${len(values)}"))

        if self.since is not None:
            add(f"{self.window_column} >= ?", self.since)
        if self.until is not None:
            add(f"{self.window_column} < ?", self.until)
        if self.service:
            add(_BY_NAME.format(name="service"), list(self.service))
        if self.team:
            add("(teams && ?::text[] OR team_ids && ?::text[])", list(self.team))
        if self.urgency:
            add("urgency = ANY(?)", list(self.urgency))
        if self.priority:
            add(_BY_NAME.format(name="priority"), list(self.priority))
        if set(self.status) == OPEN:
            clauses.append("status <> 'resolved'")  # as their index says it
        elif self.status:
            add("status = ANY(?)", list(self.status))
        if self.exclude_merged:
            clauses.append("NOT is_merged")
        return clauses, values

    def _after(self, column: str, direction: str, values: list[Any]) -> str:
        """The condition for the rows behind the cursor; those without a value come last."""
        key, incident_id = cursors.decode(self.cursor or "")
        beyond = "<" if direction == "DESC" else ">"
        values.append(incident_id)
        by_id = f"id {beyond} ${len(values)}"
        if key is None:
            return f"({column} IS NULL AND {by_id})"
        values.append(key)
        value = f"${len(values)}::text::{SORT_COLUMNS[column]}"
        return f"({column} {beyond} {value} OR ({column} = {value} AND {by_id}) OR {column} IS NULL)"

    def cursor_after(self, row: Any) -> str:  # noqa: ANN401 - a row with the sort column and the id
        """The cursor of the page that begins behind the row."""
        return cursors.encode(row[self.sort_column], row["id"])


def _where(clauses: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(clauses)}" if clauses else ""
