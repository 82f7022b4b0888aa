"""Bars over time, one part on another."""

from collections.abc import Sequence

from markupsafe import Markup

from em_agent.dashboard import formats
from em_agent.dashboard.charts import svg
from em_agent.dashboard.charts.frame import BOTTOM, HEIGHT, TOP, Frame
from em_agent.dashboard.charts.scales import count_scale

_WIDEST = 44


def stacked(frame: Frame, title: str, parts: Sequence[tuple[str, Sequence[int]]]) -> Markup:
    """Counts as a bar for each stretch, its parts from the first below to the last above."""
    totals = [sum(counts) for counts in zip(*(values for _, values in parts), strict=True)]
    scale = count_scale(max(totals, default=1) or 1, HEIGHT - BOTTOM, TOP)
    width = min(frame.step * 0.76, _WIDEST)
    bars = []
    below = [0] * len(totals)
    for kind, values in parts:
        for number, value in enumerate(values):
            if value:
                top, bottom = scale.place(below[number] + value), scale.place(below[number])
                height = max(bottom - top - (1 if below[number] else 0), 0.5)
                x = frame.middle(number) - width / 2
                bars.append(svg.element("rect", x=x, y=top, width=width, height=height, class_=f"bar {kind}"))
                below[number] += value
    spoken = f"{formats.number(sum(totals))} in {len(totals)} {frame.unit}s, up to {max(totals, default=0)} in one."
    return frame.draw(title, spoken, scale, formats.number, *bars)
