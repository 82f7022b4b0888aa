"""Incident metrics as rows: for CSV and terminals."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from em_agent.metrics.models import Duration, Group, IncidentMetrics

Cell = str | int | float | None


def columns(group_by: tuple[str, ...]) -> list[str]:
    """The names of the columns; those of a duration are like `time_to_resolve_seconds_p90`."""
    names = ["since", "until", *group_by]
    for name, field in Group.model_fields.items():
        if field.annotation is Duration:
            names += [f"{name}_{statistic}" for statistic in Duration.model_fields]
        elif name != "key":
            names.append(name)
    return names


def rows(metrics: IncidentMetrics) -> Iterator[list[Cell]]:
    """One row for each group, those of the previous window after the others."""
    windows = [(metrics.since, metrics.until, metrics.groups)]
    if metrics.previous:
        windows.append((metrics.previous.since, metrics.previous.until, metrics.previous.groups))
    for since, until, groups in windows:
        for group in groups:
            yield [_time(since), _time(until), *group.key.values(), *_values(group)]


def to_csv(metrics: IncidentMetrics, group_by: tuple[str, ...]) -> str:
    """The metrics as CSV with a header; what is unknown is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns(group_by))
    writer.writerows([_harmless(cell) for cell in row] for row in rows(metrics))
    return text.getvalue()


def _values(group: Group) -> Iterator[Cell]:
    for name, value in group:
        if isinstance(value, Duration):
            yield from (statistic for _, statistic in value)
        elif name != "key":
            yield value


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _harmless(cell: Cell) -> Cell:
    """A name that a spreadsheet would take for a formula is shown as text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
