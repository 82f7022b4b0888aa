"""Small lines for tables: how a value went, without axes."""

from collections.abc import Sequence

from markupsafe import Markup

from em_agent.dashboard.charts import svg

WIDTH, HEIGHT = 120, 26


def spark(title: str, values: Sequence[float | None], kind: str = "s1") -> Markup:
    """The values as a line from 0 to the highest, with gaps where they are unknown, and a dot for the last one."""
    highest = max((value for value in values if value is not None), default=0) or 1
    step = (WIDTH - 6) / max(len(values) - 1, 1)
    points = [
        None if value is None else (3 + step * number, HEIGHT - 3 - (HEIGHT - 6) * value / highest)
        for number, value in enumerate(values)
    ]
    marks = []
    for run in svg.stretches(points):
        if len(run) > 1:
            marks.append(svg.element("path", d=svg.path(run), class_=f"line {kind}"))
        else:
            marks.append(svg.element("circle", cx=run[0][0], cy=run[0][1], r=1.5, class_=f"dot {kind}"))
    known = [point for point in points if point]
    if known:
        marks.append(svg.element("circle", cx=known[-1][0], cy=known[-1][1], r=2.5, class_=f"dot {kind}"))
    return svg.element("svg", *marks, role="img", aria_label=title, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="spark")
