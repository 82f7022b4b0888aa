"""A chart with everything that stands around it: what it rests on, the same as a table, and the way to the CSV."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """A value of a chart's table as it is shown, and the exact one."""

    shown: str
    exact: float | None


@dataclass(frozen=True)
class Row:
    """A stretch of time, what there was in it, and where its incidents are; `is_whole` unless the window cuts it."""

    name: str
    label: str
    url: str
    is_whole: bool
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Series:
    """What a colour stands for: its name, the class of its mark, and whether it is a line, a band or a bar."""

    name: str
    kind: str
    mark: str


@dataclass(frozen=True)
class Chart:
    """A drawing, what its marks mean, its unit, how many incidents it rests on, and its table."""

    name: str
    svg: Markup
    series: Sequence[Series]
    unit: str
    count: int
    counted: str
    rows: Sequence[Row]
    csv_url: str
