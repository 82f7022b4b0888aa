"""What every chart over time has: its size, the grid with its values, and the days, weeks or months below."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from em_agent.dashboard.charts.scales import Scale
from em_agent.dashboard.charts.svg import drawing, element
from em_agent.dashboard.filters import Stretch

WIDTH, HEIGHT = 640, 230
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 10, 28
_MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """The field that a chart draws in: a column for each stretch of time."""

    stretches: Sequence[Stretch]
    unit: str
    zone: ZoneInfo

    @property
    def step(self) -> float:
        """How wide a column is."""
        return (WIDTH - LEFT - RIGHT) / max(len(self.stretches), 1)

    def middle(self, number: int) -> float:
        """The middle of the column of that number."""
        return LEFT + self.step * (number + 0.5)

    def draw(self, title: str, description: str, scale: Scale, word: Callable[[float], str], *marks: Markup) -> Markup:
        """The chart with its axes; `word` names the values of the scale."""
        grid = [self._line(scale.place(tick), word(tick), is_zero=tick == 0) for tick in scale.ticks]
        field = {"data_left": LEFT, "data_right": WIDTH - RIGHT, "data_top": TOP, "data_bottom": HEIGHT - BOTTOM}
        return drawing(
            title, description, (WIDTH, HEIGHT), *grid, *self._labels(), *marks, class_="chart", tabindex="0", **field
        )

    def _line(self, y: float, text: str, *, is_zero: bool) -> Markup:
        line = element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="zero" if is_zero else "grid-line")
        return line + element("text", text, x=LEFT - 8, y=y + 4, class_="tick value")

    def _labels(self) -> list[Markup]:
        every = -(-len(self.stretches) // _MOST_LABELS) or 1
        last = len(self.stretches) - 1
        return [
            element(
                "text", label(self.unit, stretch.since, self.zone), x=self.middle(number), y=HEIGHT - 8, class_="tick"
            )
            for number, stretch in enumerate(self.stretches)
            if number % every == 0 and (number <= last - every // 2 or number == 0)
        ]


def label(unit: str, since: datetime, zone: ZoneInfo) -> str:
    """The short name of the day, week (by its first day) or month that begins then."""
    there = since.astimezone(zone)
    return f"{there:%b} {there.year}" if unit == "month" else f"{there.day} {there:%b}"
