"""Metrics as rows: for CSV and terminals."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

Cell = str | int | float | None
# What stands in no column of its own: the key is columns before the others, and a list is no value.
_APART = frozenset({"key", "links"})


class _Window(Protocol):
    @property
    def since(self) -> datetime: ...
    @property
    def until(self) -> datetime: ...
    @property
    def groups(self) -> Sequence[Any]: ...


def columns(group_by: tuple[str, ...], model: type[BaseModel], without: frozenset[str] = frozenset()) -> list[str]:
    """The names of the columns; those of a duration are like `time_to_resolve_seconds_p90`."""
    return ["since", "until", *group_by, *_names(model, without)]


def rows(*windows: _Window | None, without: frozenset[str] = frozenset()) -> Iterator[list[Cell]]:
    """One row for each group of each window that there is."""
    for window in filter(None, windows):
        for group in window.groups:
            yield [as_text(window.since), as_text(window.until), *group.key.values(), *_values(group, without)]


def to_csv(header: Sequence[str], lines: Iterable[Sequence[Cell]]) -> str:
    """The lines as CSV; what is unknown is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in line] for line in lines)
    return text.getvalue()


def as_text(moment: datetime) -> str:
    """The time as JSON has it."""
    return moment.isoformat().replace("+00:00", "Z")


def _names(model: type[BaseModel], without: frozenset[str]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (f"{name}_{inner}" for inner in _names(kind, without))
        elif name not in _APART | without:
            yield name


def _values(item: BaseModel, without: frozenset[str]) -> Iterator[Cell]:
    for name, value in item:
        if isinstance(value, BaseModel):
            yield from _values(value, without)
        elif name not in _APART | without:
            yield value


def _harmless(cell: Cell) -> Cell:
    """A name that a spreadsheet would take for a formula is shown as text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
